"""`db check` finds what is wrong, and finds nothing where nothing is."""

from __future__ import annotations

import pytest

from domain.event_types import EventType
from store import models
from store.events.keys import key_of
from store.maintenance import health
from store.models import EventRow, WebhookRow
from store.queue import delivery_requests
from tests.support.stores import ACTOR, ALERTS, NOW, Desk, event, events, fields


def problems(desk: Desk) -> list[str]:
    return desk.call(health.problems, desk.store.vault)


def busy(desk: Desk) -> None:
    """Give the store some of everything."""
    first, second = desk.add(fields(headers=(("X-A", "1"),))), desk.add()
    desk.append(*events(1, 5), *events(1, 2, EventType.LOG_AUTHN))
    desk.end(desk.started(first), 500)
    desk.end(desk.started(second), 200)
    desk.append(event(6))


def test_a_sound_store_has_no_problems(desk: Desk) -> None:
    assert problems(desk) == []
    busy(desk)
    assert problems(desk) == []


@pytest.mark.parametrize("number", [1, 3, 6])
def test_a_missing_event_is_found(desk: Desk, number: int) -> None:
    busy(desk)
    gone = EventRow.delete().where(EventRow.key == key_of("alerts", number))
    desk.call(gone.execute)
    assert "1 event of alerts is missing" in problems(desk)


def test_a_changed_body_of_a_pending_delivery_is_found(desk: Desk) -> None:
    busy(desk)
    other = event(2, text="other").body
    changed = EventRow.update(body=other).where(EventRow.key == key_of("alerts", 2))
    desk.call(changed.execute)
    (problem,) = problems(desk)
    assert problem == "delivery msg_1 no longer has the bytes that were sealed"


def test_a_row_that_points_nowhere_is_found(desk: Desk) -> None:
    busy(desk)

    def lose_a_webhook() -> None:
        models.database.execute_sql("PRAGMA foreign_keys = 0")
        models.database.execute_sql("DELETE FROM webhook WHERE id = 2")
        models.database.execute_sql("PRAGMA foreign_keys = 1")

    desk.call(lose_a_webhook)
    assert problems(desk) == ["a row of delivery points to a row that is gone"]


def test_a_missing_key_is_found(desk: Desk) -> None:
    desk.store.vault.key_file.unlink()
    (problem,) = problems(desk)
    assert "is missing: put it back" in problem


def with_redo_and_released(desk: Desk) -> int:
    """A webhook with four of its events to seal anew, and one released from quarantine."""
    webhook_id = desk.add()
    desk.append(*events(1, 5))
    work = desk.started(webhook_id)
    desk.end(work, 500)
    desk.call(delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=False, without=3)
    desk.call(delivery_requests.release, webhook_id, ALERTS, 3, ACTOR, NOW)
    assert problems(desk) == []
    return webhook_id


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"redo_count": 5}, "counts 5 events to seal anew, but there are 4"),
        ({"redo_numbers": ""}, "counts 4 events to seal anew, but there are 5"),
        ({"redo_last": 4}, "counts 4 events to seal anew, but there are 3"),
        ({"redo_type": None}, "counts 4 events to seal anew, but there are 0"),
        ({"released": 0}, "counts 0 released events, but there are 1"),
        ({"released": 2}, "counts 2 released events, but there are 1"),
        ({"cursor": 6, "run_until": 6}, "stands at event 6 of alerts, which has only 5"),
        ({"run_until": 7}, "stands at event 7 of alerts, which has only 5"),
    ],
)
def test_a_wrong_place_in_the_queue_is_found(
    desk: Desk, wrong: dict[str, object], fault: str
) -> None:
    webhook_id = with_redo_and_released(desk)
    desk.call(WebhookRow.update(**wrong).execute)
    assert problems(desk) == [f"webhook {webhook_id} {fault}"]


def test_an_attempt_that_a_killed_worker_left_is_no_fault(desk: Desk) -> None:
    """The next worker notes it and makes it again."""
    desk.append(event(1))
    webhook_id = desk.add(start=0)
    desk.started(webhook_id)
    assert problems(desk) == []
