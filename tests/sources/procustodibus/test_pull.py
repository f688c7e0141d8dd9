"""Pulling queues from a server that works, and from one that fails in every way."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.actors import Actor
from domain.event_types import EventType
from domain.events import RefusedText, read_event
from domain.settings import DEFAULTS
from domain.source_kinds import PROCUSTODIBUS
from sources.base import Batch, SourceError
from sources.polling import TAKING_PATIENCE_S, Polling
from sources.preflight import poll_unsaved
from sources.procustodibus.api import TIMEOUT_S, Api, Exchange, set_up
from sources.procustodibus.pull import ProCustodibusSource
from sources.runner import run_one
from store import sources
from store.database import Store
from store.events import reading
from store.records import AppendResult
from tests.support.stub_api_client import BROKER, CODE, StubApi, sample
from tests.support.waiting import PATIENCE_S

TYPES = ("alerts", "endpoint_stats", "log_authn", "log_changes")
NOW_MS = 1_795_502_130_000
DAY_MS = 86_400_000


class Puller:
    """A source that has signed up, polled by hand."""

    def __init__(self, stub: StubApi, most: int = 100, **limits: Any) -> None:
        exchange = Exchange(stub.url, **limits)
        secret = asyncio.run(set_up(exchange, BROKER, CODE))
        self.now_s = 0.0
        api = Api(exchange, BROKER, lambda: secret, monotonic=lambda: self.now_s)
        self.source = ProCustodibusSource(
            api, name="pc", types=TYPES, most=most, random64=lambda: 1
        )
        self.state: bytes | None = None
        self.now_ms = NOW_MS
        self.last: Batch | None = None
        self.refused: list[RefusedText] = []

    def poll(self) -> list[str]:
        """The ids of one answer."""
        self.last = self.source.poll(self.now_ms, self.state)
        self.state = self.last.state
        self.refused += self.last.refused
        return [event.id for event in self.last.events]

    def round(self) -> list[str]:
        """The ids of a whole round."""
        ids = self.poll()
        while self.last is not None and self.last.more:
            ids += self.poll()
        return ids

    @property
    def warning(self) -> str:
        assert self.last is not None
        return self.last.warning


@pytest.fixture
def full(stub: StubApi) -> StubApi:
    """A server with two events in every queue."""
    stub.tell(
        queues={type_: [sample(type_, f"{type_}1"), sample(type_, f"{type_}2")] for type_ in TYPES}
    )
    return stub


ALL = [f"{type_}{number}" for type_ in TYPES for number in (1, 2)]


def test_every_queue_is_pulled_under_their_ids(full: StubApi) -> None:
    puller = Puller(full)
    assert puller.round() == ALL
    assert puller.warning == ""
    assert puller.round() == []
    assert [one["body"] for one in full.log("/next")] == [{"max": 100}] * 8
    assert len(full.log("/sessions/challenge")) == 1


def test_each_answer_is_a_batch_of_its_own(full: StubApi) -> None:
    puller = Puller(full)
    assert (puller.poll(), full.log("/next")) == ([], []), "it signs in"
    assert (puller.poll(), full.log("/next")) == ([], []), "it says hello"
    assert puller.poll() == ALL[:2]
    assert len(full.log("/next")) == 1


def test_no_answer_is_asked_for_late_in_a_poll(full: StubApi) -> None:
    """Else a stop that comes while it signs in could end before the answer."""
    assert TIMEOUT_S < TAKING_PATIENCE_S
    puller = Puller(full)
    puller.poll()
    puller.poll()
    assert puller.poll() == ALL[:2]
    full.tell(sessions={})
    assert puller.poll() == []
    assert (len(full.log("/next")), len(full.log("/challenge"))) == (2, 1), "the session was lost"
    assert puller.poll() == []
    assert (len(full.log("/next")), len(full.log("/challenge"))) == (2, 2), "it signs in"
    assert puller.poll() == ALL[2:4]


def test_a_full_answer_has_more_behind_it(full: StubApi) -> None:
    puller = Puller(full, most=1)
    assert sorted(puller.round()) == sorted(ALL)
    assert puller.round() == []


def test_a_server_that_gives_the_same_again_is_not_asked_without_end(stub: StubApi) -> None:
    stub.tell(queues={"alerts": [sample("alerts", "same")]}, forgetful=True)
    puller = Puller(stub, most=1)
    assert puller.round() == ["same", "same"]
    assert puller.round() == ["same"]


def test_a_queue_that_fails_costs_the_others_nothing(full: StubApi) -> None:
    full.tell(faults={"endpoint_stats": 500})
    puller = Puller(full)
    assert puller.round() == [id_ for id_ in ALL if not id_.startswith("endpoint_stats")]
    assert puller.warning == "queue endpoint_stats: it answers 500 Internal Server Error"
    full.tell(faults={})
    assert puller.round() == []
    puller.now_ms += 2_000
    assert puller.round() == ["endpoint_stats1", "endpoint_stats2"]
    assert puller.warning == ""


def test_a_queue_that_goes_on_failing_is_asked_less_and_less(full: StubApi) -> None:
    full.tell(faults={"endpoint_stats": 503})
    puller = Puller(full)
    for _ in range(600):
        puller.round()
        puller.now_ms += 1000
    assert 10 <= len(full.log("endpoint_stats")) <= 12


def test_a_queue_is_left_for_as_long_as_it_asks(full: StubApi) -> None:
    full.tell(faults={"alerts": 429}, headers={"Retry-After": "120"})
    puller = Puller(full)
    puller.round()
    full.tell(faults={}, headers={})
    puller.now_ms += 119_000
    assert puller.round() == []
    puller.now_ms += 2_000
    assert puller.round() == ["alerts1", "alerts2"]


def test_a_wait_of_thousands_of_digits_is_a_long_one(full: StubApi) -> None:
    full.tell(faults={"alerts": 429}, headers={"Retry-After": "9" * 5_000})
    puller = Puller(full)
    assert puller.round() == [id_ for id_ in ALL if not id_.startswith("alerts")]
    full.tell(faults={}, headers={})
    puller.now_ms += DAY_MS - 1
    assert puller.round() == []
    puller.now_ms += 1
    assert puller.round() == ["alerts1", "alerts2"]


def test_a_clock_that_was_set_back_mutes_no_queue(full: StubApi) -> None:
    full.tell(faults={"alerts": 500})
    puller = Puller(full)
    puller.round()
    full.tell(faults={})
    puller.now_ms -= 2 * DAY_MS
    assert puller.round() == ["alerts1", "alerts2"]


def test_a_lost_session_is_signed_in_anew(full: StubApi) -> None:
    puller = Puller(full, most=1)
    puller.poll()
    puller.poll()
    assert len(puller.poll()) == 1
    full.tell(sessions={})
    assert len(puller.round()) == 7
    assert len(full.log("/sessions/challenge")) == 2


def test_a_session_is_renewed_before_it_ends(full: StubApi) -> None:
    puller = Puller(full)
    puller.round()
    puller.now_s += 3600 - 60
    puller.round()
    assert len(full.log("/sessions/challenge")) == 2


def test_a_session_of_no_length_is_one_for_each_request(full: StubApi) -> None:
    full.tell(session_s=0.0)
    puller = Puller(full)
    with_failures = puller.round()
    assert with_failures == []
    assert puller.warning.count("401 Unauthorized") == 4


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ({"/sessions": 500}, "refused the sign-in: 500"),
        ({"/sessions": 401}, "refused the sign-in: 401 Unauthorized; make a new set-up code"),
        ({"/challenge": "garbage"}, "something else than a session"),
        ({"/sessions": "close"}, "cannot be asked: "),
        ({"/sessions": "silent"}, "cannot be asked|something else"),
    ],
)
def test_a_sign_in_that_fails_has_a_cure(
    full: StubApi, faults: dict[str, Any], reason: str
) -> None:
    puller = Puller(full, timeout_s=5.0)
    full.tell(faults=faults)
    with pytest.raises(SourceError, match=reason):
        puller.poll()
    full.tell(faults={})
    assert puller.round() == ALL


def test_a_server_that_is_away_is_no_fault_of_a_queue(full: StubApi) -> None:
    secret = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    api = Api(Exchange("http://127.0.0.1:9"), BROKER, lambda: secret)
    source = ProCustodibusSource(api, name="pc", types=TYPES, most=1, random64=lambda: 1)
    with pytest.raises(
        SourceError, match=r"cannot be asked: .*see whether the source's option url"
    ):
        source.poll(NOW_MS, None)


def test_an_event_that_cannot_be_read_loses_no_other(stub: StubApi) -> None:
    good = [sample("alerts", "one"), sample("alerts", "two")]
    bad = [{"type": "nonsense\x1b", "id": "x", "attributes": {}}, 17, sample("alerts", "")]
    stub.tell(queues={"alerts": [good[0], *bad, good[1]]})
    puller = Puller(stub)
    assert puller.round() == ["one", "two"]
    assert [json.loads(one.body) for one in puller.refused] == bad
    reasons = [one.reason.partition(":")[0] for one in puller.refused]
    assert reasons == ["type", "event", "id"]
    assert {one.queue for one in puller.refused} == {"alerts"}
    assert "\x1b" not in "".join(one.reason for one in puller.refused)
    assert puller.warning == ""


def test_what_is_told_of_a_broken_answer_is_told_for_a_day(stub: StubApi) -> None:
    stub.tell(queues={"alerts": [sample("alerts", "one")]}, faults={"alerts/next": "garbage"})
    puller = Puller(stub)
    assert puller.round() == []
    stub.tell(faults={})
    assert puller.round() == []
    assert "it is no list of events (<html>" in puller.warning
    puller.now_ms += DAY_MS
    assert (puller.round(), puller.warning, puller.refused) == ([], "", [])


@pytest.mark.parametrize("fault", ["cut", "drip"])
def test_what_came_of_an_answer_that_was_cut_is_kept(stub: StubApi, fault: str) -> None:
    stub.tell(
        queues={"alerts": [sample("alerts", f"id{at}") for at in range(9)]},
        faults={"alerts/next": fault},
    )
    puller = Puller(stub, timeout_s=5.0)
    ids = puller.round()
    assert 4 <= len(ids) < 9
    assert ids == [f"id{at}" for at in range(len(ids))]
    assert f"alerts, after event {len(ids)}: the answer is broken" in puller.warning


def test_an_answer_without_end_is_cut(stub: StubApi) -> None:
    puller = Puller(stub, most_bytes=1000)
    stub.tell(faults={"alerts/next": "huge"})
    assert puller.round() == []
    assert "it is longer than 1,000 bytes" in puller.warning
    assert len(puller.warning) < 1000


def test_an_answer_that_is_no_list_is_told_of(stub: StubApi) -> None:
    puller = Puller(stub)
    stub.tell(faults={"alerts/next": "garbage"})
    assert puller.round() == []
    assert "the answer is broken, it is no list of events" in puller.warning


@pytest.mark.parametrize("state", [b"nonsense", b'{"version":9}', b'{"left":["gone"]}'])
def test_a_state_that_cannot_be_used_is_no_condition(full: StubApi, state: bytes) -> None:
    puller = Puller(full)
    puller.state = state
    assert puller.round() == ALL


def test_a_wrong_set_up_code_is_refused(stub: StubApi) -> None:
    with pytest.raises(SourceError, match="refused the set-up code: 401"):
        asyncio.run(set_up(Exchange(stub.url), BROKER, "another"))


@pytest.mark.parametrize("broker", ["", "a b", "x, user=^y", "é"])
def test_an_id_that_is_none_is_refused(broker: str) -> None:
    with pytest.raises(SourceError, match="broker"):
        Api(Exchange("https://api.example"), broker, lambda: None)


def test_secrets_go_over_tls_only() -> None:
    with pytest.raises(SourceError, match="use https"):
        Exchange("http://api.example")


def test_without_a_key_it_says_how_to_get_one(stub: StubApi) -> None:
    api = Api(Exchange(stub.url), BROKER, lambda: None)
    source = ProCustodibusSource(api, name="pc", types=TYPES, most=1, random64=lambda: 1)
    with pytest.raises(SourceError, match="no key to sign in with yet; make a new set-up code"):
        source.poll(NOW_MS, None)


def in_store(store: Store, stub: StubApi, failures: list[str]) -> None:
    """One look as the worker runs it."""
    asyncio.run(
        run_one(
            "pc",
            store,
            DEFAULTS,
            lambda: NOW_MS,
            asyncio.Event(),
            on_failure=failures.append,
            once=True,
        )
    )


def test_the_store_keeps_events_and_the_key(store: Store, full: StubApi) -> None:
    actor = Actor("admin")
    options = {"url": full.url, "broker": BROKER}
    store.call(sources.add, PROCUSTODIBUS, "pc", options, actor, NOW_MS)
    secret = asyncio.run(set_up(Exchange(full.url), BROKER, CODE))
    store.call(sources.set_secret, "pc", secret, store.vault, actor, NOW_MS)
    failures: list[str] = []
    in_store(store, full, failures)
    found = store.call(reading.newest, EventType.ALERTS, limit=9)
    assert [one.id for one in found] == ["alerts2", "alerts1"]
    assert failures == []
    assert secret.encode() not in store.path.read_bytes()
    assert full.url not in str(found)


def test_no_first_look_takes_what_it_does_not_keep(store: Store, full: StubApi) -> None:
    options = {"url": full.url, "broker": BROKER}
    with pytest.raises(SourceError, match="takes events from procustodibus for good"):
        asyncio.run(poll_unsaved(PROCUSTODIBUS, "pc", options, None, store, DEFAULTS, NOW_MS))
    assert full.log() == []


class Slow:
    """A source whose poll goes on until it is told to end."""

    name = "pc"

    def __init__(self) -> None:
        self.asked, self.answered = threading.Event(), threading.Event()

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        self.asked.set()
        self.answered.wait(PATIENCE_S)
        data = json.dumps(sample("alerts", "late")).encode()
        return Batch((read_event(data, now_ms=now_ms, random64=lambda: 1),), b"")


def test_an_answer_under_way_at_the_stop_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.polling.STOP_PATIENCE_S", 0.0)
    store.call(sources.add, PROCUSTODIBUS, "pc", {}, Actor("admin"), NOW_MS)

    async def whole() -> AppendResult:
        stop, slow = asyncio.Event(), Slow()
        running = asyncio.create_task(
            Polling(
                source=slow,
                store=store,
                stop=stop,
                clock=lambda: NOW_MS,
                on_appended=lambda: None,
                takes=True,
            ).run(1000)
        )
        await asyncio.to_thread(slow.asked.wait, PATIENCE_S)
        stop.set()
        await asyncio.wait({running}, timeout=0.1)
        slow.answered.set()
        return await running

    assert asyncio.run(whole()).accepted == 1
