"""What every way of handing events in does: read, check, put, and say what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from domain.event_texts import ID_TAKEN, EventText, read_text
from domain.events import EventError
from domain.ids import repeated_random64
from sources.base import SourceError
from sources.inlet import Inlet
from store.errors import NotFound, StoreError, StoreOvertaken
from store.records import Appended

LARGE_BYTES = 256 * 1024
"""A text that is larger is read in a thread, so that the worker's loop goes on; and one at a time,
since what is made of it takes several times the memory of the text."""

BUSY_RETRY_S = 5
DISK_RETRY_S = 60


class Refusal(Exception):
    """Nothing of a text was taken: what is wrong with it, and where.

    `taken_id` tells that all is well but for an id that another event has.
    """

    def __init__(self, place: str, reason: str, *, taken_id: bool = False) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason
        self.taken_id = taken_id


class NotNow(Exception):
    """Nothing was taken, and the same may be handed in again later."""

    def __init__(self, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Intake:
    """The one handler behind the socket and HTTP."""

    def __init__(self, inlet: Inlet, random64: Callable[[], int]) -> None:
        self._inlet = inlet
        self._random64 = random64
        self._told_ms = 0
        self._large = asyncio.Lock()

    async def take(self, data: bytes, key: str = "") -> Appended:
        """Take all events of a text; they are durable when this returns.

        The same text with the same `key` gives events without facts the same ids, so that they
        are known when it is handed in again. Raises Refusal, NotNow.
        """
        now_ms = self._inlet.clock()
        random64 = repeated_random64(key) if key else self._random64
        read = partial(read_text, data, now_ms=now_ms, random64=random64)
        try:
            if len(data) <= LARGE_BYTES:
                return await self._put(read())
            async with self._large:
                return await self._put(await asyncio.to_thread(read))
        except EventError as error:
            raise Refusal(error.place, error.reason) from None

    async def _put(self, text: EventText) -> Appended:
        try:
            appended = await self._inlet.put(text.events)
        except SourceError as error:
            await self._tell(str(error))
            raise NotNow(error.reason, DISK_RETRY_S) from None
        except NotFound:
            raise NotNow("this way in was closed", DISK_RETRY_S) from None
        except StoreOvertaken:
            raise NotNow("this tocsin must be started anew", DISK_RETRY_S) from None
        except StoreError:
            raise NotNow("the store cannot be written now", BUSY_RETRY_S) from None
        if appended.conflicts:
            raise Refusal(text.place(appended.conflicts[0]), f"id: {ID_TAKEN}", taken_id=True)
        return appended

    async def _tell(self, sentence: str) -> None:
        """Show why others are sent away as the source's health, once a minute at most."""
        now_ms = self._inlet.clock()
        if 0 <= now_ms - self._told_ms < DISK_RETRY_S * 1000:
            return
        self._told_ms = now_ms
        with suppress(StoreError):
            await self._inlet.note_own_failure(sentence)
