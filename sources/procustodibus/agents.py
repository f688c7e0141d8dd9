"""Agents of hosts: each ping shows the WireGuard of its host, and silent hosts are noticed.

Where an agent reports nothing more, or may not, nothing is seen of its host: its health and an
alert say so.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus

import msgspec

from domain import clients as kinds
from domain.alert_kinds import AlertTerms
from domain.events import Event
from domain.options import values
from domain.safe import safe
from domain.settings import Settings
from domain.source_kinds import AGENT, kind_named
from domain.wording import second_text
from sources.base import SourceError
from sources.geo import geo_of
from sources.http.app import Route
from sources.http.messages import JsonAnswer, Request, RequestRefused, not_now
from sources.intake import Inlet
from sources.polling import conflict_warning
from sources.process_lock import lock_file, process_lock
from sources.procustodibus.pings import PingError, endpoint_warning, read_ping
from sources.procustodibus.sign_in import Sessions
from sources.stale import StaleAlerts, StaleSource
from sources.wireguard.events import DeriveTerms, HostNames
from sources.wireguard.names import NameFiles
from sources.wireguard.snapshot import encode_state, read_state
from sources.wireguard.source import derive
from store import clients
from store import sources as stored_sources
from store.errors import NotFound, StoreError
from store.records import Client, StoredSource

ROOM_RETRY_S = 60
BUSY_RETRY_S = 5
LARGEST_STATE = 64 * 1024 * 1024
"""Bytes that are remembered of one host; some 500,000 peers."""

CHECK_S = 30.0
"""Seconds from one check for silent hosts to the next."""

AT_ONCE = 2
"""Pings that are worked on at once, so that many large ones do not fill the memory."""


_REFUSED = "the signature of its agent is refused"


def routes(
    inlet: Inlet, sessions: Sessions, settings: Settings, alerts: Mapping[str, AlertTerms]
) -> Iterable[Route]:
    """Return the routes by which a signed-in agent reports."""
    agents = Agents(inlet, sessions, settings, alerts)
    return (
        Route("GET", "/hosts/{host}", agents.host, agents.admit),
        Route("POST", "/hosts/{host}/ping/{version}", agents.ping, agents.admit),
    )


class _PingResult(msgspec.Struct, frozen=True):
    """Result of a ping: events, the next state of the host, and what is wrong with its agent."""

    events: tuple[Event, ...]
    state: bytes
    warning: str


class Agents:
    """Agents of the hosts that report to one server."""

    def __init__(
        self, inlet: Inlet, sessions: Sessions, settings: Settings, alerts: Mapping[str, AlertTerms]
    ) -> None:
        self._inlet = inlet
        self._store = inlet.store
        self._sessions = sessions
        self._settings = settings
        self._alerts = alerts
        self._geo = geo_of(settings.geo_db)
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._names: dict[str, NameFiles] = {}

    async def admit(self, request: Request) -> str:
        """Let in the agent of the host in the path, and nobody else; return its name."""
        client = await self._sessions.admit(request, kinds.AGENT)
        if client.host_id != request.values["host"]:
            raise await self._sessions.forbidden(request, client, "host")
        return client.name

    async def host(self, request: Request) -> JsonAnswer:
        """Return the name of the agent's host here."""
        attributes = {"name": request.caller}
        return JsonAnswer(
            {"data": [{"id": request.values["host"], "type": "hosts", "attributes": attributes}]}
        )

    async def ping(self, request: Request) -> JsonAnswer:
        """Keep what happened since the last ping; the answer wants nothing of the agent."""
        client = await self._store.run(clients.find, kinds.AGENT, request.caller)
        source = await self._store.run(stored_sources.find, client.name)
        await self._store.run(clients.note_seen, client.name, self._inlet.clock())
        if source.active:
            await self._keep(client, source, request.body)
        return JsonAnswer({"data": [], "meta": {}})

    async def _keep(self, client: Client, source: StoredSource, body: bytes) -> None:
        try:
            async with self._turns[client.name]:
                await self._take_alone(client, source, body)
        except PingError as error:
            await self._fail(source, f"its agent sent a ping that cannot be read: {error}")
            raise RequestRefused(HTTPStatus.BAD_REQUEST, error.reason, place=error.place) from None
        except SourceError as error:
            await self._fail(source, str(error))
            raise not_now(error.reason, ROOM_RETRY_S) from None
        except NotFound:
            raise RequestRefused(HTTPStatus.NOT_FOUND, "this host was deleted") from None

    async def _take_alone(self, client: Client, source: StoredSource, body: bytes) -> None:
        with process_lock(lock_file(self._store.path, client.name)) as we_are:
            if not we_are:
                raise not_now("another server works on a ping of this host", BUSY_RETRY_S)
            await self._take(client, source, body)

    async def _take(self, client: Client, source: StoredSource, body: bytes) -> None:
        now_ms = self._inlet.clock()
        created_ms = source.created_ms
        state = await self._store.run(stored_sources.load_state, client.name, created_ms=created_ms)
        async with self._at_once:
            derived = await asyncio.to_thread(self._derive, client, source, body, state, now_ms)
        appended = await self._inlet.keep(source, derived.events, derived.state)
        warning = derived.warning or conflict_warning(len(appended.conflicts))
        if warning:
            with suppress(StoreError):
                await self._store.run(
                    stored_sources.save_warning,
                    client.name,
                    warning,
                    self._inlet.clock(),
                    created_ms=created_ms,
                )

    def _derive(
        self, client: Client, source: StoredSource, body: bytes, state: bytes | None, now_ms: int
    ) -> _PingResult:
        """Derive events from a ping; in a thread, for that of a large host takes a while."""
        previous, fresh = read_state(state)
        ping = read_ping(
            body,
            host=kinds.host_key(client.name),
            received_ms=now_ms,
            known=previous.snapshot if previous is not None else None,
        )
        terms, name_warnings = self._terms(client, source)
        derived = derive(previous, ping.snapshot, terms)
        encoded = encode_state(derived.state)
        if len(encoded) > LARGEST_STATE:
            raise PingError(
                "with it, more would be remembered of this host than we can", "interfaces"
            )
        unread = endpoint_warning(ping.unread, terms.names)
        warnings = (fresh, ping.warning, unread, derived.warning, *name_warnings, self._geo.problem)
        return _PingResult(derived.events, encoded, "; ".join(filter(None, warnings)))

    def _terms(self, client: Client, source: StoredSource) -> tuple[DeriveTerms, Sequence[str]]:
        """Return what deriving needs of a host, and what is wrong with its file of names."""
        options = values(kind_named(AGENT).defaults, source.options)
        file = str(options["names_file"] or "")
        found = self._names.setdefault(file, NameFiles(file)).read()
        terms = DeriveTerms(
            user=client.user_id,
            names=HostNames(client.name, found.peers, found.users),
            event_names=self._settings.event_names,
            port_changes=bool(options["port_changes"]),
            alerts=dict(self._alerts),
            locate=self._geo.locate,
        )
        return terms, found.warnings

    async def _fail(self, source: StoredSource, sentence: str) -> None:
        with suppress(StoreError):
            await self._inlet.note_failure(source, sentence)


async def note_refused_host(inlet: Inlet, client: Client, address: str) -> None:
    """Let the health of a host say that its agent cannot sign in; a report that is kept ends it."""
    if client.kind != kinds.AGENT:
        return
    sentence = (
        f"{_REFUSED}: what signs in for it from {safe(address, 64)} does not have the key that was "
        f"set up; give it new files with `tocsin host renew {client.name}`"
    )
    with suppress(NotFound, StoreError):
        source = await inlet.store.run(stored_sources.find, client.name)
        if source.error != sentence:
            await inlet.note_failure(source, sentence)


def _blind_since(
    client: Client, source: StoredSource, stale: StaleAlerts, now_ms: int
) -> int | None:
    """Return when the host was last seen, if it is refused or silent for too long.

    One that has never sent anything waits for its set-up; a paused one may be silent.
    """
    since_ms = source.last_ok_ms or source.created_ms
    if _is_refused(source):
        return since_ms
    if client.seen_ms is None or not source.active:
        return None
    waited_ms = max(since_ms, source.updated_ms)
    return since_ms if stale.is_stale(waited_ms, client.interval_ms or 0, now_ms) else None


def _is_refused(source: StoredSource) -> bool:
    return source.active and (source.error or "").startswith(_REFUSED)


def _what_is_wrong(
    client: Client, source: StoredSource, since_ms: int, stale: StaleAlerts, now_ms: int
) -> str:
    """Return the sentence about a host that is not seen any more.

    An agent that is heard of has its pings refused, which was noted as they came.
    """
    if _is_refused(source):
        return str(source.error)
    heard_ms = client.seen_ms or since_ms
    if stale.is_stale(heard_ms, client.interval_ms or 0, now_ms):
        return (
            f"its agent reports nothing since {second_text(heard_ms)}: see whether "
            "procustodibus-agent runs there and can reach us"
        )
    return source.error or (
        f"nothing that its agent reports was kept since {second_text(since_ms)}: "
        "see the log of procustodibus-agent there"
    )


async def watch_hosts(event_names: bool, inlet: Inlet, stale: StaleAlerts) -> None:
    """Check for silent hosts, without end: also while nobody could reach us."""
    while True:
        with suppress(StoreError):
            await note_silent_hosts(inlet, stale, event_names=event_names)
        await asyncio.sleep(CHECK_S)


async def note_silent_hosts(inlet: Inlet, stale: StaleAlerts, *, event_names: bool) -> None:
    """Record in the health of each silent host that it is, and add an alert if one is due."""
    now_ms = inlet.clock()
    for client in await inlet.store.run(clients.load_all, kinds.AGENT):
        with suppress(NotFound):
            source = await inlet.store.run(stored_sources.find, client.name)
            since_ms = _blind_since(client, source, stale, now_ms)
            if since_ms is None:
                continue
            sentence = _what_is_wrong(client, source, since_ms, stale, now_ms)
            host = {"host_pub": client.host_id} | ({"host": client.name} if event_names else {})
            with stale.alert(StaleSource(client.name, since_ms, sentence, host), now_ms) as alert:
                if alert is not None or source.error != sentence:
                    alerts = () if alert is None else (alert,)
                    await inlet.note_failure(source, sentence, alerts)
