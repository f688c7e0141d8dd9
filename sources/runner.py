"""Runner of every active source of a store, beside the worker that sends.

Only there: a worker that stands by may lack the permission, and two runners would report the same
handshakes in turns.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from domain.alert_kinds import all_terms
from domain.errors import FieldErrors
from domain.events import Event
from domain.settings import Settings
from domain.source_kinds import SERVING, TAKING
from sources.base import SourceError
from sources.factory import (
    CurrentAlerts,
    HostParams,
    RunnableSource,
    SourceTerms,
    is_run,
    make_source,
    used_settings,
)
from sources.intake import Inlet
from sources.polling import Polling, StaleAlertOf, failure_sentence, pause, save_failure
from sources.service_runner import Backoff, serve_watched
from sources.stale import StaleAlerts, StaleSource, stale_alerts
from store import alert_settings
from store import sources as stored_sources
from store.errors import NotFound, StoreError, StoreGone, StoreLost
from store.records import AppendResult, StoredSource

if TYPE_CHECKING:
    from store.database import Store

FILES_CHECK_S = 0.5
"""Seconds between checks for the store, while a source runs by itself."""


class _Key(NamedTuple):
    """Version of a source and its settings; with another key it must be restarted."""

    created_ms: int
    revision: int
    settings: Settings


class _Wanted(NamedTuple):
    stored: StoredSource
    settings: Settings

    @property
    def key(self) -> _Key:
        return _Key(self.stored.created_ms, self.stored.revision, self.settings)


@dataclass(slots=True)
class _Run:
    kind: str
    key: _Key
    stop: asyncio.Event
    task: asyncio.Task[None]
    stale: StaleAlerts | None
    """Handed on to the run that follows an edit, so that silences are measured from before it."""


async def run_one(
    name: str,
    store: Store,
    settings: Settings,
    clock: Callable[[], int],
    stop: asyncio.Event,
    *,
    on_failure: Callable[[str], None],
    once: bool = False,
) -> AppendResult:
    """Run one source in a process of its own, also a paused one; return the counts of its events.

    With `once`, poll once; a failure is raised. Raises NotFound, FieldErrors, SourceError,
    StoreLost.
    """
    stored = await store.run(stored_sources.find, name)
    terms = SourceTerms(settings, all_terms(await store.run(alert_settings.load_all)))
    runnable = make_source(stored, terms, store)
    if runnable is None:
        raise SourceError(f"it is of kind {stored.kind}", "run the source that serves it instead")
    watching = asyncio.create_task(_watch_files(store, stop))
    try:
        return await run_runnable(
            runnable, stored, store, terms, clock, stop, on_failure=on_failure, once=once
        )
    finally:
        watching.cancel()
        store.presence.check()


async def _watch_files(store: Store, stop: asyncio.Event) -> None:
    """Stop when the store is gone, also while nothing is to be put into it."""
    while True:
        await asyncio.sleep(FILES_CHECK_S)
        try:
            store.presence.check()
        except StoreGone:  # which the end of the run says
            stop.set()
            return


async def run_runnable(
    runnable: RunnableSource,
    stored: StoredSource,
    store: Store,
    terms: SourceTerms,
    clock: Callable[[], int],
    stop: asyncio.Event,
    *,
    on_failure: Callable[[str], None],
    on_appended: Callable[[], None] = lambda: None,
    once: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
    stale: StaleAlerts | None = None,
    revision: int | None = None,
) -> AppendResult:
    """Run a source until `stop`; with `stale` a service goes on measuring the silence of others."""
    every_ms, host_params = runnable.every_ms, runnable.host_params
    stale_alert = _stale_alert_of(terms, clock(), monotonic, every_ms, host_params)
    if runnable.source is not None:
        polling = Polling(
            source=runnable.source,
            store=store,
            created_ms=stored.created_ms,
            revision=revision,
            stop=stop,
            clock=clock,
            on_appended=on_appended,
            min_free_disk_bytes=terms.settings.min_free_disk_bytes,
            on_failure=on_failure,
            takes=runnable.takes,
            alerts=terms.alerts,
            stale_alert=stale_alert,
        )
        return await polling.run(every_ms, once=once)
    if once:
        raise SourceError("it waits for others to hand events in", "run it without --once")
    inlet = _inlet(stored, store, terms, clock, on_appended)
    watched = stale or stale_alerts(terms.alerts, clock(), monotonic)
    await serve_watched(runnable, inlet, stop, watched, on_failure, stale_alert)
    return inlet.total


def _inlet(
    stored: StoredSource,
    store: Store,
    terms: SourceTerms,
    clock: Callable[[], int],
    on_appended: Callable[[], None],
) -> Inlet:
    return Inlet(
        stored.name,
        store,
        clock,
        on_appended=on_appended,
        min_free_disk_bytes=terms.settings.min_free_disk_bytes,
        created_ms=stored.created_ms,
    )


def _stale_alert_of(
    terms: SourceTerms,
    watching_ms: int,
    monotonic: Callable[[], float],
    every_ms: int = 0,
    host_params: HostParams = lambda _: {},
) -> StaleAlertOf:
    """Return the function that makes the alert about a source that sees nothing for long."""
    stale = stale_alerts(terms.alerts, watching_ms, monotonic)

    def alert(
        stored: StoredSource, state: bytes | None, sentence: str, now_ms: int
    ) -> AbstractContextManager[Event | None]:
        since_ms = stored.last_ok_ms or stored.created_ms
        if not stale.is_stale(since_ms, every_ms, now_ms):
            return nullcontext()
        return stale.alert(StaleSource(stored.name, since_ms, sentence, host_params(state)), now_ms)

    return alert


class Sources:
    """All running sources; made and used inside one event loop. `adapt` never blocks.

    `on_appended` is called after each commit that added events, `on_failure` with each failure.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        *,
        on_appended: Callable[[], None],
        on_failure: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._clock = clock
        self._on_appended = on_appended
        self._on_failure = on_failure
        self._active = False
        self._settings: Settings | None = None
        self._alerts = CurrentAlerts()
        self._runs: dict[str, _Run] = {}
        self._adapting: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def adapt(self, active: bool, settings: Settings) -> None:
        """Run the active sources of the store, or none, from now on."""
        self._active, self._settings = active, settings
        self._changed.set()
        if self._adapting is None or self._adapting.done():
            self._adapting = asyncio.create_task(self._adapt())

    @property
    def takes(self) -> bool:
        """Return whether a running source would lose its answer under way; from any thread."""
        return any(run.kind in TAKING for run in list(self._runs.values()))

    async def poll_each_once(self, settings: Settings) -> None:
        """Poll each active source once and wait for all; report those that are not waited for.

        Raises StoreError, FieldErrors.
        """
        self._active, self._settings = True, settings
        for name, source in (await self._wanted()).items():
            if source.stored.kind in SERVING:
                self._report(name, "not waited for: it is handed its events")
            elif is_run(source.stored.kind):
                stop = asyncio.Event()
                task = asyncio.create_task(self._poll_once(source, stop))
                self._runs[name] = _Run(source.stored.kind, source.key, stop, task, None)
        await asyncio.gather(*(run.task for run in self._runs.values()))
        self._active = False
        self._runs.clear()

    def _report(self, name: str, sentence: str) -> None:
        self._on_failure(f"source {name}: {sentence}")

    def stop_first_polls(self) -> None:
        """Wait for no first poll any more."""
        self._run_only({})

    async def _poll_once(self, wanted: _Wanted, stop: asyncio.Event) -> None:
        name = wanted.stored.name
        terms = SourceTerms(wanted.settings, self._alerts)
        try:
            await self._run_once(wanted.stored, terms, stop, once=True)
        except Exception as error:
            self._report(name, f"its first look failed: {failure_sentence(error)}")
        else:
            if stop.is_set():
                self._report(name, "its first look was not waited for")

    async def end(self) -> None:
        """Stop every source, and wait until all have stopped."""
        self._active = False
        self._changed.set()
        if self._adapting is not None:
            await self._adapting
        self._run_only({})
        await asyncio.gather(*(run.task for run in self._runs.values()), return_exceptions=True)

    async def _adapt(self) -> None:
        """Run the wanted sources; a store that cannot be read is tried again."""
        backoff = Backoff()
        while self._changed.is_set():
            self._changed.clear()
            try:
                wanted = await self._wanted()
            except StoreLost:  # the worker sees it too
                return
            except (StoreError, FieldErrors) as error:
                sentence = failure_sentence(error)
                if backoff.failed(sentence, 0):
                    self._on_failure(f"which sources are to run cannot be read: {sentence}")
                await pause(self._changed, backoff.wait_s)
                self._changed.set()
            else:
                self._run_only(wanted)

    async def _wanted(self) -> dict[str, _Wanted]:
        if not self._active or self._settings is None:
            return {}
        stored = await self._store.run(stored_sources.load_all)
        self._alerts.take(all_terms(await self._store.run(alert_settings.load_all)))
        return {
            source.name: _Wanted(source, used_settings(source, self._settings))
            for source in stored
            if source.active
        }

    def _run_only(self, wanted: dict[str, _Wanted]) -> None:
        """Stop sources that are not wanted as they run, and start those that are wanted."""
        for name, run in list(self._runs.items()):
            if name not in wanted or wanted[name].key != run.key:
                run.stop.set()
            if name not in wanted:
                run.stale = None  # nothing is known of the time in which it does not run
                if run.task.done():
                    del self._runs[name]
        for name, source in wanted.items():
            before = self._runs.get(name)
            if before is None or before.stop.is_set():
                stop, stale = asyncio.Event(), self._stale(before, source.stored)
                task = asyncio.create_task(self._run(source, stop, before, stale))
                self._runs[name] = _Run(source.stored.kind, source.key, stop, task, stale)

    def _stale(self, before: _Run | None, stored: StoredSource) -> StaleAlerts:
        """Return the alerts of the run before, if this one takes its place without a pause."""
        is_edit = before is not None and before.key.created_ms == stored.created_ms
        known = before.stale if before is not None and is_edit else None
        return known or stale_alerts(self._alerts, self._clock(), self._monotonic)

    async def _run(
        self, wanted: _Wanted, stop: asyncio.Event, before: _Run | None, stale: StaleAlerts
    ) -> None:
        """Run a source until `stop`, after the end of its last run; it delays no other source."""
        if before is not None:
            await asyncio.wait({before.task})
        backoff = Backoff()
        terms = SourceTerms(wanted.settings, self._alerts)
        stale_alert = _stale_alert_of(terms, self._clock(), self._monotonic)
        while not stop.is_set():
            began_s = time.monotonic()
            try:
                await self._run_once(wanted.stored, terms, stop, stale=stale)
            except (StoreLost, NotFound):  # the worker sees it too
                return
            except Exception as error:
                sentence = failure_sentence(error)
                if backoff.failed(sentence, time.monotonic() - began_s):
                    self._report(wanted.stored.name, sentence)
                await self._note_failure(wanted.stored, sentence, stale_alert)
                await pause(stop, backoff.wait_s)
            else:
                return

    async def _run_once(
        self,
        stored: StoredSource,
        terms: SourceTerms,
        stop: asyncio.Event,
        *,
        once: bool = False,
        stale: StaleAlerts | None = None,
    ) -> None:
        runnable = make_source(stored, terms, self._store)
        if runnable is not None:
            await run_runnable(
                runnable,
                stored,
                self._store,
                terms,
                self._clock,
                stop,
                on_failure=partial(self._report, stored.name),
                on_appended=self._on_appended,
                once=once,
                monotonic=self._monotonic,
                stale=stale,
                revision=stored.revision,
            )

    async def _note_failure(
        self, stored: StoredSource, sentence: str, stale_alert: StaleAlertOf
    ) -> None:
        with suppress(StoreError):
            alerts = await self._store.run(
                save_failure,
                stored.name,
                sentence,
                self._clock(),
                stale_alert,
                created_ms=stored.created_ms,
                revision=stored.revision,
            )
            if alerts.accepted:
                self._on_appended()
