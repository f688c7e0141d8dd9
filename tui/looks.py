"""Looks at sources that an admin asked for, each in a thread of its own.

What a source gives may be gone where it came from: neither leaving a screen nor a terminal that
stalls may cut a look off before it is saved.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
Look = Callable[[asyncio.Event], Coroutine[Any, Any, T]]
"""Looks once, and comes to an end soon after the event is set."""


class Looks:
    """Those that are under way, one a source."""

    def __init__(self) -> None:
        self._under_way: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._stops: dict[str, Callable[[], object]] = {}
        self._stopped = False

    def is_under_way(self, name: str) -> bool:
        """Whether a source is being looked at."""
        return name in self._under_way

    @property
    def any_under_way(self) -> bool:
        """Whether some source is being looked at."""
        return bool(self._under_way)

    async def carry_out(self, name: str, look: Look[T]) -> T:
        """Look, and wait for what it brings; it goes on if the caller is cancelled."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from now on nobody can cancel it
        thread = threading.Thread(
            target=self._run, args=(name, look, future), name="look", daemon=True
        )
        self._under_way.add(name)
        self._threads[name] = thread
        thread.start()
        return await asyncio.wrap_future(future)

    def stop(self) -> None:
        """Begin no other look; may be called from a signal handler."""
        self._stopped = True
        for stop in list(self._stops.values()):
            with suppress(RuntimeError):  # it has just ended
                stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for those under way; whether all have ended."""
        ends_s = time.monotonic() + timeout_s
        threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, ends_s - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _run(self, name: str, look: Look[T], future: Future[T]) -> None:
        try:
            found = asyncio.run(self._look(name, look))
        except Exception as error:  # whoever waits for it is told
            self._under_way.discard(name)
            future.set_exception(error)
        else:
            self._under_way.discard(name)
            future.set_result(found)

    async def _look(self, name: str, look: Look[T]) -> T:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        self._stops[name] = partial(loop.call_soon_threadsafe, stop.set)
        try:
            if self._stopped:
                stop.set()
            return await look(stop)
        finally:
            del self._stops[name]
