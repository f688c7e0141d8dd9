"""Accounts of which no queue gives events: we see nothing, and that is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from domain.actors import Actor
from domain.alert_kinds import DEFAULT_TERMS, SOURCE_STALE
from domain.event_types import EventType
from domain.settings import DEFAULTS
from domain.source_kinds import PROCUSTODIBUS
from sources.base import Batch
from sources.factory import RunnableSource, SourceTerms
from sources.runner import run_runnable
from store import sources
from store.database import Store
from store.events import reading
from store.records import StoredSource
from tests.sources.procustodibus.test_pull import NOW_MS, TYPES, Puller
from tests.support.stub_api_client import StubApi, sample

MINUTE_MS = 60_000


class Watched:
    """A source of the store that is polled once a minute by a clock of its own."""

    name = "pc"

    def __init__(self, store: Store, puller: Puller) -> None:
        self.store = store
        self.puller = puller
        self.now_ms = NOW_MS
        options = {"broker": "x"}
        self.stored = store.call(sources.add, PROCUSTODIBUS, "pc", options, Actor("a"), NOW_MS)
        self.stop = asyncio.Event()
        self.until_ms = NOW_MS

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        batch = self.puller.source.poll(self.now_ms, state)
        if not batch.more:
            self.now_ms += MINUTE_MS
        if self.now_ms >= self.until_ms:
            self.stop.set()
        return batch

    def run(self, minutes: int) -> None:
        """Poll it for so long."""
        self.until_ms = self.now_ms + minutes * MINUTE_MS

        async def work() -> None:
            self.stop = asyncio.Event()
            await run_runnable(
                RunnableSource(self, 1, takes=True),
                self.stored,
                self.store,
                SourceTerms(DEFAULTS, DEFAULT_TERMS),
                lambda: self.now_ms,
                self.stop,
                on_failure=lambda _: None,
                monotonic=lambda: self.now_ms / 1000,
            )

        asyncio.run(work())

    @property
    def health(self) -> StoredSource:
        return self.store.call(sources.find, "pc")

    def alerts(self) -> list[dict[str, Any]]:
        found = self.store.call(reading.after, EventType.ALERTS, 0, limit=100)
        return [json.loads(one.body)["attributes"] for one in found]


@pytest.fixture
def watched(store: Store, stub: StubApi, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr("sources.polling.backoff_s", lambda _: 0)
    return Watched(store, Puller(stub))


def test_queues_that_all_fail_for_long_are_told_of(watched: Watched, stub: StubApi) -> None:
    watched.run(2)
    good_ms = watched.health.last_ok_ms
    stub.tell(faults={"/next": 500})
    watched.run(15)
    assert watched.health.state == "failing"
    assert good_ms is not None
    assert (watched.health.last_ok_ms or 0) - good_ms <= 2 * MINUTE_MS, "of the first round at most"
    [alert] = watched.alerts()
    assert alert["type"] == SOURCE_STALE
    reason = "queue alerts: it answers 500 Internal Server Error"
    assert alert["params"]["error"].startswith(f"no queue gives events: {reason}; queue ")
    stub.tell(faults={}, queues={"alerts": [sample("alerts", "a1")]})
    watched.run(6)
    assert (watched.health.state, len(watched.alerts())) == ("active", 2)


def test_one_queue_that_works_is_a_good_look(watched: Watched, stub: StubApi) -> None:
    stub.tell(faults={f"/{type_}/next": 500 for type_ in TYPES[1:]})
    watched.run(20)
    assert watched.alerts() == []
    assert "queue log_authn: it answers 500" in (watched.health.error or "")
    assert watched.health.failures == 0


def test_a_sign_in_is_no_good_look_while_every_queue_fails(stub: StubApi) -> None:
    puller = Puller(stub)
    stub.tell(faults={"/next": 500})
    puller.round()
    puller.now_s += 3_600
    puller.now_ms += 3_600_000
    puller.poll()
    assert len(stub.log("/challenge")) == 2
    assert puller.last is not None
    assert (puller.last.failure is not None, puller.last.more) == (True, True)
