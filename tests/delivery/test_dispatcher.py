"""What the loop of an active worker starts, and when it ends by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest
from msgspec.structs import replace

from delivery.dispatcher import HOLD_S, NOTHING_SENT_S, Until
from delivery.worker import Ended
from store.errors import StoreUnavailable
from store.models import DeliveryRow, EventRow, WebhookRow
from store.queue import attempts
from tests.support.receiver_client import Receiver
from tests.support.running_worker import QUICK, SkewedClock, hook, running_worker
from tests.support.stores import Desk, carried, event, events
from tests.support.waiting import eventually

P = ParamSpec("P")
T = TypeVar("T")
HOURLY = replace(QUICK, interval_ms=3_600_000, linger_ms=60_000)


class Door:
    """Stands before the store: counts what is run, and turns away what it is told to."""

    def __init__(self, desk: Desk, patch: pytest.MonkeyPatch) -> None:
        self.counts: dict[str, int] = {}
        self.closed: set[str] = set()
        self._run = desk.store.run
        self._lock = threading.Lock()
        patch.setattr(desk.store, "run", self.run)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        name = getattr(function, "__name__", "")
        with self._lock:
            self.counts[name] = self.counts.get(name, 0) + 1
        if name in self.closed:
            raise StoreUnavailable("the disk is full")
        return await self._run(function, *args, **kwargs)

    def count(self, name: str) -> int:
        """How often a function of the store was asked for."""
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
    with running_worker(desk) as running:
        eventually(lambda: door.count("start_next") >= 1)
        for number in range(2, 5):
            desk.append(event(number))
            desk.call(lambda: set_cursor(broken, 0))
            running.worker.wake()
            shared_receiver.wait(path, acked=number - 1)
    assert desk.status(whole).delivered_events == 3
    seconds = 3 * QUICK.interval_ms / 1000
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


# One task for each webhook


def test_a_webhook_at_work_is_left_alone_however_often_the_queue_is_read(
    desk: Desk, door: Door, shared_receiver: Receiver
) -> None:
    path = "/slow:1/one-task"
    clock = SkewedClock()
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk, clock=clock) as running:
        shared_receiver.wait(path, count=1)
        for _ in range(5):
            running.plan_again(clock)
        assert door.count("start_next") == 1
        assert len(shared_receiver.requests(path)) == 1
