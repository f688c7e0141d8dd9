"""Times later than now, as a clock leaves them that was ahead: pruning, erasing, warnings."""

from __future__ import annotations

import pytest

from domain.event_types import EventType
from store import webhooks
from store.errors import Conflict
from store.events import future_times
from store.maintenance import prune
from store.models import FactRow, WebhookRow
from store.overview import read_overview
from tests.store.maintenance.test_prune import MONTH, RETENTION, deliver, kept, prune_all
from tests.support.stores import ACTOR, DAY, MINUTE, NOW, Desk, event, events

AHEAD = NOW + 3_650 * DAY
UPTIME = 50 * DAY
TEN_MINUTES = webhooks.UNDELETE_MS


def test_one_event_ahead_counts_as_the_next_one_behind_it(desk: Desk) -> None:
    desk.append(event(1))
    desk.now_ms = AHEAD
    desk.append(event(2))
    desk.now_ms = NOW + DAY
    desk.append(event(3))
    prune_all(desk, NOW + 7 * DAY)
    assert kept(desk) == [2, 3]
    prune_all(desk, NOW + 8 * DAY - 1)
    assert kept(desk) == [2, 3]
    prune_all(desk, NOW + 8 * DAY)
    assert kept(desk) == []


def test_many_events_ahead_stop_no_pruning(desk: Desk) -> None:
    desk.now_ms = AHEAD
    desk.append(*events(1, 2 * prune.CHUNK + 7))
    desk.now_ms = NOW
    desk.append(event(9_000), event(9_001))
    assert prune_all(desk, NOW + MONTH).events == 2 * prune.CHUNK + 9


def test_events_ahead_with_nothing_behind_them_count_as_now(desk: Desk) -> None:
    desk.append(event(1))
    desk.now_ms = AHEAD
    desk.append(event(2), event(3))
    prune_all(desk, NOW + MONTH)
    assert kept(desk) == [2, 3]


def test_an_event_between_does_not_count_as_older_than_it_says(desk: Desk) -> None:
    desk.now_ms = NOW + 20 * DAY
    desk.append(event(1))
    desk.now_ms = NOW
    desk.append(event(2))
    prune_all(desk, NOW + 20 * DAY)
    assert kept(desk) == [1, 2]
    prune_all(desk, NOW + 27 * DAY)
    assert kept(desk) == []


def test_a_delivery_that_ended_ahead_counts_as_the_next_attempt_behind_it(desk: Desk) -> None:
    webhook_id, other = desk.add(), desk.add()
    desk.append(event(1))
    deliver(desk, other)
    desk.now_ms = AHEAD
    deliver(desk, webhook_id)
    desk.now_ms = NOW + DAY
    desk.append(event(2))
    deliver(desk, other)
    deliver(desk, webhook_id)
    prune_all(desk, NOW + 8 * DAY - 41)  # an attempt of 40 ms
    assert kept(desk) == [1, 2]
    prune_all(desk, NOW + 8 * DAY)
    assert kept(desk) == []
    assert prune_all(desk, NOW + 401 * DAY + 1).deliveries == 4


def test_a_delivery_that_ended_ahead_with_no_attempt_behind_it_counts_as_now(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(event(1))
    desk.now_ms = AHEAD
    deliver(desk, webhook_id)
    prune_all(desk, NOW + MONTH)
    assert kept(desk) == [1]


def test_nothing_undelivered_goes_whatever_the_times_say(desk: Desk) -> None:
    desk.add()
    desk.now_ms = AHEAD
    desk.append(event(1))
    desk.now_ms = NOW
    desk.append(event(2))
    prune_all(desk, AHEAD + MONTH)
    assert kept(desk) == [1, 2]


def test_a_jump_that_prunes_the_delivery_of_an_attempt_in_flight_ends_no_worker(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(event(1))
    work = desk.started(webhook_id)
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    prune_all(desk, NOW + TEN_MINUTES)
    assert prune_all(desk, AHEAD).deliveries == 1
    assert desk.end(work, 200, go_on=True) is None


def deleted(desk: Desk) -> int:
    webhook_id = desk.add()
    desk.call(webhooks.delete, [webhook_id], ACTOR, desk.now_ms, UPTIME)
    return webhook_id


def erased(desk: Desk, now_ms: int, uptime_ms: int) -> bool:
    return bool(desk.call(prune.Pruning(RETENTION, now_ms, uptime_ms).step).webhooks)


def test_a_clock_that_jumps_ends_no_deleted_webhooks_ten_minutes(desk: Desk) -> None:
    webhook_id = deleted(desk)
    for now_ms in (NOW + 3_600_000, NOW + 365 * DAY, NOW - DAY):
        assert not erased(desk, now_ms, UPTIME + MINUTE)
    late, uptime = NOW + 3_600_000, UPTIME + MINUTE
    assert len(desk.call(webhooks.restorable, desk.store.vault, late, uptime)) == 1
    desk.call(webhooks.undelete, [webhook_id], ACTOR, late, uptime)
    assert desk.status(webhook_id).webhook.deleted_ms is None
    assert desk.call(lambda: FactRow.select().where(FactRow.name.contains("uptime")).count()) == 0


def test_a_clock_that_was_ahead_does_not_keep_a_deleted_webhooks_secrets(desk: Desk) -> None:
    desk.now_ms = AHEAD
    webhook_id = deleted(desk)
    uptime = UPTIME + TEN_MINUTES
    assert not erased(desk, NOW, uptime - 1)
    with pytest.raises(Conflict, match="more than ten minutes ago"):
        desk.call(webhooks.undelete, [webhook_id], ACTOR, NOW, uptime)
    assert erased(desk, NOW, uptime)
    assert desk.call(lambda: WebhookRow.get_by_id(webhook_id)).erased_ms == NOW


def test_after_a_restart_of_the_machine_the_ten_minutes_begin_with_it(desk: Desk) -> None:
    deleted(desk)
    assert not erased(desk, NOW + DAY, TEN_MINUTES - 1)
    assert erased(desk, NOW + DAY, TEN_MINUTES)


def test_an_event_ahead_is_noted_when_the_next_one_comes(desk: Desk) -> None:
    desk.append(event(1))
    desk.now_ms = AHEAD
    desk.append(event(2))
    desk.now_ms = NOW + DAY
    desk.append(event(3))
    desk.append(event(4))
    assert latest(desk).event_ms == AHEAD
    prune_all(desk, NOW + MONTH)
    assert latest(desk).event_ms is None


def test_the_newest_event_needs_no_note(desk: Desk) -> None:
    assert latest(desk) == future_times.LatestTimes(None, None)
    desk.now_ms = AHEAD
    desk.append(event(1))
    assert latest(desk).event_ms == AHEAD
    deliver(desk, desk.add(start=0))
    assert latest(desk).ended_ms == AHEAD


def test_two_processes_that_differ_by_seconds_are_no_clock_ahead(desk: Desk) -> None:
    desk.now_ms = NOW + MINUTE
    desk.append(event(1))
    desk.now_ms = NOW
    desk.append(event(2))
    assert (
        desk.call(lambda: FactRow.select().where(FactRow.name.startswith("events_")).count()) == 0
    )


def latest(desk: Desk) -> future_times.LatestTimes:
    return desk.call(read_overview, desk.store.vault).latest[EventType.ALERTS]
