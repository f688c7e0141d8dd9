"""What the store says now, kept fresh by a cheap look a few times a second."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from delivery.report import Report, make_report
from store import data_version
from store.data_version import FileTimes
from store.database import Store
from store.errors import StoreError, StoreGone
from store.overview import read_overview
from store.records import WebhookStatus
from store.workers import SendingLock
from tui.state.store_access import Refused, StoreAccess
from tui.state.undo import UndoStacks

REFRESH_S = 0.25
"""How often the store is looked at."""

TRY_S = 0.5
QUIET_TICK_MS = 5_000
"""How often ages in minutes are worth painting."""

YOUNG_MS = 60_000
STORE_GONE = "the store is gone"
"""Short enough for the first line of 80 columns; the panel over it says why, and the cure."""

IDLE_MS = 5_000
"""After so long without a key rows may take the places that they would have."""


class LiveReport:
    """The last report, and whether the store could be read at all.

    The look compares two numbers that move with every commit of any process, this one's worker
    included; only when they moved, the store is read. Whether the sending lock is held is looked at
    each second, since a process that is killed writes nothing.
    """

    def __init__(
        self,
        access: StoreAccess,
        *,
        own_worker: Callable[[], str | None] = lambda: None,
        own_trouble: Callable[[], str | None] = lambda: None,
        clock: Callable[[], str] = lambda: "",
        demo: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`own_worker` gives the id of this terminal's worker, `own_trouble` why it ended.

        `clock` gives the time for people; `demo` is whether all that is seen is made up.
        """
        self.own_worker = own_worker
        self._own_trouble = own_trouble
        self.clock = clock
        self.demo = demo
        self.undos = UndoStacks()
        self.report: Report | None = None
        self.trouble: str | None = None
        self.last_key_ms = access.now_ms()
        """When the admin pressed a key or moved the mouse for the last time."""
        self._access = access
        self._file_times = FileTimes(access.store.path)
        self._seen: data_version.StoreVersions | None = None
        self._monotonic = monotonic
        self._trier: Store | None = None
        self._opening = threading.Lock()
        self._is_closed = False
        self._tried_s = monotonic()
        self._locked_since_s: float | None = None

    @property
    def locked_s(self) -> int:
        """How many seconds nothing could be written, whoever keeps the store locked."""
        since_s = self._locked_since_s
        return 0 if since_s is None else int(self._monotonic() - since_s)

    @property
    def worker_trouble(self) -> str | None:
        """That this terminal's worker has ended by itself, and why."""
        trouble = self._own_trouble()
        return None if trouble is None else f"this terminal's worker has ended: {trouble}"

    @property
    def is_idle(self) -> bool:
        """Whether the admin has pressed no key for a while."""
        return self._access.now_ms() - self.last_key_ms >= IDLE_MS

    @property
    def gone(self) -> str | None:
        """Why there is no store any more, and the cure; None while there is one."""
        return self.trouble if self._access.store.presence.is_gone else None

    @property
    def troubles(self) -> str | None:
        """What the first line of every screen says before all else."""
        return STORE_GONE if self.gone else self.trouble or self.worker_trouble

    @property
    def store(self) -> Store:
        """The store that is looked at."""
        return self._access.store

    def needs_tick(self, now_ms: int) -> bool:
        """Whether what changes with time alone is worth painting, a second after the last time."""
        report = self.report
        if report is None or now_ms - report.now_ms >= QUIET_TICK_MS or self.locked_s:
            return True
        if SendingLock(report.path).is_held() != report.locked:
            return True
        if self.store.presence.names != report.names:
            return True
        return any(_is_moving(one, report) for one in report.overview.webhooks)

    async def refresh(self) -> bool:
        """Read the store if it has changed; whether there is something new to show."""
        with suppress(StoreGone):  # which is told when the store is asked, as it is then
            self.store.presence.check()
        if self._seen is not None and not self._file_times.needs_read():
            return False
        try:
            seen = await self._access.read(data_version.read_versions)
            if seen == self._seen and self.trouble is None:
                return False
            self.report = await self._read()
        except Refused as refused:
            news = self.trouble != str(refused)
            self.trouble = str(refused)
            self._seen = None
            return news
        self._seen = seen
        self.trouble = None
        return True

    async def notice_lock(self) -> bool:
        """Try twice a second whether the store can be written; whether it can again.

        This waits behind nothing that waits for the lock itself.
        """
        now_s = self._monotonic()
        if self.store.outdated or now_s - self._tried_s < TRY_S:
            return False
        self._tried_s = now_s
        was_locked = self.locked_s > 0
        if not await self._is_locked():
            self._locked_since_s = None
        elif self._locked_since_s is None:
            self._locked_since_s = now_s
        return was_locked and self._locked_since_s is None

    async def _is_locked(self) -> bool:
        """Whether it is locked; what else is wrong with the store is told by the next look."""
        try:
            if self._trier is None:
                await asyncio.to_thread(self._open_trier)
            return self._trier is not None and await self._trier.run(data_version.is_locked)
        except StoreError:
            return False

    def _open_trier(self) -> None:
        """Open a connection that tries to write; it is closed at once if the app ends meanwhile."""
        trier = self.store.sibling()
        with self._opening:
            if not self._is_closed:
                self._trier = trier
                return
        trier.close()

    def close(self) -> None:
        """End what tried to write."""
        with self._opening:
            self._is_closed = True
        if self._trier is not None:
            self._trier.close()

    async def reread(self) -> bool:
        """Read the store whether or not it seems changed, after a change of one's own."""
        self._seen = None
        return await self.refresh()

    def pass_time(self, now_ms: int) -> None:
        """Let ages and countdowns be those of now, and notice a worker that was killed."""
        if self.report is not None:
            locked = SendingLock(self.report.path).is_held()
            if locked != self.report.locked:
                self._seen = None  # what is under way is read anew
            names = self.store.presence.names
            self.report = replace(self.report, now_ms=now_ms, locked=locked, names=names)

    async def _read(self) -> Report:
        overview = await self._access.read(read_overview, None)
        settings = self._access.merge(overview.settings)
        return make_report(overview, settings, self.store, self._access.now_ms())


def _is_moving(status: WebhookStatus, report: Report) -> bool:
    """Whether something of a webhook counts seconds: a wait, an attempt, the age of its result."""
    at_ms = status.last_attempt_ms
    return (
        status.pending is not None
        or status.queued > 0
        or (at_ms is not None and report.now_ms - at_ms < YOUNG_MS)
    )
