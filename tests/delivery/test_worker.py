"""The worker on a real store, with real receivers."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

import delivery.worker
from delivery.dispatcher import Until
from delivery.worker import Ended
from domain.times import MINUTE_MS
from store import migrations, minutes, workers
from store.models import AttemptRow, FactRow
from store.queue import deliveries
from tests.support.receiver_client import Receiver, Request
from tests.support.running_worker import QUICK, SkewedClock, hook, overlapping, running_worker
from tests.support.stores import Desk, carried, event, events, run_child
from tests.support.waiting import eventually

SET_INTERVAL = """
store = open_store(path)
store.call(settings.save, "interval", "1s", ACTOR, NOW)
store.close()
"""
APPEND = """
store = open_store(path)
store.call(adding.append, [event(1)], NOW)
store.close()
"""


def ids_of(requests: list[Request]) -> set[str | None]:
    return {request.header("webhook-id") for request in requests}


# The same POST


def test_every_attempt_sends_the_same_post_until_it_is_taken(
    desk: Desk, receiver: Receiver
) -> None:
    path = "/script:500,503,hang,reset,302,200/same"
    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 3))
    with running_worker(desk, replace(QUICK, timeout_ms=2_000)) as running:
        receiver.wait(path, count=2)
        desk.append(*events(4, 5))
        running.worker.wake()
        requests = receiver.wait(path, acked=2)
        eventually(lambda: desk.status(1).queued == 0 and desk.status(1).pending is None)

    same, later = requests[:6], requests[6:]
    assert [request.status for request in same] == [500, 503, None, None, 302, 200]
    assert len(ids_of(same)) == 1
    assert {request.sha256 for request in same} == {hashlib.sha256(same[0].body).hexdigest()}
    assert {request.body for request in same} == {same[0].body}
    stamps = [int(request.header("webhook-timestamp") or 0) for request in same]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) > 1
    assert carried(same[0].body) == [1, 2, 3]
    assert [carried(request.body) for request in later] == [[4, 5]]
    assert ids_of(later).isdisjoint(ids_of(same))
    assert overlapping(requests) == 0
    assert receiver.requests("/ok/redirected") == []


def test_each_attempt_is_recorded_with_the_time_that_its_request_said(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/script:500,reset,200/recorded"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk) as running:
        requests = shared_receiver.wait(path, acked=1)
        eventually(lambda: desk.status(1).pending is None)
    tries = desk.call(deliveries.attempts, str(requests[0].header("webhook-id")))[::-1]
    assert [attempt.status for attempt in tries] == [500, None, 200]
    assert [attempt.number for attempt in tries] == [1, 2, 3]
    assert {attempt.worker for attempt in tries} == {running.worker.id}
    assert [str(attempt.started_ms // 1000) for attempt in tries] == [
        request.header("webhook-timestamp") for request in requests
    ]


def test_the_limits_are_kept_and_a_backlog_is_drained_without_waiting(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/ok/backlog"
    desk.add(hook(shared_receiver.url(path), interval_ms=86_400_000))
    desk.append(*events(1, 25))
    with running_worker(desk, replace(QUICK, max_events=10)):
        requests = shared_receiver.wait(path, events=25)
    assert [len(request.ids) for request in requests] == [10, 10, 5]
    assert [number for request in requests for number in carried(request.body)] == [*range(1, 26)]
    assert len({request.connection for request in requests}) == 1
    assert overlapping(requests) == 0


# Clocks


@pytest.mark.parametrize("jump_h", [1, -1, 24, -24, 87_600])
def test_a_wall_clock_that_jumps_while_a_delivery_fails_neither_floods_nor_mutes(
    desk: Desk, shared_receiver: Receiver, jump_h: int
) -> None:
    path = f"/503/clock{jump_h}"
    clock = SkewedClock()
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk, clock=clock) as running:
        shared_receiver.wait(path, count=1)
        eventually(lambda: (pending := desk.status(1).pending) and pending.last_status == 503)
        running.plan_again(clock)
        clock.skew_ms = jump_h * 3_600_000
        running.plan_again(clock)
        requests = shared_receiver.wait(path, count=4)
    gaps = [(b.started_ns - (a.ended_ns or 0)) / 1e9 for a, b in itertools.pairwise(requests)]
    assert min(gaps) >= 1.0
    assert len({request.header("webhook-id") for request in requests}) == 1


class LeapingClock(SkewedClock):
    """Its wall clock leaps by a day right after each wait was decided."""

    def random(self) -> float:
        self.skew_ms += 86_400_000
        return super().random()


def test_a_wall_clock_that_leaps_before_the_next_plan_brings_no_retry_early(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/script:503,200/leap"
    clock = LeapingClock()
    desk.add(hook(shared_receiver.url(path), interval_ms=3_600_000))
    desk.append(*events(1, 1))
    with running_worker(desk, clock=clock) as running:
        eventually(lambda: (pending := desk.status(1).pending) and pending.last_status == 503)
        for _ in range(3):
            running.plan_again(clock)
        pending = desk.status(1).pending
        assert pending is not None
        assert (pending.attempts, pending.sending_since_ms) == (1, None)


def test_a_wall_clock_that_leaps_after_a_run_brings_the_next_one_no_earlier(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/ok/leap"
    clock = SkewedClock()
    desk.add(hook(shared_receiver.url(path), interval_ms=3_600_000))
    desk.append(*events(1, 1))
    with running_worker(desk, clock=clock) as running:
        shared_receiver.wait(path, acked=1)
        eventually(lambda: desk.status(1).pending is None)
        clock.skew_ms = 86_400_000
        desk.append(*events(2, 2))
        for _ in range(3):
            running.plan_again(clock)
        assert (desk.status(1).queued, desk.status(1).pending) == (1, None)


@pytest.mark.parametrize("jump_h", [-1, -24, -87_600])
def test_a_clock_that_went_back_between_two_workers_delays_by_one_wait_at_most(
    desk: Desk, shared_receiver: Receiver, jump_h: int
) -> None:
    path = f"/script:503,200/restart{jump_h}"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk):
        shared_receiver.wait(path, count=1)
        eventually(lambda: (pending := desk.status(1).pending) and pending.last_status == 503)
    with running_worker(desk, clock=SkewedClock(skew_ms=jump_h * 3_600_000)) as running:
        shared_receiver.wait(path, acked=1)
        eventually(lambda: desk.status(1).pending is None)
        desk.append(*events(2, 2))
        running.worker.wake()
        shared_receiver.wait(path, acked=2)


# Who sends


def test_a_second_worker_stands_by_and_takes_over_when_the_first_ends(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/ok/standby"
    desk.add(hook(shared_receiver.url(path)))
    with running_worker(desk) as first:
        eventually(lambda: first.said("sending for /"))
        with running_worker(desk) as second:
            eventually(lambda: second.said("standing by"))
            rows = {worker.id: worker.active for worker in desk.call(workers.load_all)}
            assert rows == {first.worker.id: True, second.worker.id: False}
            desk.append(*events(1, 1))
            first.worker.wake()
            shared_receiver.wait(path, acked=1)
            assert not second.said("sending for /")
            first.stop()
            eventually(lambda: second.said("sending for /"))
            rows = {worker.id: worker.active for worker in desk.call(workers.load_all)}
            assert rows == {second.worker.id: True}
            desk.append(*events(2, 2))
            second.worker.wake()
            shared_receiver.wait(path, acked=2)
    assert desk.call(workers.load_all) == []


def test_a_worker_that_stands_by_can_be_stopped(desk: Desk) -> None:
    with running_worker(desk) as first, running_worker(desk) as second:
        eventually(lambda: first.said("sending for /") or second.said("sending for /"))
        eventually(lambda: first.said("standing by") or second.said("standing by"))
        waiting = first if first.said("standing by") else second
        waiting.stop()
        assert waiting.ended is Ended.STOPPED


def test_what_an_overtaken_worker_recorded_in_clear_is_masked(desk: Desk) -> None:
    clear = "https://example.com/hook/of-a-tocsin-of-before"
    webhook_id = desk.add()
    desk.append(event(1))
    delivery = desk.started(webhook_id)
    desk.end(delivery, 500)
    desk.call(AttemptRow.update(url=clear).execute)
    desk.call(FactRow.insert(name="urls_masked_to", value="[0, 0]").execute)
    with running_worker(desk) as running:
        eventually(lambda: running.said("sending for /"))
    (attempt,) = desk.call(deliveries.attempts, delivery.public_id)
    assert attempt.url == "https://example.com/hook/••••"


def test_what_a_dead_worker_had_in_flight_is_made_again_at_once(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/ok/cut-off"
    desk.add(hook(shared_receiver.url(path), interval_ms=86_400_000))
    desk.append(*events(1, 1))
    lost = desk.started(1)
    with running_worker(desk) as running:
        (request,) = shared_receiver.wait(path, acked=1)
        eventually(lambda: desk.status(1).pending is None)
    assert running.said("1 attempt was cut off when a worker ended: it is made again now")
    assert request.header("webhook-id") == lost.public_id
    assert request.body == lost.body
    newest, oldest = desk.call(deliveries.attempts, lost.public_id)
    assert (oldest.number, oldest.error, newest.number) == (1, "CutOff", 2)


# Ending


def test_a_stop_waits_for_the_attempt_in_flight_and_begins_no_other(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/held/stopped"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 4))
    with running_worker(desk, replace(QUICK, max_events=2)) as running:
        shared_receiver.wait(path, count=1)
        running.worker.stop()
        eventually(lambda: running.said("waiting up to"))
        shared_receiver.release(path)
        assert running.join() is Ended.STOPPED
    assert desk.status(1).delivered_events == 2
    assert len(shared_receiver.requests(path)) == 1
    assert desk.call(workers.load_all) == []


def test_others_see_that_a_worker_waits_for_its_attempts_to_stop(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/held/stopping"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk) as running:
        shared_receiver.wait(path, count=1)
        running.worker.stop()
        eventually(lambda: running.said("waiting up to"))
        assert [one.stopping for one in desk.call(workers.load_all)] == [True]
        shared_receiver.release(path)
        assert running.join() is Ended.STOPPED
    assert desk.call(workers.load_all) == []


def test_an_attempt_that_outlasts_the_grace_is_cut_off_and_noted(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/script:hang,200/out-of-grace"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk, replace(QUICK, timeout_ms=60_000, grace_ms=200)) as running:
        (request,) = shared_receiver.wait(path, count=1)
        running.stop()
    pending = desk.status(1).pending
    assert pending is not None
    assert pending.sending_since_ms is None
    (cut,) = desk.call(deliveries.attempts, str(request.header("webhook-id")))
    assert cut.error == "CutOff"
    with running_worker(desk, until=Until.EMPTY) as running:
        assert running.join() is Ended.DONE
    assert [r.body for r in shared_receiver.requests(path)] == [request.body] * 2


def test_a_worker_overtaken_by_a_newer_store_records_what_it_has_and_ends(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/held/overtaken"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 3))
    with running_worker(desk, replace(QUICK, max_events=2)) as running:
        shared_receiver.wait(path, count=1)
        with closing(sqlite3.connect(desk.store.path)) as newer:
            newer.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")
        eventually(lambda: running.said(Ended.OVERTAKEN.value))
        shared_receiver.release(path)
        assert running.join() is Ended.OVERTAKEN
    assert desk.status(1).delivered_events == 2
    assert len(shared_receiver.requests(path)) == 1


def test_a_worker_that_was_forgotten_while_it_was_stopped_enters_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery.worker, "HEARTBEAT_S", 0.05)
    with running_worker(desk) as running:
        eventually(lambda: running.said("sending for /"))
        (before,) = desk.call(workers.load_all)
        desk.call(workers.leave, before.id)
        eventually(lambda: desk.call(workers.load_all))
        (after,) = desk.call(workers.load_all)
    assert (after.id, after.active, after.started_ms) == (before.id, True, before.started_ms)
    assert desk.call(workers.load_all) == []


def test_settings_kept_in_the_store_count_while_it_runs(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/ok/settings"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk, replace(QUICK, interval_ms=86_400_000)) as running:
        shared_receiver.wait(path, acked=1)
        desk.append(*events(2, 2))
        run_child(SET_INTERVAL, desk.store.path)
        shared_receiver.wait(path, acked=2)
    assert not running.said("left aside")


def test_an_event_of_another_process_is_noticed(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/ok/other-process"
    desk.add(hook(shared_receiver.url(path)))
    with running_worker(desk) as running:
        eventually(lambda: running.said("sending for /"))
        run_child(APPEND, desk.store.path)
        (request,) = shared_receiver.wait(path, acked=1)
    assert carried(request.body) == [1]


# The table of minutes


def test_a_worker_counts_each_minute_when_it_is_over_and_what_it_did_when_it_ends(
    desk: Desk, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery.worker, "HEARTBEAT_S", 0.05)
    path, clock = "/ok/minutes", SkewedClock()
    clock.skew_ms = -(clock.now_ms() % MINUTE_MS)  # a minute begins
    begun = clock.now_ms() // MINUTE_MS
    desk.add(hook(shared_receiver.url(path)))
    desk.now_ms = clock.now_ms()
    desk.append(*events(1, 3))
    with running_worker(desk, clock=clock) as running:
        shared_receiver.wait(path, acked=1)
        eventually(lambda: desk.status(1).delivered_events == 3)
        clock.skew_ms += MINUTE_MS
        eventually(lambda: desk.call(minutes.read_counted).minute == begun)
        assert delivered_in(desk) == {begun: 3}
        desk.append(*events(4, 4))
        running.worker.wake()
        eventually(lambda: desk.status(1).delivered_events == 4)
    assert delivered_in(desk) == {begun: 3, begun + 1: 1}


def delivered_in(desk: Desk) -> dict[int, int]:
    """Events delivered, by minute; before the first one some may have waited."""
    rows = desk.call(minutes.of_webhooks, 0, 2**40)
    return {row.minute: row.delivered for row in rows if row.delivered}
