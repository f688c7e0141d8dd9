"""A source of kind `http`: serves the parts that are switched on until it is told to stop."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from domain.alert_kinds import AlertTerms
from sources.base import SourceError
from sources.extras import install_cure
from sources.http.app import App, Limits
from sources.http.listening import open_listener, tls_context
from sources.http.renewal import Renewal
from sources.http.routes import Route, Routes
from sources.http.sign_ins import FewFailures, ReportSignIn, report_nothing
from store.errors import StoreError

if TYPE_CHECKING:
    from domain.settings import Settings
    from sources.http.connections import Connections
    from sources.http.sign_in import SignIns
    from sources.inlet import Inlet


@dataclass(frozen=True)
class Surroundings:
    """What the parts of a server may use."""

    inlet: Inlet
    random64: Callable[[], int]
    report_sign_in: ReportSignIn
    settings: Settings
    alerts: Mapping[str, AlertTerms]

    @cached_property
    def sign_ins(self) -> SignIns:
        """Those who sign in with a key, one table for all parts."""
        from sources.http.sign_in import SignIns
        from sources.http.silence import note_refused_host

        return SignIns(
            self.inlet.store,
            self.inlet.clock,
            self.report_sign_in,
            note_refused=partial(note_refused_host, self.inlet),
        )


@dataclass(frozen=True, slots=True)
class HttpTerms:
    """What is set for a source of this kind."""

    listen: str
    serves: tuple[str, ...]
    certificate: str
    private_key: str
    limits: Limits


MakeRoutes = Callable[[Surroundings], Iterable[Route]]
_PARTS: Mapping[str, str] = {
    "events": "sources.http.events:routes",
    "agents": "sources.http.agents:routes",
    "queues": "sources.http.queues:routes",
}
"""What makes the routes of each part, imported only where it is served."""


class HttpService:
    """Serves HTTP; it is a `sources.base.Service`."""

    def __init__(
        self,
        name: str,
        terms: HttpTerms,
        *,
        settings: Settings,
        alerts: Mapping[str, AlertTerms],
        random64: Callable[[], int],
        report_sign_ins: Callable[[Inlet], ReportSignIn] = lambda _: report_nothing,
    ) -> None:
        self._name = name
        self._terms = terms
        self._settings = settings
        self._alerts = alerts
        self._random64 = random64
        self._report_sign_ins = report_sign_ins

    @property
    def name(self) -> str:
        """The name under which the store keeps it."""
        return self._name

    async def serve(self, inlet: Inlet, stop: asyncio.Event) -> None:
        """Answer until `stop`. Raises SourceError where it cannot listen."""
        terms = self._terms
        context = tls_context(terms.certificate, terms.private_key)
        bugs = _Bugs(inlet)
        surroundings = self._surroundings(inlet)
        app = App(Routes(self._routes(surroundings)), terms.limits, bugs.note)
        connections = _connections(app, terms.limits, context)
        listener = await asyncio.to_thread(
            open_listener, terms.listen, encrypted=context is not None
        )
        with listener:
            await inlet.note_own_success()
            renewing = asyncio.create_task(_renew(context, terms, inlet, bugs))
            try:
                await connections.serve(listener, stop)
            finally:
                renewing.cancel()
                await bugs.told()

    def _surroundings(self, inlet: Inlet) -> Surroundings:
        report = FewFailures(self._report_sign_ins(inlet), inlet.clock)
        return Surroundings(inlet, self._random64, report, self._settings, self._alerts)

    def _routes(self, surroundings: Surroundings) -> list[Route]:
        return [route for part in self._terms.serves for route in _part(part)(surroundings)]


async def _renew(
    context: ssl.SSLContext | None, terms: HttpTerms, inlet: Inlet, bugs: _Bugs
) -> None:
    if context is None:
        return
    try:
        await Renewal(context, terms.certificate, terms.private_key, inlet).watch()
    except Exception as error:
        bugs.note(error)


def _part(name: str) -> MakeRoutes:
    module, _, function = _PARTS[name].partition(":")
    try:
        make: MakeRoutes = getattr(import_module(module), function)
    except ModuleNotFoundError:
        raise SourceError(
            f"this version of tocsin cannot serve {name}", "leave it out of serves"
        ) from None
    return make


def _connections(app: App, limits: Limits, context: ssl.SSLContext | None) -> Connections:
    try:
        from sources.http.connections import Connections
    except ModuleNotFoundError:
        raise SourceError("the HTTP server is not installed", install_cure("http")) from None
    return Connections(app, limits, context)


class _Bugs:
    """Tells of bugs where the source's health is shown, without any text of a request."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self._telling: set[asyncio.Task[None]] = set()

    def note(self, error: Exception) -> None:
        frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "?"
        sentence = f"a request met a bug in tocsin: {type(error).__name__} in {place}"
        task = asyncio.create_task(_tell(self._inlet, sentence))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def told(self) -> None:
        await asyncio.gather(*self._telling, return_exceptions=True)


async def _tell(inlet: Inlet, sentence: str) -> None:
    with suppress(StoreError):
        await inlet.note_own_failure(sentence)
