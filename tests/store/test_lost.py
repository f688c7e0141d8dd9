"""Events that are gone from a damaged store: counted and noted once, and the others go."""

from __future__ import annotations

from itertools import chain

import pytest

from store import audit
from store.events.keys import key_of
from store.models import EventRow
from store.queue import attempts, deliveries, delivery_requests
from store.records import Limits
from tests.support.stores import ACTOR, ALERTS, LIMITS, NOW, Desk, carried, event, events

TWO = Limits(max_events=2, max_bytes=1_000_000)


@pytest.fixture
def webhook_id(desk: Desk) -> int:
    """A webhook with five events in its queue."""
    made = desk.add()
    desk.append(*events(1, 5))
    return made


def lose(desk: Desk, *numbers: int) -> None:
    gone = EventRow.delete().where(EventRow.key.in_([key_of(ALERTS, seq) for seq in numbers]))
    assert desk.call(gone.execute) == len(numbers)


def drain(desk: Desk, webhook_id: int, limits: Limits = LIMITS) -> list[list[int]]:
    sent = []
    while work := desk.start(webhook_id, limits=limits):
        sent.append(carried(work.body))
        desk.end(work, 200)
    return sent


def resealed_as_blocked(desk: Desk, webhook_id: int, *lost: int) -> None:
    work = desk.started(webhook_id)
    desk.end(work, 500)
    lose(desk, *lost)
    assert desk.start(webhook_id) is None
    assert desk.delivery(work.public_id).blocked
    desk.call(delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=False)


def judge(desk: Desk, webhook_id: int, *, delivered: int, lost: list[int]) -> None:
    """Everything is counted, nothing is left to do, and the audit has one line for each loss."""
    status = desk.status(webhook_id)
    assert (status.delivered_events, status.skipped_events) == (delivered, sum(lost))
    assert (status.queued, status.run_open, status.pending) == (0, False, None)
    assert desk.call(attempts.undelivered) == 0
    noted = [one for one in desk.call(audit.changes) if one.action == "webhook.lost"]
    assert [one.detail for one in reversed(noted)] == [
        {"type": "alerts", "events": count} for count in lost
    ]
    assert {(one.user, one.webhook_id) for one in noted} <= {("tocsin", webhook_id)}


@pytest.mark.parametrize("lost", [(5,), (1,), (3,), (1, 2, 5), (2, 3, 4, 5), (1, 2, 3, 4, 5)])
def test_a_reseal_sends_what_is_still_there(
    desk: Desk, webhook_id: int, lost: tuple[int, ...]
) -> None:
    resealed_as_blocked(desk, webhook_id, *lost)
    kept = [number for number in range(1, 6) if number not in lost]
    assert list(chain(*drain(desk, webhook_id))) == kept
    assert desk.status(webhook_id).skipped_events == len(lost)
    desk.append(event(6))
    assert drain(desk, webhook_id) == [[6]]
    status = desk.status(webhook_id)
    assert (status.delivered_events, status.queued) == (len(kept) + 1, 0)


def test_what_is_lost_of_a_reseal_is_noted(desk: Desk, webhook_id: int) -> None:
    resealed_as_blocked(desk, webhook_id, 5)
    assert drain(desk, webhook_id) == [[1, 2, 3, 4]]
    judge(desk, webhook_id, delivered=4, lost=[1])


@pytest.mark.parametrize(
    ("lost", "sent", "noted"),
    [
        ((1,), [[2, 3], [4, 5]], [1]),
        ((5,), [[1, 2], [3, 4]], [1]),
        ((2, 4), [[1, 3], [5]], [1, 1]),
        ((1, 2, 3), [[4, 5]], [3]),
        ((3, 4, 5), [[1, 2]], [3]),
        ((1, 2, 3, 4, 5), [], [5]),
    ],
)
def test_the_queue_goes_on_past_what_is_lost(
    desk: Desk, webhook_id: int, lost: tuple[int, ...], sent: list[list[int]], noted: list[int]
) -> None:
    lose(desk, *lost)
    assert drain(desk, webhook_id, TWO) == sent
    judge(desk, webhook_id, delivered=5 - len(lost), lost=noted)
    desk.append(event(6))
    assert drain(desk, webhook_id) == [[6]]


def test_a_lost_end_of_a_run_keeps_no_later_event_back(desk: Desk, webhook_id: int) -> None:
    desk.end(desk.started(webhook_id, limits=TWO), 200)
    lose(desk, 3, 4, 5)
    desk.append(event(6))
    assert desk.start(webhook_id, new_run=False) is None
    assert not desk.status(webhook_id).run_open
    assert drain(desk, webhook_id) == [[6]]
    judge(desk, webhook_id, delivered=3, lost=[3])


def test_what_waits_in_the_queue_goes_at_once_where_all_of_a_reseal_is_lost(
    desk: Desk, webhook_id: int
) -> None:
    resealed_as_blocked(desk, webhook_id, 1, 2, 3, 4, 5)
    desk.append(event(6))
    assert carried(desk.started(webhook_id).body) == [6]


def test_a_released_event_that_is_lost_is_no_request_without_events(
    desk: Desk, webhook_id: int
) -> None:
    work = desk.started(webhook_id)
    desk.end(work, 500)
    desk.call(delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=False, without=3)
    drain(desk, webhook_id)
    desk.call(delivery_requests.release, webhook_id, ALERTS, 3, ACTOR, NOW)
    lose(desk, 3)
    desk.append(event(6))
    assert drain(desk, webhook_id) == [[6]]
    judge(desk, webhook_id, delivered=5, lost=[1])
    assert desk.call(deliveries.quarantine) == []
