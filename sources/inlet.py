"""Where what is handed to a source goes into the store: answered only after the commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from domain.event_types import EventType
from domain.events import Event
from sources.polling import StaleAlertOf, save_failure
from sources.room import check_disk
from store import sources as stored_sources
from store.records import AppendResult, StoredSource

if TYPE_CHECKING:
    from store.database import Store

MOST_LISTS = 500
MOST_EVENTS = 10_000
"""Of one commit, so that the worker gets its turn; a single list may have more."""

ROOM_LOOK_S = 1.0


class _Waiting(NamedTuple):
    events: Sequence[Event]
    answer: asyncio.Future[AppendResult]


class Inlet:
    """The door of one source, used inside one event loop.

    What comes while the store is busy is committed together, next. Where that is more than one
    commit takes, each client has its turn, in the order of its own lists.
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
        """What was added in all."""
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
        """Raise SourceError where the disk is short; looked at once a second while it is not."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._room_until_s:
            return
        check_disk(self.store.path, self._min_free_disk_bytes)
        self._room_until_s = now_s + ROOM_LOOK_S

    async def keep(
        self, source: StoredSource, events: Sequence[Event], state: bytes
    ) -> AppendResult:
        """Add the events and the new state of another source, which this one serves."""
        self.check_room()
        appended = await self.store.run(
            stored_sources.save_batch,
            source.name,
            events,
            state,
            self.clock(),
            created_ms=source.created_ms,
        )
        self._add_up(appended)
        return appended

    async def advance(self, name: str, step: stored_sources.Step) -> AppendResult:
        """Add what `step` makes of the state of the source `name`; it never waits for disk."""
        appended = await self.store.run(stored_sources.advance, name, step, self.clock())
        self._add_up(appended)
        return appended

    async def note_failure(
        self, source: StoredSource, sentence: str, events: Sequence[Event] = ()
    ) -> None:
        """Note what is wrong with another source, and add what is told of that."""
        appended = await self.store.run(
            stored_sources.save_failure,
            source.name,
            sentence,
            self.clock(),
            events,
            created_ms=source.created_ms,
        )
        self._add_up(appended)

    async def note_own_success(self) -> None:
        """Note that all is well here, though nothing has come. Raises NotFound."""
        await self.store.run(
            stored_sources.save_success, self.name, self.clock(), created_ms=self._created_ms
        )
        self._serves = True

    async def note_own_failure(self, sentence: str) -> None:
        """Note what is wrong here."""
        await self.store.run(
            stored_sources.save_failure,
            self.name,
            sentence,
            self.clock(),
            created_ms=self._created_ms,
        )

    async def note_end(self, sentence: str, blindness: StaleAlertOf) -> None:
        """Note why nothing can be handed in, and add what is told of that.

        If something could be, then it was so until now.
        """
        if self._serves:
            await self.note_own_success()
            self._serves = False
        appended = await self.store.run(
            save_failure,
            self.name,
            sentence,
            self.clock(),
            blindness,
            created_ms=self._created_ms,
        )
        self._add_up(appended)

    async def _commit_all(self) -> None:
        while self._waiting:
            await self._commit(self._next())

    def _next(self) -> list[_Waiting]:
        """Take the lists of one commit out of those that wait, client after client."""
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
                [one.events for one in lists],
                self.clock(),
                created_ms=self._created_ms,
            )
        except Exception as error:  # each of those who wait is told
            for one in lists:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, appended in zip(lists, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(appended)
            self._add_up(appended)

    def _add_up(self, appended: AppendResult) -> None:
        self.total += appended
        if appended.accepted:
            self._on_appended()
