"""Runs every active source of a store, beside the worker that sends.

Only there: a worker that stands by may lack the permission, and two that watch would tell of the
same handshakes by turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from domain.alert_kinds import SOURCE_STALE, AlertTerms, all_terms
from domain.events import Event
from domain.field_errors import FieldErrors
from domain.settings import Settings
from sources.base import SourceError
from sources.inlet import Inlet
from sources.making import Made, Terms, make
from sources.polling import Blindness, failure_sentence, run_source
from sources.serving import run_service
from sources.stale import Blind, StaleAlerts
from store import alert_settings
from store import sources as stored_sources
from store.errors import NotFound, StoreError, StoreOvertaken
from store.records import Appended, StoredSource

if TYPE_CHECKING:
    from store.database import Store


class _Key(NamedTuple):
    """By what a source runs; other terms need another run."""

    kind: str
    revision: int
    settings: Settings
    alerts: tuple[tuple[str, AlertTerms], ...]


@dataclass(slots=True)
class _Run:
    key: _Key
    stop: asyncio.Event
    task: asyncio.Task[None]


async def run_one(
    name: str,
    store: Store,
    settings: Settings,
    clock: Callable[[], int],
    stop: asyncio.Event,
    *,
    on_failure: Callable[[str], None],
    once: bool = False,
) -> Appended:
    """Run one source in a process of its own, also a paused one; what was added in all.

    With `once`, look once; what fails is raised. Raises NotFound, FieldErrors, SourceError,
    StoreOvertaken.
    """
    stored = await store.run(stored_sources.find, name)
    terms = Terms(settings, all_terms(await store.run(alert_settings.load_all)))
    made = make(stored, terms, store)
    if made is None:
        raise SourceError(
            f"source {name} is of kind {stored.kind}", "run the source that serves it instead"
        )
    return await run_made(made, name, store, terms, clock, stop, on_failure=on_failure, once=once)


async def run_made(
    made: Made,
    name: str,
    store: Store,
    terms: Terms,
    clock: Callable[[], int],
    stop: asyncio.Event,
    *,
    on_failure: Callable[[str], None],
    on_appended: Callable[[], None] = lambda: None,
    once: bool = False,
) -> Appended:
    """Run what was made until `stop`."""
    least = terms.settings.min_free_disk_bytes
    if made.source is not None:
        return await run_source(
            made.source,
            store=store,
            every_ms=made.every_ms,
            stop=stop,
            clock=clock,
            on_appended=on_appended,
            min_free_disk_bytes=least,
            on_failure=on_failure,
            takes=made.takes,
            once=once,
            blindness=_blindness(made, terms, clock()),
        )
    if once:
        raise SourceError(
            f"source {name} waits for others to hand events in", "run it without --once"
        )
    inlet = Inlet(name, store, clock, on_appended=on_appended, min_free_disk_bytes=least)
    if made.service is not None:
        await run_service(made.service, inlet, stop, on_failure=on_failure)
    return inlet.total


def _blindness(made: Made, terms: Terms, watching_ms: int) -> Blindness:
    """What is told of a source that sees nothing for long."""
    stale = StaleAlerts(terms.alerts[SOURCE_STALE], watching_ms)

    def telling(
        stored: StoredSource, state: bytes | None, sentence: str, now_ms: int
    ) -> AbstractContextManager[Event | None]:
        since_ms = stored.last_ok_ms or stored.created_ms
        if not stale.is_stale(since_ms, made.every_ms, now_ms):
            return nullcontext()
        return stale.telling(Blind(stored.name, since_ms, sentence, made.whose(state)), now_ms)

    return telling


class Sources:
    """Made and used inside one event loop; `adapt` never blocks.

    `on_appended` is called after each commit that added events, `on_failure` with the name of a
    source and what has gone wrong with it.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        *,
        on_appended: Callable[[], None],
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_appended = on_appended
        self._on_failure = on_failure
        self._active = False
        self._settings: Settings | None = None
        self._runs: dict[str, _Run] = {}
        self._look: asyncio.Task[None] | None = None
        self._again = False

    def adapt(self, active: bool, settings: Settings) -> None:
        """Run what is active in the store, or nothing, from now on."""
        self._active, self._settings = active, settings
        self._again = True
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._adapt())

    async def end(self) -> None:
        """Stop every source, and wait until a look under way is over."""
        self._active = False
        if self._look is not None:
            await self._look
        await self._stop_all_but({})

    async def _adapt(self) -> None:
        while self._again:
            self._again = False
            try:
                wanted = await self._wanted()
            except StoreError as error:
                self._on_failure("", failure_sentence(error))
                return
            await self._stop_all_but(wanted)
            for name, (key, stored, terms) in wanted.items():
                if name not in self._runs:
                    stop = asyncio.Event()
                    task = asyncio.create_task(self._run(stored, terms, stop))
                    self._runs[name] = _Run(key, stop, task)

    async def _wanted(self) -> dict[str, tuple[_Key, StoredSource, Terms]]:
        if not self._active or self._settings is None:
            return {}
        settings = self._settings
        stored = await self._store.run(stored_sources.everyone)
        alerts = all_terms(await self._store.run(alert_settings.load_all))
        terms = Terms(settings, alerts)
        key = tuple(sorted(alerts.items()))
        return {
            one.name: (_Key(one.kind, one.revision, settings, key), one, terms)
            for one in stored
            if one.active
        }

    async def _stop_all_but(self, wanted: dict[str, tuple[_Key, StoredSource, Terms]]) -> None:
        gone = [
            name
            for name, run in self._runs.items()
            if name not in wanted or wanted[name][0] != run.key
        ]
        runs = [self._runs.pop(name) for name in gone]
        for run in runs:
            run.stop.set()
        await asyncio.gather(*(run.task for run in runs))

    async def _run(self, stored: StoredSource, terms: Terms, stop: asyncio.Event) -> None:
        """One source until `stop`; whatever is wrong with it stops no other."""
        with suppress(StoreOvertaken, NotFound):  # the worker sees it too
            try:
                made = make(stored, terms, self._store)
            except (FieldErrors, SourceError) as error:
                await self._fail(stored.name, failure_sentence(error))
                return
            if made is not None:
                await run_made(
                    made,
                    stored.name,
                    self._store,
                    terms,
                    self._clock,
                    stop,
                    on_failure=partial(self._on_failure, stored.name),
                    on_appended=self._on_appended,
                )

    async def _fail(self, name: str, sentence: str) -> None:
        self._on_failure(name, sentence)
        with suppress(StoreError):
            await self._store.run(stored_sources.save_failure, name, sentence, self._clock())
