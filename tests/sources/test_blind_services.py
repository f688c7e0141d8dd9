"""A service that cannot serve for long is told of, and so are the hosts that cannot reach it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from domain.alert_kinds import DEFAULT_TERMS, SOURCE_STALE
from domain.clients import AGENT
from domain.event_types import EventType
from domain.settings import DEFAULTS
from domain.source_kinds import HTTP
from sources import service_runner
from sources.base import SourceError
from sources.factory import RunnableSource, SourceTerms
from sources.intake import Inlet
from sources.procustodibus import agents
from sources.runner import run_runnable
from store import clients, sources
from store.database import Store
from store.events import reading
from tests.sources.wireguard.telling import run_until_told
from tests.support.stores import ACTOR

NOW_MS = 1_795_502_130_500
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let failures begin anew at once, and look at hosts all the time."""
    monkeypatch.setattr(service_runner, "backoff_s", lambda _: 0)
    monkeypatch.setattr(agents, "CHECK_S", 0.0)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def stale_sources(store: Store) -> list[dict[str, Any]]:
    """Return what was told of sources that see nothing."""
    found = store.call(reading.after, EventType.ALERTS, 0, limit=100)
    told = [json.loads(one.body)["attributes"] for one in found]
    return [one["params"] for one in told if one["type"] == SOURCE_STALE]


def test_a_server_that_cannot_listen_is_told_of_and_so_are_its_hosts(
    store: Store, taken_port: int
) -> None:
    options = {"listen": f"127.0.0.1:{taken_port}", "serves": "agents"}
    store.call(sources.add, HTTP, "http", options, ACTOR, NOW_MS)
    store.call(clients.add, AGENT, "hub", "user1", "code", ACTOR, NOW_MS)
    store.call(clients.note_seen, "hub", NOW_MS)
    run_until_told(store, NOW_MS, times=2)
    told = {one["source"]: one["error"] for one in stale_sources(store)}
    assert set(told) == {"http", "hub"}
    assert f"cannot listen on 127.0.0.1:{taken_port}" in told["http"]
    assert "its agent reports nothing" in told["hub"]
    assert store.call(sources.find, "hub").state == "failing"


class Served:
    """A service that serves for days, and then fails so often, minute by minute."""

    name = "http"

    def __init__(self, failures: int) -> None:
        self.now_ms = NOW_MS
        self.failures = failures
        self.began = False

    async def serve(self, inlet: Inlet, stop: asyncio.Event) -> None:
        if self.began:
            self.now_ms += 60_000
        else:
            await inlet.note_own_success()
            self.began = True
            self.now_ms += 3 * DAY_MS
        self.failures -= 1
        if self.failures < 0:
            stop.set()
            return
        raise SourceError("the port is taken", "choose another")


@pytest.mark.parametrize(("failures", "alerts"), [(11, 0), (12, 1)])
def test_one_that_served_until_now_is_blind_only_from_now_on(
    store: Store, failures: int, alerts: int
) -> None:
    service = Served(failures)
    stored = store.call(sources.add, HTTP, "http", {}, ACTOR, NOW_MS)

    async def work() -> None:
        await run_runnable(
            RunnableSource(service=service),
            stored,
            store,
            SourceTerms(DEFAULTS, DEFAULT_TERMS),
            lambda: service.now_ms,
            asyncio.Event(),
            on_failure=lambda _: None,
            monotonic=lambda: service.now_ms / 1000,
        )

    asyncio.run(work())
    assert [one["since"] for one in stale_sources(store)] == ["2026-11-27T06:35:30Z"] * alerts
