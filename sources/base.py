"""What a source is, and the runner that polls one and puts what it tells into the store.

A batch's events and the source's new state go into the store in one transaction: a crash either
repeats the poll, whose events then have the same ids, or has it all.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from domain.events import Event
from domain.safe import safe
from store import sources as stored_sources
from store.errors import StoreError, StoreOvertaken
from store.records import Appended

if TYPE_CHECKING:
    from store.database import Store

LONGEST_BACKOFF_S = 300
STOP_PATIENCE_S = 1.0
"""How long a poll that runs when the stop comes may go on; what it finds later is not lost."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll gave: events, and the state that the next poll starts from.

    `warning` tells of what the poll could not see although it succeeded.
    """

    events: tuple[Event, ...]
    state: bytes
    warning: str = ""


class SourceError(Exception):
    """A poll failed, and nothing is known of what it would have seen. `cure` is for the admin."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(f"{reason}; {cure}")
        self.reason = reason
        self.cure = cure


class Source(Protocol):
    """Where events come from. `kind` and `name` together tell it from every other source."""

    @property
    def kind(self) -> str:
        """The sort of source, such as "wireguard"."""

    @property
    def name(self) -> str:
        """Which of its kind."""

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Look once. `state` is what the last saved batch gave, None at first.

        It runs in a thread of its own and may block; it raises SourceError if it cannot see.
        """


def backoff_s(failures: int) -> int:
    """Seconds to wait after so many failures in a row: 1, 2, 4 and so on up to 300."""
    return min(1 << min(failures - 1, 20), LONGEST_BACKOFF_S)


def _ignore(_: str) -> None:
    """What becomes of failures that nobody asked to hear of; they are in the store all the same."""


async def run_source(
    source: Source,
    *,
    store: Store,
    every_ms: int,
    stop: asyncio.Event,
    clock: Callable[[], int],
    on_appended: Callable[[], None],
    once: bool = False,
    min_free_disk_bytes: int = 0,
    on_failure: Callable[[str], None] = _ignore,
) -> Appended:
    """Poll a source until `stop`, whatever fails, and return what was added in all.

    Only a store that a newer Tocsin has changed ends it: StoreOvertaken.

    `on_appended` is called after each commit that added events, `on_failure` with each failure
    that is not the last one over again. With `once`, poll once; what fails is raised, and recorded
    all the same.
    """
    runner = _Runner(source, store, stop, clock, min_free_disk_bytes, on_failure)
    total = Appended(0, 0)
    failures = 0
    while not stop.is_set():
        try:
            appended = await runner.poll()
        except StoreOvertaken:
            raise
        except Exception as error:
            failures += 1
            await runner.note_failure(_sentence(error), tell=not once)
            if once:
                raise
        else:
            failures = 0
            total = _sum(total, appended)
            if appended.accepted:
                on_appended()
        if once:
            break
        await _sleep(stop, backoff_s(failures) if failures else every_ms / 1000)
    return total


class _Runner:
    """One source and where its batches go."""

    def __init__(
        self,
        source: Source,
        store: Store,
        stop: asyncio.Event,
        clock: Callable[[], int],
        min_free_disk_bytes: int,
        on_failure: Callable[[str], None],
    ) -> None:
        self._source = source
        self._store = store
        self._stop = stop
        self._clock = clock
        self._min_free_disk_bytes = min_free_disk_bytes
        self._on_failure = on_failure
        self._last_failure = ""
        self._lock_file = store.path.with_name(
            f"{store.path.name}.{source.kind}-{source.name}.lock"
        )

    async def poll(self) -> Appended:
        """Poll once and save the batch; nothing is added if the stop comes first.

        While another process polls this source, its batch is the one that counts: two that start
        from the same state would tell of the same traffic twice.
        """
        self._check_disk()
        with _alone(self._lock_file) as alone:
            return await self._poll() if alone else Appended(0, 0)

    async def _poll(self) -> Appended:
        kind, name = self._source.kind, self._source.name
        state = await self._store.run(stored_sources.load_state, kind, name)
        batch = await self._batch(state)
        if batch is None:
            return Appended(0, 0)
        appended = await self._store.run(
            stored_sources.save_batch, kind, name, batch.events, batch.state, self._clock()
        )
        warning = batch.warning or _conflict_warning(appended)
        if warning:
            await self.note_failure(warning)
        else:
            self._last_failure = ""
        return appended

    async def note_failure(self, sentence: str, *, tell: bool = True) -> None:
        """Record a failure as the source's health, and tell of it if it is a new one."""
        if tell and sentence != self._last_failure:
            self._on_failure(sentence)
        self._last_failure = sentence
        # A store that cannot be written is told of by whatever else writes to it.
        with suppress(StoreError):
            await self._store.run(
                stored_sources.save_failure,
                self._source.kind,
                self._source.name,
                sentence,
                self._clock(),
            )

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self._store.path.parent).free
        if free < self._min_free_disk_bytes:
            raise SourceError(
                "waiting: less than min_free_disk "
                f"({self._min_free_disk_bytes // 1_000_000} MB) is free where the store is",
                "free some disk space",
            )

    async def _batch(self, state: bytes | None) -> Batch | None:
        """Poll in a thread; None if it was still running some time after the stop."""
        poll = _in_thread(lambda: self._source.poll(self._clock(), state))
        stopped = asyncio.ensure_future(self._stop.wait())
        either: tuple[asyncio.Future[Any], ...] = (poll, stopped)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({poll}, timeout=STOP_PATIENCE_S)
            return poll.result() if poll.done() else None
        finally:
            stopped.cancel()
            poll.cancel()


@contextmanager
def _alone(lock_file: Path) -> Iterator[bool]:
    """Whether we hold the lock, until the end of the block; the system frees it if we die."""
    descriptor = os.open(lock_file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_thread(work: Callable[[], Batch]) -> asyncio.Future[Batch]:
    """Run `work` in a thread that nobody waits for at exit: a poll may hang for its time-out."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Batch] = loop.create_future()

    def settle(batch: Batch | None, error: Exception | None) -> None:
        if future.done():
            return
        if batch is not None:
            future.set_result(batch)
        elif error is not None:
            future.set_exception(error)

    def run() -> None:
        batch, error = None, None
        try:
            batch = work()
        except Exception as raised:  # whatever a source raises is that source's failure
            error = raised
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, batch, error)

    threading.Thread(target=run, name="source", daemon=True).start()
    return future


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def _sum(one: Appended, other: Appended) -> Appended:
    return Appended(one.accepted + other.accepted, one.repeated + other.repeated)


def _conflict_warning(appended: Appended) -> str:
    if not appended.conflicts:
        return ""
    count = len(appended.conflicts)
    return f"{count} events were left out: their ids are known with another body"


def _sentence(error: Exception) -> str:
    if isinstance(error, SourceError | StoreError):
        return safe(str(error), 1000)
    return safe(f"the source failed: {type(error).__name__}: {error}", 1000)
