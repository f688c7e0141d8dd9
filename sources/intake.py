"""Intake of events that programs hand in: read, check, commit together, answer after the commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, Protocol

import msgspec

from domain.event_input import ID_TAKEN, EventText, read_text, sanitized
from domain.event_types import EventType
from domain.events import Event, EventError, TooManyEvents
from domain.ids import repeated_random64
from domain.wording import counted
from sources.base import SourceError
from sources.limits import check_disk
from sources.polling import StaleAlertOf, save_failure
from sources.turns import FairLock
from store import sources as stored_sources
from store.errors import NotFound, StoreError, StoreLost
from store.records import AppendResult, StoredSource

if TYPE_CHECKING:
    from store.database import Store

P = ParamSpec("P")

MOST_LISTS = 500
"""Lists of events in one commit."""

MOST_EVENTS = 10_000
"""Events of one commit, so that the worker gets its turn; a single list may have more."""

ROOM_CHECK_S = 1.0

LARGE_BYTES = 256 * 1024
"""Bytes above which a text is read in a thread, so that the worker's loop goes on; and one text at
a time, since its events take several times the memory of the text."""

BUSY_RETRY_S = 5

DISK_RETRY_S = 60


class _Waiting(NamedTuple):
    events: Sequence[Event]
    answer: asyncio.Future[AppendResult]


class Inlet:
    """Queue of one source into the store, used inside one event loop.

    Lists that come while the store is busy are committed together, next. Where they are more than
    one commit takes, each client has its turn, in the order of its own lists.
    """

    def __init__(
        self,
        name: str,
        store: Store,
        clock: Callable[[], int],
        *,
        on_appended: Callable[[], None],
        min_free_disk_bytes: int = 0,
        created_ms: int | None = None,
    ) -> None:
        self.name = name
        self._created_ms = created_ms
        self.store = store
        self.clock = clock
        self._on_appended = on_appended
        self._min_free_disk_bytes = min_free_disk_bytes
        self.total = AppendResult(0, 0)
        """Counts of all added events."""
        self._serves = False
        self._room_until_s = 0.0
        self._waiting: dict[Hashable, deque[_Waiting]] = {}
        self._committing: asyncio.Task[None] | None = None

    async def put(self, events: Sequence[Event], client: Hashable = None) -> AppendResult:
        """Add events, but none that conflicts; they are durable when this returns.

        Sign-in events are taken while there is any room at all. Raises SourceError where the disk
        is short, StoreError where the store cannot be written, NotFound if the source was deleted.
        """
        if any(event.type is not EventType.LOG_AUTHN for event in events):
            self.check_room()
        waiting = _Waiting(events, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(client, deque()).append(waiting)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all())
        return await waiting.answer

    def check_room(self) -> None:
        """Raise SourceError where the disk is short; checked once a second while it is not."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._room_until_s:
            return
        check_disk(self.store.path, self._min_free_disk_bytes)
        self._room_until_s = now_s + ROOM_CHECK_S

    async def keep(
        self, source: StoredSource, events: Sequence[Event], state: bytes
    ) -> AppendResult:
        """Add the events and the new state of another source, which this source serves."""
        self.check_room()
        name, created_ms = source.name, source.created_ms
        return await self._add(
            stored_sources.save_batch, name, events, state, self.clock(), created_ms=created_ms
        )

    async def advance(self, name: str, step: stored_sources.Step) -> AppendResult:
        """Add the events that `step` makes of a source's state, even while the disk is short."""
        return await self._add(stored_sources.advance, name, step, self.clock())

    async def note_failure(
        self, source: StoredSource, sentence: str, events: Sequence[Event] = ()
    ) -> None:
        """Record a failure of another source, and add the events about it."""
        name, created_ms = source.name, source.created_ms
        await self._add(
            stored_sources.save_failure, name, sentence, self.clock(), events, created_ms=created_ms
        )

    async def note_own_success(self) -> None:
        """Record that all is well here, though nothing has come. Raises NotFound."""
        await self.store.run(
            stored_sources.save_success, self.name, self.clock(), created_ms=self._created_ms
        )
        self._serves = True

    async def note_own_failure(self, sentence: str) -> None:
        """Record a failure of this source."""
        created_ms = self._created_ms
        await self.store.run(
            stored_sources.save_failure, self.name, sentence, self.clock(), created_ms=created_ms
        )

    async def note_end(self, sentence: str, stale_alert: StaleAlertOf) -> None:
        """Record why nothing can be handed in, and add the alert about it, if one is due.

        If the source served before, it is recorded that it did so until now.
        """
        if self._serves:
            await self.note_own_success()
            self._serves = False
        created_ms = self._created_ms
        await self._add(
            save_failure, self.name, sentence, self.clock(), stale_alert, created_ms=created_ms
        )

    async def _commit_all(self) -> None:
        while self._waiting:
            await self._commit(self._next())

    def _next(self) -> list[_Waiting]:
        """Return the lists of the next commit, client after client."""
        lists: list[_Waiting] = []
        count = 0
        while self._waiting and len(lists) < MOST_LISTS:
            client, own = next(iter(self._waiting.items()))
            count += len(own[0].events)
            if lists and count > MOST_EVENTS:
                break
            del self._waiting[client]
            lists.append(own.popleft())
            if own:  # behind all others
                self._waiting[client] = own
        return lists

    async def _commit(self, lists: Sequence[_Waiting]) -> None:
        try:
            answers = await self.store.run(
                stored_sources.save_each,
                self.name,
                [waiting.events for waiting in lists],
                self.clock(),
                created_ms=self._created_ms,
            )
        except Exception as error:  # it is the answer of each that waits
            for waiting in lists:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        for waiting, appended in zip(lists, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(appended)
            self._add_up(appended)

    async def _add(
        self, save: Callable[P, AppendResult], *args: P.args, **kwargs: P.kwargs
    ) -> AppendResult:
        appended = await self.store.run(save, *args, **kwargs)
        self._add_up(appended)
        return appended

    def _add_up(self, appended: AppendResult) -> None:
        self.total += appended
        if appended.accepted:
            self._on_appended()


class Refusal(Exception):
    """Nothing of a text was taken; with the reason and the place of the fault."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class TooLarge(Refusal):
    """The text holds more events than one text may."""


class NotNow(Exception):
    """Nothing was taken, and the same may be handed in again later."""

    def __init__(self, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class RefusedEvent(msgspec.Struct, frozen=True):
    """Event of a text that was refused, while others were taken."""

    place: str
    id: str
    reason: str = ID_TAKEN


class Receipt(msgspec.Struct, frozen=True):
    """Result of a text that could be read; accepted and repeated events are on disk.

    `sanitized` counts those of them in whose texts U+FFFD has replaced invalid text.
    """

    accepted: int
    repeated: int
    sanitized: int
    refused: tuple[RefusedEvent, ...]

    def answer(self) -> dict[str, object]:
        """Return the answer to the client."""
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
    """Handler of texts: lines of the socket, and bodies of HTTP requests."""

    def __init__(self, inlet: Inlet, random64: Callable[[], int]) -> None:
        self._inlet = inlet
        self._random64 = random64
        self._reported_ms = 0
        self._large = FairLock()

    async def take(self, data: bytes, client: Hashable, key: str = "") -> Receipt:
        """Take each event of a text by itself; they are durable when this returns.

        Where many wait, one of each `client` is next. The same text with the same `key` gives
        events without facts the same ids, so that they are recognised when it is handed in again.
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
            await self._report_health(str(error))
            raise NotNow(error.reason, DISK_RETRY_S) from None
        except NotFound:
            raise NotNow("this way in was closed", DISK_RETRY_S) from None
        except StoreLost:
            raise NotNow("this tocsin must be started anew", DISK_RETRY_S) from None
        except StoreError:
            raise NotNow("the store cannot be written now", BUSY_RETRY_S) from None
        return _receipt(text, appended)

    async def _report_health(self, sentence: str) -> None:
        """Record why clients are refused as the source's health, once a minute at most."""
        now_ms = self._inlet.clock()
        if 0 <= now_ms - self._reported_ms < DISK_RETRY_S * 1000:
            return
        self._reported_ms = now_ms
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


class Service(Protocol):
    """Source to which programs hand events."""

    @property
    def name(self) -> str:
        """Return the name under which the store keeps it."""

    async def serve(self, inlet: Inlet, stop: asyncio.Event) -> None:
        """Answer until `stop`, whatever clients do; raise SourceError if it cannot begin."""
