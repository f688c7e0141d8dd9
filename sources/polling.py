"""Polling of a source, whose events go into the store.

A batch's events and the source's new state go into the store in one transaction: a crash either
repeats the poll, whose events then have the same ids, or has it all.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from domain.alert_kinds import DEFAULT_TERMS, AlertTerms
from domain.events import Event
from domain.safe import safe
from sources.base import Batch, Source, SourceError
from sources.limits import check_disk
from sources.process_lock import lock_file, process_lock
from sources.refusals import check_room, taking_rules
from sources.unsaved import UnsavedBatch
from store import refusals
from store import sources as stored_sources
from store.errors import NotFound, StoreError, StoreLost
from store.records import AppendResult, StoredSource

if TYPE_CHECKING:
    from store.database import Store

LONGEST_BACKOFF_S = 300
STOP_PATIENCE_S = 1.0
"""Time for which a poll may go on after the stop; events that it finds later are not lost."""

TAKING_PATIENCE_S = 20.0
"""The same for a source that takes events: those of an abandoned poll are lost."""


def backoff_s(failures: int) -> int:
    """Return the seconds to wait after so many failures in a row: 1, 2, 4 and so on up to 300."""
    return min(1 << min(failures - 1, 20), LONGEST_BACKOFF_S)


StaleAlertOf = Callable[
    [StoredSource, bytes | None, str, int], AbstractContextManager[Event | None]
]
"""From a failing source, its state, the failure and the time: the alert about it, if one is due.

It counts as raised when the block that saves it has ended well.
"""


@dataclass(kw_only=True)
class Polling:
    """Polling of one source into the store, by `run`.

    on_appended: called after each commit that added events
    on_failure:  called with each failure that differs from the one before
    stale_alert: makes the alert about a source that has failed for long
    takes:       events of a poll are gone where they came from: the stop waits for a poll,
                 and events that cannot be saved or queued are kept
    created_ms:  a later source of the same name has another one
    revision:    failures and warnings are recorded only while the source has this one, which a
                 pause or an edit ends; None: they always are
    alerts:      terms of the alert about events that cannot be queued
    """

    source: Source
    store: Store
    stop: asyncio.Event
    clock: Callable[[], int]
    on_appended: Callable[[], None]
    on_failure: Callable[[str], None] = lambda _: None
    min_free_disk_bytes: int = 0
    stale_alert: StaleAlertOf = lambda *_: nullcontext()
    takes: bool = False
    created_ms: int | None = None
    revision: int | None = None
    alerts: Mapping[str, AlertTerms] = field(default_factory=lambda: DEFAULT_TERMS)

    def __post_init__(self) -> None:
        store, name = self.store, self.source.name
        self._rules = taking_rules(self.alerts)
        self._last_sentence = ""
        self._left_out = 0
        """Events left out for the ids of others, since there was nothing more to be had."""
        self._lock_file = lock_file(store.path, name)
        self._unsaved = UnsavedBatch(store.path, name, self.created_ms) if self.takes else None

    async def run(self, every_ms: int, *, once: bool = False) -> AppendResult:
        """Poll until the stop, whatever fails; return the counts of all added events.

        Raises only StoreLost, when this process may use the store no more, and NotFound, when the
        source was deleted; with `once` also the failure of the one poll.
        """
        total, failures = AppendResult(0, 0), 0
        while not self.stop.is_set():
            failure: Exception | None = None
            try:
                appended, more = await self.poll()
                failures = 0
            except (StoreLost, NotFound):
                raise
            except Exception as error:
                failure, failures = error, failures + 1
                appended = await self.note_failure(failure_sentence(error), report=not once)
                more = False
            total += appended
            if appended.accepted:
                self.on_appended()
            if failure is not None and once:
                raise failure
            if more:
                continue
            if once:
                break
            await pause(self.stop, backoff_s(failures) if failures else every_ms / 1000)
        return total + await self.finish()

    async def poll(self) -> tuple[AppendResult, bool]:
        """Poll once and save the batch; return the counts, and whether more can be had at once.

        Nothing is added if the stop comes first, or while another process polls this source: two
        that start from the same state would report the same traffic twice.
        """
        check_disk(self.store.path, self.min_free_disk_bytes)
        with process_lock(self._lock_file) as is_held:
            return await self._poll() if is_held else (AppendResult(0, 0), False)

    async def _poll(self) -> tuple[AppendResult, bool]:
        kept = await self._keep_unsaved()
        if kept is not None:
            return kept
        if self._unsaved is not None:
            await self.store.run(check_room, self.source.name)
        state = await self.store.run(
            stored_sources.load_state, self.source.name, created_ms=self.created_ms
        )
        batch = await self._batch(state)
        if batch is None:
            return AppendResult(0, 0), False
        if batch.failure is not None:
            return await self._move_on(batch, batch.failure)
        return await self._keep(batch), batch.more

    async def _move_on(self, batch: Batch, failure: SourceError) -> tuple[AppendResult, bool]:
        """Keep the state of a poll that saw nothing. Raises the failure if it was the last one."""
        await self.store.run(
            stored_sources.save_state, self.source.name, batch.state, created_ms=self.created_ms
        )
        if not batch.more:
            raise failure
        return AppendResult(0, 0), True

    async def _keep_unsaved(self) -> tuple[AppendResult, bool] | None:
        """Save events that were taken before; return the result of a poll, None without any."""
        if self._unsaved is None:
            return None
        earlier = self._unsaved.of_earlier()
        if earlier is not None:  # its place is not ours
            return await self._commit(earlier, None), True
        batch = self._unsaved.held()
        return None if batch is None else (await self._keep(batch), batch.more)

    async def finish(self) -> AppendResult:
        """Try once more to save taken events; otherwise a file holds them for the next start."""
        if self._unsaved is None:
            return AppendResult(0, 0)
        try:
            with process_lock(self._lock_file) as is_held:
                kept = await self._keep_unsaved() if is_held else None
                return AppendResult(0, 0) if kept is None else kept[0]
        except (SourceError, StoreError) as error:
            self._report(failure_sentence(error), report=True)
        return AppendResult(0, 0)

    async def _keep(self, batch: Batch) -> AppendResult:
        appended = await self._save(batch)
        self._left_out += len(appended.conflicts)
        missing = conflict_warning(self._left_out)
        if self._unsaved is not None:
            missing = await self.store.run(refusals.warning, self.source.name)
        warning = "; ".join(filter(None, (batch.warning, missing)))
        if not batch.more:
            self._left_out = 0
        if warning:
            await self._note_warning(warning)
        else:
            self._last_sentence = ""
        return appended

    async def _save(self, batch: Batch) -> AppendResult:
        try:
            return await self._commit(batch, batch.state)
        except NotFound:
            raise
        except StoreError:
            if self._unsaved is not None:
                self._unsaved.hold(batch)
            raise

    async def _commit(self, batch: Batch, state: bytes | None) -> AppendResult:
        appended = await self.store.run(self._save_batch, batch, state, self.clock())
        if self._unsaved is not None:
            self._unsaved.clear()
        return appended

    def _save_batch(self, batch: Batch, state: bytes | None, now_ms: int) -> AppendResult:
        name, created_ms = self.source.name, self.created_ms
        if self._unsaved is None:
            return stored_sources.save_batch(
                name, batch.events, state, now_ms, created_ms=created_ms
            )
        return refusals.save_taken(
            name, batch.events, batch.refused, state, now_ms, self._rules, created_ms=created_ms
        )

    async def note_failure(self, sentence: str, *, report: bool = True) -> AppendResult:
        """Record a failure as the source's health, and report it if it is a new one.

        Returns the counts of the alert that was added if the source has failed for long.
        """
        self._report(sentence, report=report)
        # A store that cannot be written is reported by whatever else writes to it.
        with suppress(StoreError):
            return await self.store.run(
                save_failure,
                self.source.name,
                sentence,
                self.clock(),
                self.stale_alert,
                created_ms=self.created_ms,
                revision=self.revision,
            )
        return AppendResult(0, 0)

    async def _note_warning(self, warning: str) -> None:
        self._report(warning, report=True)
        with suppress(StoreError):
            await self.store.run(
                stored_sources.save_warning,
                self.source.name,
                warning,
                self.clock(),
                created_ms=self.created_ms,
                revision=self.revision,
            )

    def _report(self, sentence: str, *, report: bool) -> None:
        if report and sentence != self._last_sentence:
            self.on_failure(sentence)
        self._last_sentence = sentence

    async def _batch(self, state: bytes | None) -> Batch | None:
        """Poll in a thread; None if it was still running some time after the stop."""
        poll = in_thread(lambda: self.source.poll(self.clock(), state))
        stopped = asyncio.ensure_future(self.stop.wait())
        patience_s = TAKING_PATIENCE_S if self.takes else STOP_PATIENCE_S
        either: tuple[asyncio.Future[Any], ...] = (poll, stopped)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({poll}, timeout=patience_s)
            return poll.result() if poll.done() else None
        finally:
            stopped.cancel()
            poll.cancel()


def save_failure(
    name: str,
    sentence: str,
    now_ms: int,
    stale_alert: StaleAlertOf,
    *,
    created_ms: int | None,
    revision: int | None = None,
) -> AppendResult:
    """Record a source's failure and the alert about it, if one is due; return the counts.

    With `revision` neither is recorded of a source that was paused or edited since.
    """
    stored = stored_sources.find(name)
    if revision not in (None, stored.revision):
        return AppendResult(0, 0)
    state = stored_sources.load_state(name, created_ms=created_ms)
    with stale_alert(stored, state, sentence, now_ms) as alert:
        alerts = () if alert is None else (alert,)
        return stored_sources.save_failure(
            name, sentence, now_ms, alerts, created_ms=created_ms, revision=revision
        )


def in_thread(work: Callable[[], Batch]) -> asyncio.Future[Batch]:
    """Run `work` in a daemon thread, which the end of the process does not wait for."""
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


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def conflict_warning(count: int) -> str:
    """Return a sentence about events that were left out, "" where there are none."""
    if not count:
        return ""
    if count == 1:
        return "1 event was left out: its id is known with another body"
    return f"{count} events were left out: their ids are known with another body"


def failure_sentence(error: Exception) -> str:
    """Return a sentence about a failure for the admin."""
    if isinstance(error, SourceError | StoreError):
        return safe(str(error), 1000)
    return safe(f"the source failed: {type(error).__name__}: {error}", 1000)
