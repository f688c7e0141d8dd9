"""A store with something of everything, the same at every run: for snapshots and pictures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from domain.clients import AGENT
from domain.event_types import EventType
from domain.events import Event
from domain.ids import new_delivery_id
from domain.webhooks import WebhookFields
from store import clients, sources, workers
from store.events import adding
from store.records import Limits, StoredWorker
from store.workers import SendingLock
from tests.support.apps import Bench
from tests.support.stores import ACTOR, MINUTE, NOW, compact

URL = "https://siem.example.com/hooks/"
COUNTRY = {
    "created": "2026-09-21T14:13:00Z",
    "danger": 7,
    "type": "endpoint_ip_first_use_country",
    "params": {"country": "US", "ip": "198.51.100.7", "peer": "laptop-ana", "host": "hub"},
}
STATS = {
    "created": "2026-09-21T14:13:10Z",
    "handshake": "2026-09-21T14:12:58Z",
    "ip": "203.0.113.9",
    "port": 51820,
    "rx_delta": 748,
    "rx_total": 31591436,
    "tx_delta": 772,
    "tx_total": 70276620,
}
UNREACHABLE = (
    "ssh: connect to host branch port 22: No route to host: `ssh branch sudo -n wg show all dump` "
    "failed with exit status 255; run it by hand as the account of tocsin, and correct the "
    "source's command"
)
ATTRIBUTES = {EventType.ALERTS: COUNTRY, EventType.ENDPOINT_STATS: STATS}


def furnish(bench: Bench) -> SendingLock:
    """Fill the store: one webhook of each condition; the lock of a pretended worker is held."""
    store = bench.store
    numbers = count(7)
    store.ids = lambda: new_delivery_id(random.Random(next(numbers)).randbytes)  # type: ignore[assignment]  # called only
    siem = store.add(
        _fields(EventType.ALERTS, "siem", (("Authorization", "Bearer abcdefghijkl3f9a"),))
    )
    stats = store.add(_fields(EventType.ENDPOINT_STATS, "collector"))
    pager = store.add(_fields(EventType.ALERTS, "pager"))
    store.add(_fields(EventType.LOG_CHANGES, "changes"))
    archive = store.add(_fields(EventType.ENDPOINT_STATS, "archive", active=False))
    for type_, many in ((EventType.ALERTS, 12), (EventType.ENDPOINT_STATS, 312)):
        bench.opened.call(adding.append, list(_events(type_, many)), NOW - 4 * MINUTE)
    few = Limits(max_events=6, max_bytes=1_000_000)
    for _ in range(2):
        store.end(store.started(siem, limits=few), 200)
    for webhook_id, status in ((stats, 503), (stats, 503), (pager, None)):
        store.end(store.started(webhook_id), status)
    assert archive
    _add_sources(bench)
    bench.opened.call(workers.enter, StoredWorker("w1", "hub", 812, "headless", True, NOW, NOW))
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()
    return lock


def _add_sources(bench: Bench) -> None:
    """One that works, one that fails, one that is paused, and a host that is not set up."""
    store, call = bench.store, bench.opened.call
    store.add_source(every="1m")
    call(sources.save_batch, "local", [], b"{}", NOW - 20_000)
    store.add_source("branch", command="ssh branch sudo -n wg show all dump")
    call(sources.save_failure, "branch", UNREACHABLE, NOW - 2 * MINUTE)
    store.add_source("programs", "socket", path="/run/tocsin/events.sock")
    call(sources.pause, "programs", ACTOR, NOW)
    call(clients.add, AGENT, "office", "GgM6vWBRzdG", "code", ACTOR, NOW)


def _fields(
    type_: EventType,
    name: str,
    headers: tuple[tuple[str, str], ...] = (),
    *,
    active: bool = True,
) -> WebhookFields:
    return WebhookFields(type_, URL + name, name=name, headers=headers, active=active)


def _events(type_: EventType, many: int) -> Iterator[Event]:
    for number in range(many):
        id_ = f"{type_.value[:2].upper()}{number:04}x9Qv"
        value = {"type": type_.value, "id": id_, "attributes": ATTRIBUTES[type_]}
        yield Event(type_, id_, compact(value), created_s=NOW // 1000)
