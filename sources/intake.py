"""What every way of handing events in does: read, check, put, and say what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial

import msgspec

from domain.event_input import ID_TAKEN, EventText, read_text, sanitized
from domain.events import EventError, TooManyEvents
from domain.ids import repeated_random64
from domain.wording import counted
from sources.base import SourceError
from sources.inlet import Inlet
from sources.turns import FairLock
from store.errors import NotFound, StoreError, StoreLost
from store.records import AppendResult

LARGE_BYTES = 256 * 1024
"""A text that is larger is read in a thread, so that the worker's loop goes on; and one at a time,
since what is made of it takes several times the memory of the text."""

BUSY_RETRY_S = 5
DISK_RETRY_S = 60


class Refusal(Exception):
    """Nothing of a text was taken: what is wrong with it, and where."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class TooLarge(Refusal):
    """It holds more events than one text may."""


class NotNow(Exception):
    """Nothing was taken, and the same may be handed in again later."""

    def __init__(self, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class RefusedEvent(msgspec.Struct, frozen=True):
    """One event of a text that was not taken, while others were."""

    place: str
    id: str
    reason: str = ID_TAKEN


class Receipt(msgspec.Struct, frozen=True):
    """The outcome of a text that could be read; what is accepted or repeated is on disk.

    `sanitized` counts those of them in whose texts U+FFFD has replaced what is no text.
    """

    accepted: int
    repeated: int
    sanitized: int
    refused: tuple[RefusedEvent, ...]

    def answer(self) -> dict[str, object]:
        """Return the answer to whoever handed the text in."""
        answer: dict[str, object] = {"accepted": self.accepted, "repeated": self.repeated}
        if self.sanitized:
            answer["sanitized"] = self.sanitized
        if self.refused:
            answer["refused"] = self.refused
            answer["error"] = self._refusal()
        return answer

    def _refusal(self) -> str:
        count = len(self.refused)
        others = self.accepted + self.repeated
        kept = "; all others are on disk" if others else ""
        of_all = f"{count:,} of {counted(count + others, 'event')}"
        return f"refused {of_all}, with an id known already with another body{kept}"


class Intake:
    """The one handler behind the socket and HTTP."""

    def __init__(self, inlet: Inlet, random64: Callable[[], int]) -> None:
        self._inlet = inlet
        self._random64 = random64
        self._told_ms = 0
        self._large = FairLock()

    async def take(self, data: bytes, client: Hashable, key: str = "") -> Receipt:
        """Take each event of a text that stands alone; they are durable when this returns.

        Where many wait, one of each `client` is next. The same text with the same `key` gives
        events without facts the same ids, so that they are known when it is handed in again.
        Raises Refusal, NotNow.
        """
        now_ms = self._inlet.clock()
        random64 = repeated_random64(key) if key else self._random64
        read = partial(read_text, data, now_ms=now_ms, random64=random64)
        try:
            if len(data) <= LARGE_BYTES:
                return await self._put(read(), client)
            async with self._large.turn(client):
                return await self._put(await asyncio.to_thread(read), client)
        except TooManyEvents as error:
            raise TooLarge(error.place, error.reason) from None
        except EventError as error:
            raise Refusal(error.place, error.reason) from None

    async def _put(self, text: EventText, client: Hashable) -> Receipt:
        try:
            appended = await self._inlet.put(text.events, client)
        except SourceError as error:
            await self._tell(str(error))
            raise NotNow(error.reason, DISK_RETRY_S) from None
        except NotFound:
            raise NotNow("this way in was closed", DISK_RETRY_S) from None
        except StoreLost:
            raise NotNow("this tocsin must be started anew", DISK_RETRY_S) from None
        except StoreError:
            raise NotNow("the store cannot be written now", BUSY_RETRY_S) from None
        return _receipt(text, appended)

    async def _tell(self, sentence: str) -> None:
        """Show why others are sent away as the source's health, once a minute at most."""
        now_ms = self._inlet.clock()
        if 0 <= now_ms - self._told_ms < DISK_RETRY_S * 1000:
            return
        self._told_ms = now_ms
        with suppress(StoreError):
            await self._inlet.note_own_failure(sentence)


def _receipt(text: EventText, appended: AppendResult) -> Receipt:
    refused = [text.events[place] for place in appended.conflicts]
    return Receipt(
        appended.accepted,
        appended.repeated,
        sanitized(text.events) - sanitized(refused),
        tuple(
            RefusedEvent(text.place(place), event.id)
            for place, event in zip(appended.conflicts, refused, strict=True)
        ),
    )
