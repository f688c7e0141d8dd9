"""Factory of runnable sources: from the options in the store to a source or a service."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from domain import source_kinds
from domain.alert_kinds import DEFAULT_TERMS, AlertTerms
from domain.options import SettingValue
from domain.settings import Settings
from sources.base import Source
from sources.intake import Service
from store.records import StoredSource

if TYPE_CHECKING:
    from sources.http.app import Route
    from sources.intake import Inlet
    from sources.logins.alerts import AlertRules
    from sources.stale import StaleAlerts
    from store.database import Store

_NAMING = (source_kinds.WIREGUARD, source_kinds.HTTP, source_kinds.JOURNAL)
"""Kinds of sources whose events are made here and may have names and locations."""


class SourceTerms(msgspec.Struct, frozen=True):
    """Settings and alert terms of a source; the alerts may be `CurrentAlerts`, which change."""

    settings: Settings
    alerts: Mapping[str, AlertTerms]


def used_settings(stored: StoredSource, given: Settings) -> Settings:
    """Return the settings that a source uses, and defaults for the others.

    So a change of a setting that it does not use leaves its run as it is.
    """
    settings = Settings(min_free_disk_bytes=given.min_free_disk_bytes)
    if stored.kind in _NAMING:
        settings = replace(settings, event_names=given.event_names, geo_db=given.geo_db)
    return settings


Watch = Callable[["Inlet", "StaleAlerts"], Awaitable[None]]
"""Function that runs beside a service without end, also while it cannot serve."""

HostParams = Callable[[bytes | None], Mapping[str, str]]


class RunnableSource(msgspec.Struct, frozen=True):
    """Source that can be run: polled at an interval, or a service.

    host_params: returns by its state the host's parameters in alerts about the source itself
    takes:       events of a poll are gone where they came from
    watch:       runs beside a service, also while it cannot serve
    """

    source: Source | None = None
    every_ms: int = 0
    service: Service | None = None
    host_params: HostParams = lambda _: {}
    takes: bool = False
    watch: Watch | None = None


Maker = Callable[[str, Mapping[str, SettingValue], SourceTerms, "Store"], RunnableSource]


def make_source(stored: StoredSource, terms: SourceTerms, store: Store) -> RunnableSource | None:
    """Return a runnable source, or None for one that others serve. Raises FieldErrors, SourceError.

    The modules of a kind are imported only where a source of it runs.
    """
    maker = _MAKERS.get(stored.kind)
    if maker is None:
        return None
    values = source_kinds.kind_named(stored.kind).values(stored.options)
    return maker(stored.name, values, terms, store)


def is_run(kind: str) -> bool:
    """Return whether a source of that kind is run itself; others serve the rest."""
    return kind in _MAKERS


def _wireguard(
    name: str, values: Mapping[str, SettingValue], terms: SourceTerms, store: Store
) -> RunnableSource:
    from sources.geo import geo_of
    from sources.wireguard.names import NameFiles
    from sources.wireguard.source import WireGuardSource

    source = WireGuardSource(
        _text(values["command"]),
        name=name,
        host=_text(values["host"]),
        names=NameFiles(_text(values["names_file"]), _text(values["conf_folder"])),
        event_names=terms.settings.event_names,
        port_changes=bool(values["port_changes"]),
        alerts=terms.alerts,
        geo=geo_of(terms.settings.geo_db),
    )
    return RunnableSource(source, _span(values["every"]), host_params=source.host_params)


def _socket(
    name: str, values: Mapping[str, SettingValue], terms: SourceTerms, store: Store
) -> RunnableSource:
    from sources.socket.server import SocketService, SocketTerms

    path = _text(values["path"])
    socket_terms = SocketTerms(
        path=Path(path) if path else None,
        group=_text(values["group"]),
        clients=_span(values["clients"]),
        client_timeout_s=_span(values["client_timeout"]) / 1000,
    )
    return RunnableSource(
        service=SocketService(name, socket_terms, random64=partial(secrets.randbits, 64))
    )


def _http(
    name: str, values: Mapping[str, SettingValue], terms: SourceTerms, store: Store
) -> RunnableSource:
    from sources.http.app import ClientLimits
    from sources.http.server import HttpService, HttpTerms

    http_terms = HttpTerms(
        listen=_text(values["listen"]),
        certificate=_text(values["certificate"]),
        private_key=_text(values["private_key"]),
        limits=ClientLimits(
            max_body=_span(values["max_body"]),
            clients=_span(values["clients"]),
            client_timeout_s=_span(values["client_timeout"]) / 1000,
        ),
    )
    serves = _words(values["serves"])
    service = HttpService(name, http_terms, partial(_http_routes, serves, terms))
    if "agents" not in serves:
        return RunnableSource(service=service)
    from sources.procustodibus.agents import watch_hosts

    return RunnableSource(service=service, watch=partial(watch_hosts, terms.settings.event_names))


def _http_routes(serves: Collection[str], terms: SourceTerms, inlet: Inlet) -> list[Route]:
    """Return the routes of the parts that are served, and import no others."""
    from sources.http.sign_in_watch import LimitedReports
    from sources.logins.own_sign_ins import reporter

    random64 = partial(secrets.randbits, 64)
    host = socket.gethostname()
    own = reporter(inlet, sign_in_rules(terms), host=host, random64=random64)
    report = LimitedReports(own, inlet.clock)
    routes: list[Route] = []
    if "events" in serves:
        from sources.http import events

        routes += events.routes(inlet, random64, report)
    if "agents" in serves or "queues" in serves:
        from sources.procustodibus import agents, brokers, hello
        from sources.procustodibus.agents import note_refused_host
        from sources.procustodibus.sign_in import Sessions

        refused = partial(note_refused_host, inlet)
        sessions = Sessions(inlet.store, inlet.clock, report, note_refused=refused)
        routes += hello.routes(inlet, sessions)
        if "agents" in serves:
            routes += agents.routes(inlet, sessions, terms.settings, terms.alerts)
        if "queues" in serves:
            routes += brokers.routes(inlet, sessions)
    return routes


def _journal(
    name: str, values: Mapping[str, SettingValue], terms: SourceTerms, store: Store
) -> RunnableSource:
    from sources.logins.auth_log import AuthLogSource
    from sources.logins.journal import JournalSource
    from sources.wireguard.source import MACHINE_ID_FILE, machine_key

    rules = sign_in_rules(terms)
    every_ms = _span(values["every"])
    if file := _text(values["file"]):
        machine = machine_key(MACHINE_ID_FILE)
        return RunnableSource(
            AuthLogSource(Path(file), name=name, machine=machine, rules=rules), every_ms
        )
    return RunnableSource(JournalSource(_text(values["command"]), name=name, rules=rules), every_ms)


def _procustodibus(
    name: str, values: Mapping[str, SettingValue], terms: SourceTerms, store: Store
) -> RunnableSource:
    from sources.procustodibus.api import Api, Exchange
    from sources.procustodibus.pull import ProCustodibusSource
    from store.sources import secret_of

    exchange = Exchange(_text(values["url"]))
    secret = partial(store.call, secret_of, name, store.vault)
    source = ProCustodibusSource(
        Api(exchange, _text(values["broker"]), secret),
        name=name,
        types=_words(values["types"]),
        most=_span(values["max_events"]),
        random64=partial(secrets.randbits, 64),
    )
    return RunnableSource(source, _span(values["every"]), takes=True)


def sign_in_rules(terms: SourceTerms) -> AlertRules:
    """Return the alert rules of every source of sign-ins."""
    from sources.geo import geo_of
    from sources.logins.alerts import AlertRules

    geo = geo_of(terms.settings.geo_db)
    return AlertRules(terms.alerts, geo.locate, terms.settings.event_names)


def _text(value: SettingValue) -> str:
    return value if isinstance(value, str) else ""


def _span(value: SettingValue) -> int:
    return value if isinstance(value, int) else 0


def _words(value: SettingValue) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


_MAKERS: Mapping[str, Maker] = {
    source_kinds.WIREGUARD: _wireguard,
    source_kinds.SOCKET: _socket,
    source_kinds.HTTP: _http,
    source_kinds.JOURNAL: _journal,
    source_kinds.PROCUSTODIBUS: _procustodibus,
}


class CurrentAlerts(Mapping[str, AlertTerms]):
    """Terms of each kind of alert as they are now; may be read from any thread.

    A source that restarted with each edit would end its clients' sessions.
    """

    def __init__(self) -> None:
        self._terms = DEFAULT_TERMS

    def take(self, terms: Mapping[str, AlertTerms]) -> None:
        """Use these terms from now on."""
        self._terms = terms

    def __getitem__(self, kind: str) -> AlertTerms:
        return self._terms[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)
