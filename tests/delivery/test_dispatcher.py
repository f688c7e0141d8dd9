"""Loop of an active worker: the steps that it starts, and its end by itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import pytest
from msgspec.structs import replace

from delivery import dispatcher, worker
from delivery.dispatcher import HOLD_S, NOTHING_SENT_S, Until
from delivery.slots import Slots
from delivery.worker import Ended
from domain.event_types import EventType
from store.errors import StoreUnavailable
from store.models import DeliveryRow, EventRow, WebhookRow
from store.queue import attempts
from store.records import Work
from tests.support.receiver_client import Receiver
from tests.support.running_worker import QUICK, SkewedClock, hook, running_worker
from tests.support.stores import Desk, carried, event, events
from tests.support.waiting import PATIENCE_S, eventually

P = ParamSpec("P")
T = TypeVar("T")
LOG_AUTHN = EventType.LOG_AUTHN
AT_ONCE = replace(QUICK, interval_ms=0)
HOURLY = replace(QUICK, interval_ms=3_600_000, linger_ms=60_000)


class Door:
    """Stands before the store: counts what is run, and turns away what it is told to."""

    def __init__(self, desk: Desk, patch: pytest.MonkeyPatch) -> None:
        self.counts: dict[str, int] = {}
        self.closed: set[str] = set()
        self._run = desk.store.run
        self._lock = threading.Lock()
        self.delays: dict[str, Callable[[], object]] = {}
        """Waits in a thread between the end of a function and its answer, each for one call."""
        patch.setattr(desk.store, "run", self.run)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        name = getattr(function, "__name__", "")
        with self._lock:
            self.counts[name] = self.counts.get(name, 0) + 1
        if name in self.closed:
            raise StoreUnavailable("the disk is full")
        answer = await self._run(function, *args, **kwargs)
        if (delay := self.delays.pop(name, None)) is not None:
            await asyncio.to_thread(delay)
        return answer

    def count(self, name: str) -> int:
        """Count the calls of a function of the store."""
        return self.counts.get(name, 0)


@pytest.fixture
def door(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(desk, monkeypatch)


# When a worker ends by itself


def test_until_empty_delivers_everything_without_waiting_for_the_interval(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/script:503,200/until-empty"
    desk.add(hook(shared_receiver.url(path), interval_ms=1_000))
    desk.append(*events(1, 3))
    with running_worker(desk, HOURLY, Until.EMPTY) as running:
        assert running.join() is Ended.DONE
    assert desk.status(1).delivered_events == 3
    assert desk.status(1).pending is None


def test_until_empty_ends_at_once_where_nothing_is_queued(desk: Desk) -> None:
    desk.add(hook("http://127.0.0.1:9/"))
    with running_worker(desk, HOURLY, Until.EMPTY) as running:
        assert running.join() is Ended.DONE


@pytest.mark.parametrize("until", [Until.EMPTY, Until.DUE_DONE])
@pytest.mark.parametrize("interval_ms", [0, 1_000])
def test_a_worker_that_ends_by_itself_ends_at_the_head_of_its_start(
    desk: Desk, shared_receiver: Receiver, until: Until, interval_ms: int
) -> None:
    """However fast events go on coming."""
    path = f"/slow:0.1/head-{until.name}-{interval_ms}"
    desk.add(hook(shared_receiver.url(path), interval_ms=interval_ms))
    desk.append(*events(1, 3))
    with running_worker(desk, AT_ONCE, until) as running:
        eventually(lambda: running.worker.heads is not None)
        appended = 3
        while running.ended is None and running.error is None and appended < 3_000:
            appended += 2
            desk.append(*events(appended - 1, appended))
            running.worker.wake()
        assert running.join() is Ended.DONE
    status = desk.status(1)
    assert status.pending is None
    assert 3 <= status.delivered_events < appended


def test_until_empty_leaves_inactive_webhooks_alone(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/ok/inactive"
    desk.add(hook(shared_receiver.url(path), active=False))
    desk.append(*events(1, 1))
    with running_worker(desk, HOURLY, Until.EMPTY) as running:
        assert running.join() is Ended.DONE
    assert shared_receiver.requests(path) == []
    assert desk.status(1).queued == 1


def test_once_tries_everything_that_is_due_once(desk: Desk, shared_receiver: Receiver) -> None:
    paths = ("/ok/once", "/503/once", "/slow:1.5/once")
    for path in paths:
        desk.add(hook(shared_receiver.url(path), interval_ms=1_000))
    desk.append(*events(1, 3))
    with running_worker(desk, replace(QUICK, max_events=2), Until.DUE_DONE) as running:
        shared_receiver.wait(paths[0], acked=2)
        desk.append(*events(4, 4))
        assert running.join() is Ended.DONE
    sent = [[carried(r.body) for r in shared_receiver.requests(path)] for path in paths]
    assert sent == [[[1, 2], [3]], [[1, 2]], [[1, 2], [3]]]


def test_once_tries_again_what_failed_before_and_goes_on_with_the_queue(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/script:503,200/once-more"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk, QUICK, Until.DUE_DONE) as running:
        assert running.join() is Ended.DONE
    desk.append(*events(2, 2))
    eventually(lambda: desk.call(attempts.plans)[0].pending is not None)
    desk.call(due_now)
    with running_worker(desk, QUICK, Until.DUE_DONE) as running:
        assert running.join() is Ended.DONE
    assert [carried(r.body) for r in shared_receiver.requests(path)] == [[1], [1], [2]]


def due_now() -> None:
    DeliveryRow.update(next_attempt_ms=0).execute()


# An interval of 0


def test_with_an_interval_of_0_what_comes_during_a_request_goes_right_after_it(
    desk: Desk, door: Door, shared_receiver: Receiver
) -> None:
    """All that waits by then in one request, with no turn of the loop between."""
    path = "/held/interval-0"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(event(1))
    with running_worker(desk, AT_ONCE):
        shared_receiver.wait(path, count=1)
        for number in range(2, 6):
            desk.append(event(number))
        shared_receiver.release(path)
        requests = shared_receiver.wait(path, acked=2)
    assert [carried(request.body) for request in requests] == [[1], [2, 3, 4, 5]]
    assert door.count("start_next") == 1


def test_with_an_interval_of_0_a_lone_event_waits_for_the_linger(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/ok/lingers"
    desk.add(hook(shared_receiver.url(path), interval_ms=0))
    with running_worker(desk, replace(QUICK, interval_ms=60_000, linger_ms=500)) as running:
        for number in (1, 2):
            appended_ns = time.monotonic_ns()
            desk.append(event(number))
            running.worker.wake()
            requests = shared_receiver.wait(path, acked=number)
            assert requests[-1].started_ns - appended_ns >= 450_000_000
    assert [carried(request.body) for request in requests] == [[1], [2]]


def test_with_an_interval_of_0_a_failure_waits_all_the_same(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/script:503,200/interval-0"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(event(1))
    clock = SkewedClock()
    settings = replace(AT_ONCE, retry_interval_ms=1_000)
    with running_worker(desk, settings, clock=clock) as running:
        shared_receiver.wait(path, count=1)
        for number in range(2, 12):
            desk.append(event(number))
            running.plan_again(clock)
        requests = shared_receiver.wait(path, acked=1)
        assert [request.status for request in requests[:2]] == [503, 200]
        assert requests[1].started_ns - requests[0].started_ns >= 900_000_000
        assert carried(requests[1].body) == [1]
        eventually(lambda: desk.status(1).delivered_events == 11)
    assert running.said("(attempt 2, retry interval 1s ±10%)")


def test_with_an_interval_of_0_a_worker_with_nothing_to_send_sleeps(
    desk: Desk, door: Door, shared_receiver: Receiver
) -> None:
    idle, clocked = "/ok/idle", "/ok/clocked"
    desk.add(hook(shared_receiver.url(idle), interval_ms=0))
    desk.add(hook(shared_receiver.url(clocked), LOG_AUTHN, interval_ms=1_000))
    desk.append(event(1), event(2, LOG_AUTHN))
    with running_worker(desk, AT_ONCE):
        shared_receiver.wait(idle, acked=1)
        shared_receiver.wait(clocked, acked=1)
        desk.append(event(3, LOG_AUTHN))
        began_s, before = time.monotonic(), (door.count("plans"), door.count("start_next"))
        shared_receiver.wait(clocked, acked=2)
        after = door.count("plans"), door.count("start_next")
        polls = (time.monotonic() - began_s) / worker.POLL_S
    assert after[0] - before[0] < 10 + polls + dispatcher.LISTEN_S / dispatcher.LISTEN_EACH_S
    assert after[1] - before[1] <= 1


def test_with_an_interval_of_0_what_others_add_right_after_a_drain_is_noticed_at_once(
    desk: Desk, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_S", 600.0)
    monkeypatch.setattr(dispatcher, "LISTEN_S", 600.0)
    path = "/ok/listens"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(event(1))
    with running_worker(desk, AT_ONCE):
        shared_receiver.wait(path, acked=1)
        desk.append(event(2))
        requests = shared_receiver.wait(path, acked=2)
    assert [carried(request.body) for request in requests] == [[1], [2]]


def test_a_plan_that_was_read_before_a_drain_ended_starts_nothing(
    desk: Desk, door: Door, shared_receiver: Receiver
) -> None:
    """It still has the delivery that is taken: the webhook would be held for nothing."""
    path = "/held/read-too-early"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(event(1))
    with running_worker(desk, AT_ONCE) as running:
        shared_receiver.wait(path, count=1)
        recorded = threading.Event()
        door.delays["plans"] = lambda: recorded.wait(PATIENCE_S)
        reads = door.count("plans")
        running.worker.wake()
        eventually(lambda: door.count("plans") > reads)
        shared_receiver.release(path)
        eventually(lambda: desk.status(1).delivered_events == 1)
        eventually(lambda: running.said("1 delivery taken"))
        recorded.set()
        desk.append(event(2))
        running.worker.wake()
        shared_receiver.wait(path, acked=2)
    assert door.count("start_next") == 2


def test_once_does_not_end_by_a_plan_that_was_read_before_a_drain_left_its_run(
    desk: Desk, door: Door, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slots, "wanted", True)  # each drain leaves after one request
    path = "/held/left-its-run"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 2))
    with running_worker(desk, replace(AT_ONCE, max_events=1), Until.DUE_DONE) as running:
        shared_receiver.wait(path, count=1)
        left = threading.Event()
        door.delays["plans"] = lambda: left.wait(PATIENCE_S)
        reads = door.count("plans")
        running.worker.wake()
        eventually(lambda: door.count("plans") > reads)
        shared_receiver.release(path)
        eventually(lambda: running.said("1 delivery taken"))
        left.set()
        assert running.join() is Ended.DONE
    assert desk.status(1).delivered_events == 2


# Steps that cannot be started


def test_nothing_to_send_after_all_is_no_busy_loop(
    desk: Desk, door: Door, shared_receiver: Receiver
) -> None:
    """A place in the queue whose event is gone must not keep the worker turning."""
    path = "/ok/gone"
    broken = desk.add(hook(shared_receiver.url("/ok/broken")))
    desk.append(*events(1, 1))
    desk.call(lambda: EventRow.delete().execute())
    whole = desk.add(hook(shared_receiver.url(path)))
    began_s = time.monotonic()
    with running_worker(desk) as running:
        eventually(lambda: door.count("start_next") >= 1)
        for number in range(2, 5):
            desk.append(event(number))
            desk.call(lambda: set_cursor(broken, 0))
            running.worker.wake()
            shared_receiver.wait(path, acked=number - 1)
    assert desk.status(whole).delivered_events == 3
    seconds = time.monotonic() - began_s
    assert door.count("start_next") <= 3 + 2 * (seconds / NOTHING_SENT_S + 1)


def set_cursor(webhook_id: int, cursor: int) -> None:
    WebhookRow.update(cursor=cursor, run_until=1).where(WebhookRow.id == webhook_id).execute()


def test_a_store_that_refuses_is_asked_again_later_and_told_of_once(
    desk: Desk, door: Door, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.dispatcher.HOLD_S", 0.1)
    assert HOLD_S > 1
    path = "/ok/refused-at-first"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    door.closed.add("start_next")
    began = time.monotonic()
    with running_worker(desk) as running:
        eventually(lambda: door.count("start_next") >= 4)
        assert time.monotonic() - began >= 3 * 0.1
        assert shared_receiver.requests(path) == []
        assert len([line for line in running.log if "the disk is full" in line]) == 1
        door.closed.clear()
        shared_receiver.wait(path, acked=1)


def test_a_queue_that_cannot_be_read_is_read_again_later(
    desk: Desk, door: Door, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.dispatcher.HOLD_S", 0.1)
    path = "/ok/unreadable-at-first"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    door.closed.add("plans")
    with running_worker(desk) as running:
        eventually(lambda: door.count("plans") >= 3)
        assert running.said("cannot read the queue: the disk is full")
        door.closed.clear()
        shared_receiver.wait(path, acked=1)


def test_a_bug_in_one_webhooks_task_stops_no_other(
    desk: Desk, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def headers(*_: object, **__: object) -> list[tuple[str, str]]:
        raise ValueError("Bearer secret")

    desk.add(hook(shared_receiver.url("/ok/bug")))
    desk.append(*events(1, 1))
    clock = SkewedClock()
    with running_worker(desk, clock=clock) as running:
        shared_receiver.wait("/ok/bug", acked=1)
        monkeypatch.setattr("delivery.sender.request_headers", headers)
        desk.append(*events(2, 2))
        running.worker.wake()
        eventually(lambda: running.said("this is a bug: ValueError at test_dispatcher.py:"))
        assert not running.said("secret")
        monkeypatch.undo()
        shared_receiver.wait("/ok/bug", acked=2)


@pytest.mark.parametrize("has_bug", [True, False])
def test_a_start_that_starts_nothing_is_no_busy_loop_with_an_interval_of_0(
    desk: Desk,
    shared_receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    has_bug: bool,
) -> None:
    clocked = f"/ok/beside-no-start-{has_bug}"
    broken = desk.add(hook(shared_receiver.url("/ok/no-start")))
    desk.add(hook(shared_receiver.url(clocked), LOG_AUTHN, interval_ms=1_000))
    desk.append(event(1), event(2, LOG_AUTHN))
    start_next = attempts.start_next
    begun: list[int] = []

    def start(webhook_id: int, **kwargs: Any) -> Work | None:
        begun.append(webhook_id)
        if webhook_id != broken:
            return start_next(webhook_id, **kwargs)
        if has_bug:
            raise ZeroDivisionError
        return None

    monkeypatch.setattr(attempts, "start_next", start)
    began_s = time.monotonic()
    with running_worker(desk, AT_ONCE) as running:
        shared_receiver.wait(clocked, acked=1)
        desk.append(event(3, LOG_AUTHN))
        shared_receiver.wait(clocked, acked=2)
        assert running.said("this is a bug: ZeroDivisionError") is has_bug
        most = 1 if has_bug else 1 + (time.monotonic() - began_s) / NOTHING_SENT_S
        assert 1 <= begun.count(broken) <= most


# One task for each webhook


def test_a_webhook_at_work_is_left_alone_however_often_the_queue_is_read(
    desk: Desk, door: Door, shared_receiver: Receiver
) -> None:
    path = "/held/one-task"
    clock = SkewedClock()
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk, clock=clock) as running:
        shared_receiver.wait(path, count=1)
        for _ in range(5):
            running.plan_again(clock)
        assert door.count("start_next") == 1
        assert len(shared_receiver.requests(path)) == 1
        shared_receiver.release(path)
