"""Pulled events that Tocsin does not know: none is lost, as their side has deleted it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.actors import Actor
from domain.alert_kinds import EVENT_REFUSED
from domain.event_types import EventType
from domain.settings import DEFAULTS
from domain.source_kinds import PROCUSTODIBUS
from sources.base import SourceError
from sources.procustodibus.api import Exchange, set_up
from sources.runner import run_one
from store import alert_settings, models, refusals, sources
from store.database import Store
from store.errors import StoreError
from store.events import reading
from store.records import StoredRefusal
from tests.support.stub_api_client import BROKER, CODE, StubApi, sample

NOW_MS = 1_795_502_130_000
ADMIN = Actor("admin")

Pull = Callable[..., None]


@pytest.fixture
def pull(store: Store, stub: StubApi) -> Pull:
    """Lets the source pull what their queue of alerts holds, as the worker does."""
    options = {"url": stub.url, "broker": BROKER}
    store.call(sources.add, PROCUSTODIBUS, "pc", options, ADMIN, NOW_MS)
    secret = asyncio.run(set_up(Exchange(stub.url), BROKER, CODE))
    store.call(sources.set_secret, "pc", secret, store.vault, ADMIN, NOW_MS)

    def run(*alerts: Any, now_ms: int = NOW_MS) -> None:
        stub.tell(queues={"alerts": list(alerts)})
        stop = asyncio.Event()
        asyncio.run(
            run_one("pc", store, DEFAULTS, lambda: now_ms, stop, on_failure=print, once=True)
        )

    return run


def kept(store: Store) -> list[dict[str, Any]]:
    """The alerts in the queue, in the order of their acceptance, without those of our own."""
    found = store.call(reading.after, EventType.ALERTS, 0, limit=100)
    bodies = [json.loads(one.body) for one in found]
    return [one for one in bodies if one["attributes"]["type"] != EVENT_REFUSED]


def alarms(store: Store) -> list[dict[str, Any]]:
    """The params of the alerts about refused events."""
    found = store.call(reading.after, EventType.ALERTS, 0, limit=100)
    attributes = [json.loads(one.body)["attributes"] for one in found]
    return [one["params"] for one in attributes if one["type"] == EVENT_REFUSED]


def refused(store: Store) -> list[StoredRefusal]:
    return store.call(refusals.load_all)


def texts(store: Store) -> list[Any]:
    """Return the texts of refused events, whole."""
    return [json.loads(store.call(refusals.text_of, one.id)) for one in refused(store)]


def test_an_unknown_attribute_and_kind_of_alert_are_kept_as_they_are(
    store: Store, pull: Pull
) -> None:
    odd = sample("alerts", "odd")
    odd["attributes"] |= {"type": "endpoint_hums", "verdict": {"score": 0.50}, "danger": "high"}
    pull(odd)
    assert kept(store) == [odd]


def test_an_unknown_member_moves_into_meta(store: Store, pull: Pull) -> None:
    pull(sample("alerts", "odd", tenant="acme", meta={"page": 1}))
    (event,) = kept(store)
    assert event["meta"] == {"page": 1, "tenant": "acme"}
    assert "tenant" not in event


def test_an_updated_alert_is_an_event_of_its_own(store: Store, pull: Pull) -> None:
    first = sample("alerts", "a1")
    updated = sample("alerts", "a1")
    updated["attributes"] |= {"danger": 9, "updated": "2026-11-24T08:00:07Z"}
    pull(first)
    pull(updated)
    assert [one["id"] for one in kept(store)] == ["a1", "a1.1795507207"]
    assert kept(store)[1]["attributes"] == updated["attributes"] | {"id": "a1"}


def test_a_repeat_of_either_is_a_repeat(store: Store, pull: Pull) -> None:
    first = sample("alerts", "a1")
    updated = sample("alerts", "a1")
    updated["attributes"] |= {"updated": "2026-11-24T08:00:07+01:00"}
    pull(first, updated)
    pull(updated, first, updated)
    assert [one["id"] for one in kept(store)] == ["a1", "a1.1795503607"]
    assert refused(store) == []


def test_the_id_of_an_updated_alert_has_64_characters_at_the_most(store: Store, pull: Pull) -> None:
    long = "x" * 64
    updated = sample("alerts", long)
    updated["attributes"] |= {"updated": "2026-11-24T08:00:07Z"}
    pull(sample("alerts", long), updated)
    second = kept(store)[1]
    assert (second["id"], second["attributes"]["id"]) == ("x" * 53 + ".1795507207", long)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"type": "log_errors"}, 'type: unknown type "log_errors"'),
        ({"id": None}, "id: missing"),
        ({"id": "x" * 65}, "id: "),
        ({"attributes": {"created": "24 Nov 2026"}}, "attributes.created: "),
        ({"attributes": {"created": 1795507207}}, "attributes.created: "),
        ({"attributes": None}, "attributes: "),
    ],
)
def test_what_cannot_be_an_event_is_kept_whole_and_raises_an_alert(
    store: Store, pull: Pull, changed: dict[str, Any], reason: str
) -> None:
    odd = sample("alerts", "odd") | changed
    pull(sample("alerts", "a1"), odd, sample("alerts", "a2"))
    assert [one["id"] for one in kept(store)] == ["a1", "a2"]
    [one] = refused(store)
    assert (one.source, one.queue, one.at_ms, one.state) == ("pc", "alerts", NOW_MS, "waiting")
    assert one.reason.startswith(reason)
    assert texts(store) == [odd]
    [params] = alarms(store)
    assert params == {"count": 1, "error": one.reason, "source": "pc"}
    source = store.call(sources.find, "pc")
    assert source.error == "1 event could not be queued and is kept: `tocsin refused list`"
    assert source.failures == 0


def test_an_event_without_an_id_at_all_is_kept(store: Store, pull: Pull) -> None:
    odd = sample("alerts", "odd")
    del odd["id"]
    pull(odd)
    assert (kept(store), texts(store)) == ([], [odd])


def test_an_id_that_comes_again_with_other_content_and_no_time_of_it_is_kept(
    store: Store, pull: Pull
) -> None:
    first = sample("alerts", "a1")
    created = first["attributes"]["created"]
    other = sample("alerts", "a1", attributes={"created": created, "danger": 1})
    pull(first)
    pull(other)
    assert (len(kept(store)), texts(store)) == (1, [other])
    assert "known with other content" in refused(store)[0].reason


def test_two_updates_of_one_second_are_both_kept(store: Store, pull: Pull) -> None:
    updates = [sample("alerts", "a1") for _ in range(2)]
    for danger, one in enumerate(updates):
        one["attributes"] |= {"danger": danger, "updated": "2026-11-24T08:00:07Z"}
    pull(sample("alerts", "a1"), *updates)
    assert [one["id"] for one in kept(store)] == ["a1", "a1.1795507207"]
    assert texts(store) == [updates[1]]


def test_what_was_refused_and_comes_again_is_kept_once(store: Store, pull: Pull) -> None:
    odd = {"type": "log_errors", "id": "e1"}
    pull(odd)
    pull(odd, odd)
    assert len(refused(store)) == 1
    store.call(refusals.drop, [refused(store)[0].id], ADMIN, NOW_MS)
    pull(odd)
    assert len(refused(store)) == 1


def test_what_the_source_says_of_them_goes_with_them(store: Store, pull: Pull) -> None:
    pull(*({"type": "log_errors", "id": f"e{number}"} for number in range(2)))
    first, second = refused(store)
    store.call(refusals.drop, [first.id], ADMIN, NOW_MS)
    told = "1 event could not be queued and is kept: `tocsin refused list`"
    assert store.call(sources.find, "pc").error == told
    sent = (second.id, 1, "https://siem.example/", 200, None, ADMIN, NOW_MS)
    store.call(refusals.note_sent, *sent, delivered=True)
    assert store.call(sources.find, "pc").error is None
    pull({"type": "log_errors", "id": "e3"})
    store.call(sources.save_failure, "pc", "it is away", NOW_MS)
    store.call(refusals.drop, [refused(store)[1].id], ADMIN, NOW_MS)
    assert store.call(sources.find, "pc").error == "it is away"


def test_an_alert_tells_once_a_day(store: Store, pull: Pull) -> None:
    for number, later_ms in enumerate((0, 3_600_000, 86_400_000)):
        pull({"type": "log_errors", "id": f"e{number}"}, now_ms=NOW_MS + later_ms)
    assert [one["count"] for one in alarms(store)] == [1, 3]


def test_the_alert_can_be_switched_off(store: Store, pull: Pull) -> None:
    store.call(alert_settings.edit, [EVENT_REFUSED], {"active": "off"}, ADMIN, NOW_MS)
    pull({"type": "log_errors", "id": "e1"})
    assert (len(refused(store)), alarms(store)) == (1, [])


def test_a_source_takes_nothing_more_while_its_refused_events_are_too_many(
    store: Store, stub: StubApi, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MOST_EVENTS", 2)
    for alerts in ([{"type": "log_errors", "id": f"e{at}"} for at in range(3)], ["later"]):
        with pytest.raises(SourceError, match="waiting: 3 events that could not be queued fill"):
            pull(*alerts)
    assert len(stub.log("/next")) == 1, "nothing is asked for that may have to be refused"
    source = store.call(sources.find, "pc")
    assert source.failures == 2
    assert "`tocsin refused send` and `drop` make room" in str(source.error)
    store.call(refusals.drop, [one.id for one in refused(store)[:2]], ADMIN, NOW_MS)
    pull()
    pull(sample("alerts", "later"))
    assert [one["id"] for one in kept(store)] == ["later"]


def test_so_does_one_whose_refused_events_are_too_large(
    store: Store, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MOST_BYTES", 1_000)
    with pytest.raises(SourceError, match="waiting: 1 event that"):
        pull({"type": "log_errors", "id": "x" * 1_000})


def test_a_refused_event_that_the_store_would_not_keep_waits_in_a_file(
    store: Store, pull: Pull
) -> None:
    no_room = "CREATE TRIGGER full BEFORE INSERT ON refusal BEGIN SELECT RAISE(ABORT, 'no'); END"
    store.call(models.database.execute_sql, no_room)
    with pytest.raises(StoreError):
        pull({"type": "log_errors", "id": "e1"}, sample("alerts", "a1"))
    assert (kept(store), refused(store), alarms(store)) == ([], [], [])
    store.call(models.database.execute_sql, "DROP TRIGGER full")
    pull()
    assert [one["id"] for one in kept(store)] == ["a1"]
    assert texts(store) == [{"type": "log_errors", "id": "e1"}]
    assert len(alarms(store)) == 1
