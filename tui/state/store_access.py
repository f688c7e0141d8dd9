"""Access of the screens to the store: reads, changes in the admin's name, and jobs of sources."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from domain.actors import Actor
from domain.errors import FieldError, FieldErrors
from domain.settings import BY_NAME, Settings, settings_from
from store.database import Store
from store.errors import StoreError

if TYPE_CHECKING:
    from tui.state.worker_thread import WorkerThread


class ChangeQueue:
    """Queue of changes, made one after the other, so that an undo finds the changes before it."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._count = 0

    @property
    def count(self) -> int:
        """The number of changes that are not done yet."""
        return self._count

    @property
    def under_way(self) -> bool:
        """True if a change is not done yet."""
        return self._count > 0

    def add(self, change: Callable[[], Awaitable[object]]) -> Coroutine[Any, Any, None]:
        """Queue a change; await the result to make it when those before it are done."""
        self._count += 1
        return self._in_turn(change)

    async def _in_turn(self, change: Callable[[], Awaitable[object]]) -> None:
        try:
            async with self._turn:
                await change()
        finally:
            self._count -= 1


T = TypeVar("T")
Job = Callable[[asyncio.Event], Coroutine[Any, Any, T]]
"""A coroutine that ends soon after the event is set."""


class SourceJobs:
    """Jobs that an admin started, each in a thread of its own, one a source."""

    def __init__(self) -> None:
        self._under_way: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._stops: dict[str, Callable[[], object]] = {}
        self._stopped = False

    def is_under_way(self, name: str) -> bool:
        """Return True if there is a job of a source."""
        return name in self._under_way

    @property
    def any_under_way(self) -> bool:
        """True if there is a job of any source."""
        return bool(self._under_way)

    async def run(self, name: str, job: Job[T]) -> T:
        """Run a job and return its result; it goes on if the caller is cancelled."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from now on nobody can cancel it
        thread = threading.Thread(
            target=self._run, args=(name, job, future), name="source job", daemon=True
        )
        self._under_way.add(name)
        self._threads[name] = thread
        thread.start()
        return await asyncio.wrap_future(future)

    def stop(self) -> None:
        """Begin no other job, and end those under way; may be called from a signal handler."""
        self._stopped = True
        for stop in list(self._stops.values()):
            with suppress(RuntimeError):  # it has just ended
                stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the jobs; return True if all have ended."""
        ends_s = time.monotonic() + timeout_s
        threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, ends_s - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _run(self, name: str, job: Job[T], future: Future[T]) -> None:
        try:
            found = asyncio.run(self._run_until_stopped(name, job))
        except Exception as error:  # raised where it is awaited
            self._under_way.discard(name)
            future.set_exception(error)
        else:
            self._under_way.discard(name)
            future.set_result(found)

    async def _run_until_stopped(self, name: str, job: Job[T]) -> T:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        self._stops[name] = partial(loop.call_soon_threadsafe, stop.set)
        try:
            if self._stopped:
                stop.set()
            return await job(stop)
        finally:
            del self._stops[name]


class Refused(Exception):
    """The store refused a read or a change; `str()` is the sentence for the admin."""


def _of_nobody(_name: str) -> str:
    return "default"


def _of_no_machine() -> None:
    return None


def settings_of_store(stored: Mapping[str, str]) -> Settings:
    """Return the settings of the store alone. Raises ValueError."""
    known = {name: text for name, text in stored.items() if name in BY_NAME}
    return settings_from({name: BY_NAME[name].parse(text) for name, text in known.items()})


class StoreAccess(msgspec.Struct, frozen=True):
    """Access of one admin to one store. `merge` makes the settings in force from the stored ones.

    `check_stored` raises ValueError, with the reason and the cure, for settings that would not
    do; `origin` returns the place that gave a setting its value; `worker` is the one of this
    terminal; jobs and changes outlive the screen that began them. `uptime_ms` is the machine's
    monotonic clock.
    """

    store: Store
    actor: Actor
    merge: Callable[[Mapping[str, str]], Settings]
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    worker: WorkerThread
    origin: Callable[[str], str] = _of_nobody
    check_stored: Callable[[Mapping[str, str]], object] = settings_of_store
    source_jobs: SourceJobs = msgspec.field(default_factory=SourceJobs)
    change_queue: ChangeQueue = msgspec.field(default_factory=ChangeQueue)
    uptime_ms: Callable[[], int | None] = _of_no_machine

    @property
    def refusal(self) -> str:
        """The reason why nothing of this store can be changed, with the cure; "" if all can."""
        if (upgrade := self.store.upgrade) is not None:
            return upgrade.sentence(self.store.path)
        if self.store.outdated:
            return "this store is of an older Tocsin: run `tocsin db upgrade` first"
        return ""

    async def read(self, query: Callable[..., T], *args: Any, **named: Any) -> T:
        """Read from the store. Raises Refused."""
        try:
            return await self.store.run(query, *args, **named)
        except (StoreError, FieldError, FieldErrors) as error:
            raise Refused(str(error)) from error

    async def change(self, request: Callable[..., T], *args: Any, **named: Any) -> T:
        """Change the store in the admin's name. Raises Refused."""
        if refusal := self.refusal:
            raise Refused(refusal)
        return await self.read(request, *args, actor=self.actor, now_ms=self.now_ms(), **named)
