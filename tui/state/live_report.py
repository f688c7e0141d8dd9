"""Report on the store, kept fresh by a cheap check a few times a second."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec.structs import replace

from delivery.report import Report, make_report
from store import data_version
from store.data_version import FileTimes
from store.database import Store
from store.errors import StoreError, StoreGone
from store.overview import read_overview
from store.records import StoredSource, WebhookStatus
from store.workers import SendingLock
from tui.state.store_access import Refused, StoreAccess
from tui.state.undo import UndoStacks

REFRESH_S = 0.25
"""The time between two checks of the store."""

TRY_S = 0.5
UPGRADE_S = 5.0
"""The time between two reads of a store that is being upgraded."""

QUIET_TICK_MS = 5_000
"""The time between two paints of ages in minutes."""

YOUNG_MS = 60_000
STORE_GONE = "the store is gone"
"""Short enough for the first line of 80 columns; the panel over it says why, and the cure."""

IDLE_MS = 5_000
"""After so long without a key rows may move to their places in the order."""


class LiveReport:
    """The last report, and the reason where the store could not be read.

    A refresh compares two numbers that move with every commit of any process, this one's worker
    included; only when they moved, the store is read. The sending lock is checked each second,
    since a process that is killed writes nothing.
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
        """`own_worker` returns the id of this terminal's worker, `own_trouble` why it ended.

        `clock` returns the time for people; `demo` is True if all data is made up.
        """
        self.own_worker = own_worker
        self._own_trouble = own_trouble
        self.clock = clock
        self.demo = demo
        self.undos = UndoStacks()
        self.report: Report | None = None
        self.trouble: str | None = None
        self.last_key_ms = access.now_ms()
        """The time at which the admin last pressed a key or moved the mouse."""
        self._access = access
        self._file_times = FileTimes(access.store.path)
        self._seen: data_version.StoreVersions | None = None
        self._monotonic = monotonic
        self._trier: Store | None = None
        self._opening = threading.Lock()
        self._is_closed = False
        self._tried_s = monotonic()
        self._read_s = monotonic()
        self._locked_since_s: float | None = None

    @property
    def webhooks(self) -> Sequence[WebhookStatus]:
        """The webhooks of the report; none before the first one."""
        return self.report.overview.webhooks if self.report is not None else ()

    @property
    def sources(self) -> Sequence[StoredSource]:
        """The sources of the report; none before the first one."""
        return self.report.overview.sources if self.report is not None else ()

    @property
    def locked_s(self) -> int:
        """The seconds for which the store has been locked, by whatever process."""
        since_s = self._locked_since_s
        return 0 if since_s is None else int(self._monotonic() - since_s)

    @property
    def worker_trouble(self) -> str | None:
        """The reason if this terminal's worker ended by itself, as a sentence."""
        trouble = self._own_trouble()
        return None if trouble is None else f"this terminal's worker has ended: {trouble}"

    @property
    def is_idle(self) -> bool:
        """True if the admin has pressed no key for a while."""
        return self._access.now_ms() - self.last_key_ms >= IDLE_MS

    @property
    def gone(self) -> str | None:
        """The reason if there is no store any more, and the cure; None while there is one."""
        return self.trouble if self._access.store.presence.is_gone else None

    @property
    def troubles(self) -> str | None:
        """The sentence that the first line of every screen begins with, if anything is wrong."""
        return STORE_GONE if self.gone else self.trouble or self.worker_trouble

    @property
    def store(self) -> Store:
        """The store of the report."""
        return self._access.store

    def needs_tick(self, now_ms: int) -> bool:
        """Return True if ages and countdowns are to be painted, a second after the last time."""
        report = self.report
        if report is None or now_ms - report.now_ms >= QUIET_TICK_MS or self.locked_s:
            return True
        if self._is_upgrading:
            return True
        if SendingLock(report.path).is_held() != report.locked:
            return True
        if self.store.presence.names != report.names:
            return True
        return any(_is_moving(status, report) for status in report.overview.webhooks)

    async def refresh(self) -> bool:
        """Read the store if it has changed; return True if there is something new to show."""
        with suppress(StoreGone):  # the read below raises it
            self.store.presence.check()
        if self._seen is not None and not self._file_times.needs_read():
            return False
        try:
            seen = await self._access.read(data_version.read_versions)
            if seen == self._seen and self.trouble is None:
                return False
            if self._is_upgrading and self._was_read_lately():
                return False  # each of its commits would have all of it read
            self.report = await self._read()
        except Refused as refused:
            news = self.trouble != str(refused)
            self.trouble = str(refused)
            self._seen = None
            return news
        self._seen = seen
        self._read_s = self._monotonic()
        self.trouble = None
        return True

    @property
    def _is_upgrading(self) -> bool:
        """True if another process upgrades the store, whose rows do not change then."""
        return self.trouble is None and self.store.upgrade is not None

    def _was_read_lately(self) -> bool:
        return self.report is not None and self._monotonic() - self._read_s < UPGRADE_S

    async def notice_lock(self) -> bool:
        """Check twice a second if the store can be written; return True if it can again.

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
        """Return True if the store is locked; another error comes up with the next refresh."""
        try:
            if self._trier is None:
                await asyncio.to_thread(self._open_trier)
            return self._trier is not None and await self._trier.run(data_version.is_locked)
        except StoreError:
            return False

    def _open_trier(self) -> None:
        """Open a connection that tries to write; close it at once if the app ends meanwhile."""
        trier = self.store.sibling()
        with self._opening:
            if not self._is_closed:
                self._trier = trier
                return
        trier.close()

    def close(self) -> None:
        """Close the connection that tries to write."""
        with self._opening:
            self._is_closed = True
        if self._trier is not None:
            self._trier.close()

    async def reread(self) -> bool:
        """Read the store even if it seems unchanged, after a change of one's own."""
        self._seen = None
        return await self.refresh()

    def pass_time(self, now_ms: int) -> None:
        """Move the report on to this time, and notice a worker that was killed."""
        if self.report is not None:
            locked = SendingLock(self.report.path).is_held()
            if locked != self.report.locked:
                self._seen = None  # what is under way is read anew
            names, upgrade = self.store.presence.names, self.store.upgrade
            self.report = replace(
                self.report, now_ms=now_ms, locked=locked, names=names, upgrade=upgrade
            )

    async def _read(self) -> Report:
        overview = await self._access.read(read_overview, None)
        settings = self._access.merge(overview.settings)
        return make_report(overview, settings, self.store, self._access.now_ms())


def _is_moving(status: WebhookStatus, report: Report) -> bool:
    """Return True if a webhook counts seconds: a wait, an attempt, the age of its result."""
    at_ms = status.last_attempt_ms
    return (
        status.pending is not None
        or status.queued > 0
        or (at_ms is not None and report.now_ms - at_ms < YOUNG_MS)
    )
