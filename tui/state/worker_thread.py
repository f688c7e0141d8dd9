"""Worker of this terminal: a thread and an event loop of its own.

A stalled SSH connection blocks the screen's loop; nothing that is delivered may wait for it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from delivery.log import location_of
from domain.settings import Settings
from store.database import Store
from store.errors import StoreError
from store.workers import TERMINAL

if TYPE_CHECKING:
    from delivery.worker import Worker
    from sources.runner import Sources

KEPT_LINES = 200


class WorkerThread:
    """Thread of a worker that sends while no other process does, and stands by otherwise."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        settings: Settings,
        merge: Callable[[Mapping[str, str]], Settings],
        *,
        begin: Callable[[Store], None] = lambda _: None,
    ) -> None:
        """`begin` is called first of all; the store is opened and closed by the thread."""
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.trouble: str | None = None
        """The reason why it ended, if it was not stopped."""
        self.worker_id: str | None = None
        self._open_store = open_store
        self._settings = settings
        self._merge = merge
        self._begin = begin
        self._worker: Worker | None = None
        self._sources: Sources | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread.is_alive()

    @property
    def is_begun(self) -> bool:
        """True from the start on, also when it has ended."""
        return self._thread.ident is not None

    @property
    def id(self) -> str | None:
        """The id of the worker in the store, "" while it begins; None if it ended."""
        if self.is_begun and not self.alive:
            return None
        return self.worker_id or ""

    @property
    def takes(self) -> bool:
        """True if a source of it may have an answer under way that would be lost."""
        return self._sources is not None and self._sources.takes

    def start(self) -> None:
        """Begin, if it has not begun and is not to stop.

        The modules of delivery are loaded in the thread.
        """
        if not self.is_begun and not self._stopped:
            self._thread.start()

    def stop(self) -> None:
        """Begin no further attempt; may be called at any time, also from a signal handler."""
        self._stopped = True
        if self._worker is not None and self.alive:
            self._worker.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the attempts in flight; return True if the thread ended, or never began."""
        if self.alive:
            self._thread.join(timeout_s)
        return not self.alive

    def _run(self) -> None:
        try:
            with closing(self._open_store()) as store:
                self._begin_with(store)
                asyncio.run(self._deliver(store))
        except StoreError as error:
            self.trouble = str(error)
        except Exception as error:  # shown on every screen: else it would end without a word
            self.trouble = f"this is a bug: {location_of(error)}"

    def _begin_with(self, store: Store) -> None:
        """Call `begin`; an error of the store in it keeps nothing from being sent."""
        try:
            self._begin(store)
        except StoreError as error:
            self._note(f"at the beginning: {error}")

    async def _deliver(self, store: Store) -> None:
        from delivery.clock import SystemClock
        from delivery.worker import Ended, Role, Worker
        from sources.runner import Sources

        sources = self._sources = Sources(
            store, SystemClock().now_ms, on_appended=self._wake, on_failure=self._note
        )
        self._worker = Worker(
            store,
            self._settings,
            role=Role(TERMINAL, socket.gethostname(), os.getpid()),
            log=self._note,
            merge=self._merge,
            on_change=sources.adapt,
        )
        self.worker_id = self._worker.id
        try:
            if not self._stopped:
                ended = await self._worker.run()
                self.trouble = None if ended is Ended.STOPPED else ended.value
        finally:
            await sources.end()

    def _wake(self) -> None:
        if self._worker is not None:
            self._worker.wake()

    def _note(self, line: str) -> None:
        self.lines.append(f"{time.strftime('%H:%M:%S', time.gmtime())} {line}")
