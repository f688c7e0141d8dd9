"""Source of kind `http`: it serves the routes that it is given until it is to stop."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sources.base import SourceError, install_cure
from sources.http.app import App, ClientLimits, Route
from sources.http.listening import CertificateRenewal, open_listener, tls_context
from store.errors import StoreError

if TYPE_CHECKING:
    from sources.http.connections import Connections
    from sources.intake import Inlet


class HttpTerms(msgspec.Struct, frozen=True):
    """Options of a source of this kind."""

    listen: str
    certificate: str
    private_key: str
    limits: ClientLimits


MakeRoutes = Callable[["Inlet"], Iterable[Route]]
"""Makes the routes of what is served, for one run of a server."""


class HttpService:
    """Serves HTTP; it is a `sources.base.Service`."""

    def __init__(self, name: str, terms: HttpTerms, make_routes: MakeRoutes) -> None:
        self.name = name
        self._terms = terms
        self._make_routes = make_routes

    async def serve(self, inlet: Inlet, stop: asyncio.Event) -> None:
        """Answer until `stop`. Raises SourceError where it cannot listen."""
        terms = self._terms
        context = tls_context(terms.certificate, terms.private_key)
        bugs = _BugReports(inlet)
        app = App(self._make_routes(inlet), terms.limits, bugs.note)
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
                await bugs.finish()


async def _renew(
    context: ssl.SSLContext | None, terms: HttpTerms, inlet: Inlet, bugs: _BugReports
) -> None:
    if context is None:
        return
    try:
        await CertificateRenewal(context, terms.certificate, terms.private_key, inlet).watch()
    except Exception as error:
        bugs.note(error)


def _connections(app: App, limits: ClientLimits, context: ssl.SSLContext | None) -> Connections:
    try:
        from sources.http.connections import Connections
    except ModuleNotFoundError:
        raise SourceError("the HTTP server is not installed", install_cure("http")) from None
    return Connections(app, limits, context)


class _BugReports:
    """Reports bugs in the health of the source, without any text of a request."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self._under_way: set[asyncio.Task[None]] = set()

    def note(self, error: Exception) -> None:
        frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "?"
        sentence = f"a request met a bug in tocsin: {type(error).__name__} in {place}"
        task = asyncio.create_task(self._report(sentence))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _report(self, sentence: str) -> None:
        with suppress(StoreError):
            await self._inlet.note_own_failure(sentence)
