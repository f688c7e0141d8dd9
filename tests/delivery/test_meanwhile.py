"""Actions of the admin while a delivery fails or an attempt is in flight."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from store import settings as settings_store
from store import webhooks
from store.queue import delivery_requests as requests_store
from tests.support.receiver_client import Receiver
from tests.support.running_worker import (
    QUICK,
    SkewedClock,
    hook,
    overlapping,
    real_now_ms,
    running_worker,
)
from tests.support.stores import ACTOR, Desk, carried, events
from tests.support.waiting import eventually


def test_an_edit_makes_a_failing_delivery_due_now_and_leaves_its_body(
    desk: Desk, shared_receiver: Receiver
) -> None:
    wrong, right = "/503/edited", "/ok/edited"
    webhook = hook(shared_receiver.url(wrong), headers=(("X-Key", "old"),), interval_ms=3_600_000)
    desk.add(webhook)
    desk.append(*events(1, 2))
    with running_worker(desk) as running:
        (failed,) = shared_receiver.wait(wrong, count=1)
        eventually(lambda: (pending := desk.status(1).pending) and pending.last_status == 503)
        edited = replace(
            webhook,
            url=shared_receiver.url(right),
            headers=(("X-Key", "new"),),
            extra_fields=(("later", "yes"),),
        )
        desk.now_ms = real_now_ms()
        desk.edit(1, edited)
        running.worker.wake()
        (taken,) = shared_receiver.wait(right, acked=1)
    assert (failed.header("x-key"), taken.header("x-key")) == ("old", "new")
    assert taken.body == failed.body
    assert taken.header("webhook-id") == failed.header("webhook-id")
    assert len(shared_receiver.requests(wrong)) == 1


def test_an_edit_while_an_attempt_is_in_flight_makes_the_next_one_due_at_its_end(
    desk: Desk, shared_receiver: Receiver
) -> None:
    slow, right = "/held:503/in-flight", "/ok/in-flight"
    webhook = hook(shared_receiver.url(slow), interval_ms=3_600_000)
    desk.add(webhook)
    desk.append(*events(1, 2))
    with running_worker(desk):
        shared_receiver.wait(slow, count=1)
        desk.edit(1, replace(webhook, url=shared_receiver.url(right)))
        shared_receiver.release(slow)
        (taken,) = shared_receiver.wait(right, acked=1)
    (failed,) = shared_receiver.requests(slow)
    assert taken.body == failed.body
    assert overlapping([failed, taken]) == 0


@pytest.mark.parametrize("asked", [None, "2"])
def test_retry_after_lengthens_the_wait_and_says_so(
    desk: Desk, shared_receiver: Receiver, asked: str | None
) -> None:
    path = f"/retry-after:{asked}/lengthened" if asked else "/503/not-lengthened"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk, clock=SkewedClock()):
        first, second = shared_receiver.wait(path, count=2)[:2]
        eventually(lambda: (pending := desk.status(1).pending) and pending.attempts >= 2)
        pending = desk.status(1).pending
    assert pending is not None
    assert first.ended_ns is not None
    waited_s = (second.started_ns - first.ended_ns) / 1e9
    assert waited_s >= (2 if asked else 1)
    assert ("Retry-After 2s" if asked else "retry interval 1s") in pending.reason


def test_a_pause_cuts_no_attempt_and_starts_none(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/held/paused"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 3))
    with running_worker(desk, replace(QUICK, max_events=2)) as running:
        shared_receiver.wait(path, count=1)
        desk.call(webhooks.set_active, [1], False, ACTOR, desk.now_ms)
        shared_receiver.release(path)
        eventually(lambda: desk.status(1).delivered_events == 2)
        desk.append(*events(4, 4))
        running.worker.wake()
        other = desk.add(hook(shared_receiver.url("/ok/not-paused")))
        desk.append(*events(5, 5))
        running.worker.wake()
        eventually(lambda: desk.status(other).delivered_events == 1)
        assert len(shared_receiver.requests(path)) == 1
        assert desk.status(1).queued == 3
        desk.call(webhooks.set_active, [1], True, ACTOR, desk.now_ms)
        running.worker.wake()
        requests = shared_receiver.wait(path, events=5)
    assert [number for request in requests for number in carried(request.body)] == [1, 2, 3, 4, 5]


def test_a_2xx_wins_over_a_skip_that_was_asked_for_meanwhile(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/held/skip-too-late"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk):
        (request,) = shared_receiver.wait(path, count=1)
        delivery = str(request.header("webhook-id"))
        asked = desk.call(requests_store.skip, delivery, ACTOR, desk.now_ms, idle=False)
        assert not asked.done
        shared_receiver.release(path)
        eventually(lambda: desk.delivery(delivery).state != "pending")
    assert desk.delivery(delivery).state == "delivered"
    assert desk.status(1).skipped_events == 0


def test_a_skip_asked_for_meanwhile_counts_when_the_attempt_has_failed(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/script:held:503,200/skip-in-time"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk) as running:
        (request,) = shared_receiver.wait(path, count=1)
        delivery = str(request.header("webhook-id"))
        desk.call(requests_store.skip, delivery, ACTOR, desk.now_ms, idle=False)
        shared_receiver.release(path)
        eventually(lambda: desk.delivery(delivery).state == "skipped")
        desk.append(*events(2, 2))
        running.worker.wake()
        requests = shared_receiver.wait(path, acked=1)
    assert [carried(request.body) for request in requests] == [[1], [2]]


def test_all_sending_can_be_paused(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/ok/all-paused"
    desk.add(hook(shared_receiver.url(path)))
    desk.call(settings_store.pause, ACTOR, desk.now_ms)
    desk.append(*events(1, 1))
    with running_worker(desk) as running:
        eventually(lambda: running.said("sending for"))
        running.worker.wake()
        assert shared_receiver.requests(path) == []
        desk.call(settings_store.unpause, ACTOR, desk.now_ms)
        running.worker.wake()
        shared_receiver.wait(path, acked=1)
