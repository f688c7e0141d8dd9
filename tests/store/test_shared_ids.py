"""Events that share an id: each goes its own way, by its number."""

from __future__ import annotations

import json

import pytest

from domain import event_summary
from domain.event_summary import Distinction
from domain.event_types import EventType
from store import audit
from store.errors import Conflict, NotFound
from store.events import reading
from store.models import DeliveryRow, QuarantineRow, database
from store.queue import attempts, deliveries, delivery_list, delivery_requests
from store.records import Work
from tests.support.stores import ACTOR, ALERTS, NOW, Desk, event, namesakes

EARLY, LATE, LAST = (f"2026-11-24T0{hour}:00:00Z" for hour in (8, 9, 10))


@pytest.fixture
def webhook_id(desk: Desk) -> int:
    """A webhook to which three events go: two of one id, and another between them."""
    made = desk.add()
    early, late = namesakes("door", EARLY, LATE)
    assert desk.append(early, event(2), late).accepted == 3
    return made


def failed(desk: Desk, webhook_id: int) -> Work:
    work = desk.started(webhook_id)
    desk.end(work, 500)
    return work


def reseal(desk: Desk, work: Work, without: int) -> delivery_requests.RequestResult:
    return desk.call(
        delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=False, without=without
    )


def release(desk: Desk, webhook_id: int, seq: int) -> None:
    desk.call(delivery_requests.release, webhook_id, ALERTS, seq, ACTOR, NOW)


def times(work: Work) -> list[str | None]:
    """When the events of a request were created, in its order."""
    return [one["attributes"].get("created") for one in json.loads(work.body)]


def held(desk: Desk) -> list[tuple[int, Distinction | None]]:
    return [(one.seq, one.apart) for one in desk.call(deliveries.quarantine)]


def test_the_one_is_left_out_that_is_meant(desk: Desk, webhook_id: int) -> None:
    work = failed(desk, webhook_id)
    assert times(work) == [EARLY, None, LATE]
    reseal(desk, work, without=3)
    assert times(desk.started(webhook_id)) == [EARLY, None]
    assert held(desk) == [(3, None)]
    assert [one.state for one in desk.call(deliveries.carriers, ALERTS, 3)] == ["resealed"]
    assert [one.state for one in desk.call(deliveries.carriers, ALERTS, 1)] == [
        "resealed",
        "pending",
    ]
    assert desk.call(deliveries.holders, ALERTS, 3) == {webhook_id: "in quarantine"}
    assert desk.call(deliveries.holders, ALERTS, 1) == {}


def test_both_wait_in_quarantine_and_the_one_that_is_meant_is_released(
    desk: Desk, webhook_id: int
) -> None:
    reseal(desk, failed(desk, webhook_id), without=1)
    reseal(desk, failed(desk, webhook_id), without=3)
    early, late = (Distinction("created", time, "alerts") for time in (EARLY, LATE))
    assert held(desk) == [(1, early), (3, late)]
    release(desk, webhook_id, 3)
    with pytest.raises(Conflict, match="door was released already"):
        release(desk, webhook_id, 3)
    desk.end(desk.started(webhook_id), 200)
    sent = desk.started(webhook_id, new_run=False)
    assert times(sent) == [LATE]
    assert held(desk) == [(1, None)]
    with pytest.raises(NotFound):
        release(desk, webhook_id, 3)


def test_many_in_quarantine_are_read_at_once_and_each_of_them_once(
    desk: Desk, webhook_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [f"2026-11-25T08:00:{second:02}Z" for second in range(60)]
    desk.append(*namesakes("gate", *times))
    desk.append(*namesakes("gate", times[7], type_=EventType.LOG_AUTHN))
    aside = [(ALERTS, seq) for seq in range(4, 64)] + [(EventType.LOG_AUTHN, 1)]

    def put_aside() -> None:
        for type_, seq in aside:
            QuarantineRow.insert(
                webhook=webhook_id,
                type=type_.value,
                seq=seq,
                event_id="gate",
                delivery_public_id="msg_1",
                at_ms=NOW,
            ).execute()

    desk.call(put_aside)
    bodies: list[bytes] = []
    statements: list[str] = []

    def created_of(body: bytes) -> str:
        bodies.append(body)
        return read(body)

    read = event_summary.created_of
    monkeypatch.setattr(event_summary, "created_of", created_of)
    desk.call(lambda: database.connection().set_trace_callback(statements.append))
    apart = [one for _, one in held(desk)]
    desk.call(lambda: database.connection().set_trace_callback(None))
    assert len(statements) <= 5
    assert len(bodies) == len(set(bodies)) == len(aside)
    told = [Distinction("created", time, "alerts") for time in times]
    told[7] = Distinction("number", "11", "alerts")
    assert apart == [*told, Distinction("number", "1", "log_authn")]


def test_the_trail_names_id_and_number(desk: Desk, webhook_id: int) -> None:
    reseal(desk, failed(desk, webhook_id), without=3)
    release(desk, webhook_id, 3)
    released, resealed = desk.call(audit.changes, limit=2)
    assert (released.detail["event"], released.detail["number"]) == ("door", 3)
    assert (resealed.detail["without"], resealed.detail["number"]) == ("door", 3)


def test_a_request_that_was_kept_with_an_id_is_carried_out(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(event(1), event(1, EventType.LOG_AUTHN), event(2), event(3))
    work = desk.started(webhook_id)
    kept = json.dumps({"do": "reseal", "by": "alice", "max_events": None, "without": "e2"})
    desk.call(lambda: DeliveryRow.update(asked=kept).execute())
    desk.call(attempts.recover, "w2", NOW)
    assert desk.delivery(work.public_id).state == "resealed"
    assert held(desk) == [(2, None)]
    assert [one["id"] for one in json.loads(desk.started(webhook_id).body)] == ["e1", "e3"]


def test_a_kept_id_means_the_event_of_the_delivery(desk: Desk) -> None:
    webhook_id = desk.add()
    early, late = namesakes("door", EARLY, LATE)
    desk.append(early)
    desk.end(desk.started(webhook_id), 200)
    desk.append(late, event(2))
    desk.started(webhook_id)
    kept = json.dumps({"do": "reseal", "by": "alice", "max_events": None, "without": "door"})
    desk.call(lambda: DeliveryRow.update(asked=kept).where(DeliveryRow.first_seq == 2).execute())
    desk.call(attempts.recover, "w2", NOW)
    assert held(desk) == [(2, None)]


def test_a_kept_id_that_is_gone_leaves_none_out(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(event(1), event(2))
    work = desk.started(webhook_id)
    kept = json.dumps({"do": "reseal", "by": "alice", "max_events": None, "without": "e9"})
    desk.call(lambda: DeliveryRow.update(asked=kept).execute())
    desk.end(work, 500)
    assert held(desk) == []
    assert len(json.loads(desk.started(webhook_id).body)) == 2


def test_what_tells_events_of_one_id_apart(desk: Desk) -> None:
    early, late = namesakes("door", EARLY, LATE)
    (other,) = namesakes("door", EARLY, type_=EventType.LOG_AUTHN)
    (spelled,) = namesakes("gate", "2026-11-24T09:00:00+01:00")
    desk.append(early, late, other, spelled)
    found = desk.call(reading.with_id, "door", limit=9).first
    first, second, third = found
    assert second.apart_from(found) == Distinction("created", LATE, "alerts")
    assert first.apart_from(found) == Distinction("number", "1", "alerts")
    assert third.apart_from(found) == Distinction("number", "1", "log_authn")
    assert first.apart_from([first]) is None
    assert first.apart_from([]) is None
    (gate,) = desk.call(reading.with_id, "gate", limit=9).first
    assert gate.apart_from(found) is None


def test_the_members_of_a_delivery_are_in_the_order_of_its_body(
    desk: Desk, webhook_id: int
) -> None:
    work = failed(desk, webhook_id)
    members = desk.call(delivery_list.members, work.public_id)
    assert [(one.seq, one.id) for one in members] == [(1, "door"), (2, "e2"), (3, "door")]
