"""Worker: stands by until it may send, sends, shows others that it lives, ends cleanly.

One worker is active per store, held by an operating-system lock. Everything due comes from the
store, so the worker can die anywhere and the next one goes on.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import Enum

import msgspec

from delivery.clock import Clock, SystemClock
from delivery.dispatcher import HOLD_S, Dispatcher, Until
from delivery.log import location_of, never_raising
from delivery.sender import Sender
from delivery.sending_lock import LockClaim
from delivery.slots import attempt_slots
from domain.ids import base58
from domain.settings import Settings
from domain.wording import counted
from store import data_version, migrations, minutes, workers
from store import settings as stored_settings
from store.data_version import FileTimes
from store.database import Store
from store.errors import StoreError, StoreGone
from store.maintenance import prune
from store.presence import names_sentence
from store.queue import attempts, backlog
from store.records import StoredWorker as WorkerRecord

POLL_S = 0.5
"""Seconds between checks for other processes' writes and, when standing by, for the lock."""

HEARTBEAT_S = workers.HEARTBEAT_MS / 1000
PRUNE_FIRST_S = 60.0
PRUNE_EVERY_S = 3600.0
PRUNE_PAUSE_S = 0.05

LOCK_LOST = "the lock file was deleted or replaced: taking the one that is there, if it is free"

_STANDING_BY = {
    Until.STOPPED: "standing by",
    Until.DUE_DONE: "left it to that one",
    Until.EMPTY: "standing by until all is delivered",
}


class Ended(Enum):
    """Reason for which a worker ended."""

    STOPPED = "it was asked to stop"
    DONE = "there is nothing left to do"
    OVERTAKEN = "a newer Tocsin has changed the store"
    GONE = "the store is gone"


class Role(msgspec.Struct, frozen=True):
    """Identity of a worker, as others see it."""

    kind: str
    host: str
    pid: int

    @classmethod
    def headless(cls) -> Role:
        """Return the role of a worker without a screen, in this process."""
        return cls("headless", socket.gethostname(), os.getpid())


class Worker:
    """Worker of one store; made and run inside an event loop.

    `wake` and `stop` may be called from any thread. `merge` makes the settings in force from those
    kept in the store. `on_change` is called with whether this worker sends, and with the settings,
    whenever either may have changed.
    """

    heads: Mapping[str, int] | None = None
    """Last number of each type at the start of a worker that ends by itself."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        role: Role,
        log: Callable[[str], None],
        merge: Callable[[Mapping[str, str]], Settings],
        until: Until = Until.STOPPED,
        clock: Clock | None = None,
        on_change: Callable[[bool, Settings], None] | None = None,
    ) -> None:
        self._clock: Clock = clock or SystemClock()
        self.id = "w" + base58(int.from_bytes(self._clock.random_bytes(8), "big"))
        self._store = store
        self._role = role
        self._log = never_raising(log)
        self._merge = merge
        self._until = until
        self._on_change = on_change
        self._claim = self._new_claim()
        self._active = False
        self._started_ms = self._clock.now_ms()
        self._end_reason: Ended | None = None
        self._is_crowded = False
        self._minutes = minutes.MinuteCounter(self._clock.now_ms)
        self._warned_of_names = False
        self._file_times = FileTimes(store.path)
        self._seen: data_version.StoreVersions | None = None
        self._stopped = asyncio.Event()
        self._turn_over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        slots = attempt_slots(settings.concurrency)
        self._sender = Sender(
            store, settings, self._clock, self.id, self._log, slots, may_send=self._has_lock
        )
        self._sender.ends_by_itself = until is not Until.STOPPED
        self._dispatcher = Dispatcher(store, self._sender, self._clock, self._log, until)

    def wake(self) -> None:
        """Read the queue now; called after events were appended in this process."""
        self._call_in_loop(self._dispatcher.wake.set)

    def stop(self) -> None:
        """Begin no further attempt, give those in flight the grace period, then end."""
        self._call_in_loop(self._stop_now)

    async def run(self) -> Ended:
        """Stand by, send, and return the reason of the end. Raises StoreError for a wrong key."""
        await self._store.run(self._store.vault.check)
        if self._until is not Until.STOPPED:
            self.heads = await self._store.run(backlog.heads)
        await self._enter()
        side_tasks = [
            asyncio.create_task(self._repeat_job(job, first_s, every_s))
            for job, first_s, every_s in (
                (self._beat, HEARTBEAT_S, HEARTBEAT_S),
                (self._watch, POLL_S, POLL_S),
                (self._note_crowd, POLL_S, POLL_S),
                (self._count_minutes, HEARTBEAT_S, HEARTBEAT_S),
                (self._prune, PRUNE_FIRST_S, PRUNE_EVERY_S),
            )
        ]
        try:
            done = await self._take_turns()
        finally:
            await self._leave(side_tasks)
        if self._end_reason is not None:
            return self._end_reason
        return Ended.DONE if done else Ended.STOPPED

    def _new_claim(self) -> LockClaim:
        return LockClaim(
            self._store,
            self.id,
            kind=self._role.kind,
            asks=self._until is Until.STOPPED,
            monotonic=self._clock.monotonic,
            now_ms=self._clock.now_ms,
        )

    async def _enter(self) -> None:
        """Register this worker in the store; where that fails, the next heartbeat does it."""
        try:
            await self._store.run(workers.enter, self._record())
        except StoreError as error:
            self._log(f"not among the workers yet: {error}")

    def _call_in_loop(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: it ended already
            self._loop.call_soon_threadsafe(call)

    def _stop_now(self) -> None:
        self._stopped.set()
        self._end_turn()

    def _end_turn(self) -> None:
        self._sender.stopping = True
        self._turn_over.set()

    async def _take_turns(self) -> bool:
        """Stand by and send, in turns with workers that ask for it; True if nothing is left."""
        while not self._stopped.is_set():
            if await self._stand_by() or (self._active and await self._send()):
                return True
            await self._give_way()
        return False

    async def _give_way(self) -> None:
        """Let the attempts in flight be recorded, then leave the lock to the worker that asked."""
        await self._dispatcher.settle(self._stopped)
        if self._stopped.is_set():
            return
        self._active = False
        self._report_change()
        with suppress(StoreError):
            await self._beat()
        kept = self._claim.is_kept()
        self._claim.release()
        self._log("gave way to a headless worker" if kept else LOCK_LOST)
        self._turn_over.clear()
        self._sender.stopping = False

    def _has_lock(self) -> bool:
        """Return whether this worker still has the lock; without it, its turn is over.

        May be called on any thread.
        """
        kept = self._claim.is_kept()
        if not kept:
            self._call_in_loop(self._end_turn)
        return kept

    def _report_change(self) -> None:
        if self._on_change is not None:
            self._on_change(self._active, self._sender.settings)

    async def _stand_by(self) -> bool:
        """Wait for the lock; True if there is nothing left to do before it came."""
        standing_by = False
        while not await self._claim.take():
            if not standing_by:
                self._log(f"another worker is sending for this store: {_STANDING_BY[self._until]}")
                standing_by = True
            if self._until is Until.DUE_DONE or await self._is_empty():
                return True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), POLL_S)
            if self._stopped.is_set():
                return False
        self._active = True
        return False

    async def _is_empty(self) -> bool:
        if self._until is not Until.EMPTY:
            return False
        return await self._store.run(attempts.undelivered, self.heads) == 0

    async def _send(self) -> bool:
        lost = await self._clear_up()
        if lost is None:
            return False
        self._log(f"sending for {self._store.path}")
        self._report_change()
        if lost:
            were, they_are = ("was", "it is") if lost == 1 else ("were", "they are")
            text = f"{counted(lost, 'attempt')} {were} cut off when a worker ended"
            self._log(f"{text}: {they_are} made again now")
        return await self._dispatcher.run(self._turn_over, self.heads)

    async def _clear_up(self) -> int | None:
        """Recover the last worker's attempts, however long the store refuses; None if stopped."""
        while not self._stopped.is_set():
            try:
                await self._store.run(migrations.mask_late, self._store.vault)
                lost = await self._store.run(attempts.recover, self.id, self._clock.now_ms())
                await self._store.run(workers.take_over, self.id, self._clock.now_ms())
            except StoreError as error:
                self._log(f"cannot take over yet: {error}")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), HOLD_S)
            else:
                return lost
        return None

    async def _leave(self, side_tasks: list[asyncio.Task[None]]) -> None:
        """Let the attempts in flight end, sign off in the store, give the lock back."""
        self._stop_now()
        if self._dispatcher.in_flight:
            with suppress(StoreError):
                await self._store.run(workers.begin_to_stop, self.id)
        is_gone = self._end_reason is Ended.GONE  # then nothing that comes of them can be recorded
        late = await self._dispatcher.finish(0 if is_gone else self._sender.settings.grace_ms)
        self._sender.taken.flush()
        for task in side_tasks:
            task.cancel()
        await asyncio.gather(*side_tasks, return_exceptions=True)
        with suppress(StoreError):
            if late:
                await self._store.run(attempts.recover, self.id, self._clock.now_ms())
            await self._store.run(workers.leave, self.id)
            if self._active:
                await self._store.run(minutes.count_some, self._clock.now_ms())
        self._active = False
        self._report_change()
        self._claim.release()

    async def _repeat_job(
        self, job: Callable[[], Awaitable[None]], first_s: float, every_s: float
    ) -> None:
        """Do a side job again and again; a store that fails is tried again later."""
        await asyncio.sleep(first_s)
        while True:
            try:
                with suppress(StoreError):
                    await job()
            except Exception as error:
                self._log(f"this is a bug: {location_of(error)}")
            await asyncio.sleep(every_s)

    async def _beat(self) -> None:
        now_ms = self._clock.now_ms()
        if not await self._store.run(workers.beat, self.id, now_ms, active=self._active):
            await self._store.run(workers.enter, self._record())

    async def _note_crowd(self) -> None:
        """Record for `status` that webhooks wait since all places are taken."""
        slots = self._sender.slots
        is_crowded = self._active and slots.waiting > 0
        if is_crowded == self._is_crowded:
            return
        if is_crowded:
            await self._store.run(workers.note_crowd, self.id, slots.under_way)
        else:
            await self._store.run(workers.forget_crowd)
        self._is_crowded = is_crowded

    async def _count_minutes(self) -> None:
        if self._active:
            await self._repeat(self._minutes.count_some)

    async def _watch(self) -> None:
        """Notice what other processes wrote: events, edits, settings, a newer schema."""
        self._watch_files()
        if self._active:
            self._has_lock()
        if not self._file_times.needs_read():
            return
        seen = await self._store.run(data_version.read_versions)
        if seen == self._seen:
            return
        self._seen = seen
        if seen.is_newer:
            self._end_because(
                Ended.OVERTAKEN, f"{Ended.OVERTAKEN.value}: this one ends, upgrade it"
            )
            return
        await self._reload_settings()
        if self._active and await self._claim.is_wanted():
            self._end_turn()
        self._dispatcher.wake.set()

    def _watch_files(self) -> None:
        """Stop when the store is gone; warn when it has a second name. Raises StoreGone."""
        presence = self._store.presence
        try:
            presence.check()
        except StoreGone as error:
            if self._end_reason is None:
                self._end_because(Ended.GONE, str(error))
            raise
        if presence.names > 1 and not self._warned_of_names:
            self._log(names_sentence(self._store.path, presence.names))
        self._warned_of_names = presence.names > 1

    def _end_because(self, why: Ended, sentence: str) -> None:
        """End, since the store may be used no more."""
        self._end_reason = why
        self._log(sentence)
        self._stop_now()

    async def _reload_settings(self) -> None:
        stored = await self._store.run(stored_settings.load_all)
        try:
            self._sender.settings = self._merge(stored)
        except ValueError as error:
            self._log(f"the settings kept in the store are left aside: {error}")
            return
        self._report_change()

    async def _prune(self) -> None:
        if not self._active:
            return
        settings = self._sender.settings
        retention = prune.Retention(settings.keep_events_ms, settings.keep_deliveries_ms)
        uptime_ms = int(self._clock.monotonic() * 1_000)
        await self._repeat(prune.Pruning(retention, self._clock.now_ms(), uptime_ms).step)
        await self._repeat(prune.give_back)

    async def _repeat(self, step: Callable[[], object]) -> None:
        """Run a short step again and again while it finds work, with room for others between."""
        while await self._store.run(step):  # noqa: ASYNC110 - no event signals work left
            await asyncio.sleep(PRUNE_PAUSE_S)

    def _record(self) -> WorkerRecord:
        return WorkerRecord(
            id=self.id,
            host=self._role.host,
            pid=self._role.pid,
            kind=self._role.kind,
            active=self._active,
            started_ms=self._started_ms,
            heartbeat_ms=self._clock.now_ms(),
        )
