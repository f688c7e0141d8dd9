"""A backlog that is skipped between two reseals: what was dropped stays dropped, the rest goes."""

from __future__ import annotations

from itertools import chain

import pytest

from store.maintenance import health
from store.queue import backlog, delivery_requests
from store.records import Limits, Work
from tests.support.stores import ACTOR, ALERTS, MINUTE, NOW, Desk, carried, event, events

FIVE = Limits(max_events=5, max_bytes=1_000_000)


@pytest.fixture
def webhook_id(desk: Desk) -> int:
    """A webhook with eight events, and four more of a minute later."""
    made = desk.add()
    desk.append(*events(1, 8))
    desk.now_ms += MINUTE
    desk.append(*events(9, 12))
    return made


def failed(desk: Desk, webhook_id: int) -> Work:
    work = desk.started(webhook_id)
    desk.end(work, 500)
    return work


def reseal(
    desk: Desk, work: Work, max_events: int | None = None, without: int | None = None
) -> None:
    desk.call(
        delivery_requests.reseal,
        work.public_id,
        ACTOR,
        desk.now_ms,
        idle=False,
        max_events=max_events,
        without=without,
    )


def holed(desk: Desk, webhook_id: int) -> Work:
    """The pending first five of twelve events put back, of which the next three are dropped."""
    reseal(desk, failed(desk, webhook_id), max_events=5)
    part = failed(desk, webhook_id)
    assert carried(part.body) == [1, 2, 3, 4, 5]
    assert desk.call(backlog.skip_backlog, webhook_id, NOW + 1, ACTOR, desk.now_ms) == 3
    return part


def drain(desk: Desk, webhook_id: int) -> list[list[int]]:
    sent = []
    while work := desk.start(webhook_id):
        sent.append(carried(work.body))
        desk.end(work, 200)
    return sent


def judge(desk: Desk, webhook_id: int, delivered: int, skipped: int) -> None:
    """Nothing is left, everything is counted."""
    status = desk.status(webhook_id)
    assert (status.queued, status.run_open, status.pending) == (0, False, None)
    assert (status.delivered_events, status.skipped_events) == (delivered, skipped)
    assert desk.call(health.problems, desk.store.vault) == []


def test_what_was_dropped_is_not_sent_again_by_a_reseal_of_what_comes_before_it(
    desk: Desk, webhook_id: int
) -> None:
    reseal(desk, holed(desk, webhook_id))
    assert desk.status(webhook_id).queued == 9
    assert drain(desk, webhook_id) == [[1, 2, 3, 4, 5, 9, 10, 11, 12]]
    judge(desk, webhook_id, delivered=9, skipped=3)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 6, 8, 9])
def test_in_parts_of_any_size_each_event_goes_once(desk: Desk, webhook_id: int, most: int) -> None:
    reseal(desk, holed(desk, webhook_id), max_events=most)
    sent = drain(desk, webhook_id)
    assert list(chain(*sent)) == [1, 2, 3, 4, 5, 9, 10, 11, 12]
    assert all(len(request) == most for request in sent[:-1])
    judge(desk, webhook_id, delivered=9, skipped=3)


def test_what_comes_after_is_not_lost(desk: Desk, webhook_id: int) -> None:
    reseal(desk, holed(desk, webhook_id), max_events=3)
    desk.append(event(13))
    assert drain(desk, webhook_id) == [[1, 2, 3], [4, 5, 9], [10, 11, 12], [13]]
    judge(desk, webhook_id, delivered=10, skipped=3)


def test_a_delivery_across_the_hole_can_be_resealed_again(desk: Desk, webhook_id: int) -> None:
    reseal(desk, holed(desk, webhook_id), max_events=7)
    across = failed(desk, webhook_id)
    assert carried(across.body) == [1, 2, 3, 4, 5, 9, 10]
    reseal(desk, across, max_events=4, without=5)
    assert desk.status(webhook_id).queued == 8
    assert drain(desk, webhook_id) == [[1, 2, 3, 4], [9, 10, 11, 12]]
    judge(desk, webhook_id, delivered=8, skipped=3)


def test_what_waits_is_dropped_whole_and_what_comes_before_it_is_not(
    desk: Desk, webhook_id: int
) -> None:
    part = holed(desk, webhook_id)
    assert desk.call(backlog.skip_backlog, webhook_id, NOW + 2 * MINUTE, ACTOR, NOW) == 4
    reseal(desk, part, max_events=2)
    assert drain(desk, webhook_id) == [[1, 2], [3, 4], [5]]
    judge(desk, webhook_id, delivered=5, skipped=7)


def test_an_event_released_meanwhile_is_not_sent_twice(desk: Desk, webhook_id: int) -> None:
    reseal(desk, failed(desk, webhook_id), without=3)
    part = failed(desk, webhook_id)
    desk.call(delivery_requests.release, webhook_id, ALERTS, 3, ACTOR, NOW)
    reseal(desk, part, max_events=6)
    assert drain(desk, webhook_id) == [[1, 2, 4, 5, 6, 7], [8, 9, 10, 11, 12], [3]]
    judge(desk, webhook_id, delivered=12, skipped=0)
