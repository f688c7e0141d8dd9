"""Receivers that begin to hang at once, when none of them has failed before."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from store.models import WebhookRow
from tests.support.receiver_client import Receiver, running_receiver
from tests.support.running_worker import QUICK, RunningWorker, hook, running_worker
from tests.support.stores import Desk, events

HEALTHY = "/ok/healthy"


def hung(desk: Desk, hanging: Receiver, healthy: Receiver, count: int) -> None:
    """Queue one event for webhooks that will hang and, behind them, for a healthy one."""
    for number in range(count):
        desk.add(hook(hanging.url(f"/hang/{number}")))
    desk.add(hook(healthy.url(HEALTHY), interval_ms=1))
    desk.append(*events(1, 1))


def test_a_hundred_that_begin_to_hang_at_once_let_a_healthy_one_go(
    desk: Desk, receiver: Receiver, shared_receiver: Receiver
) -> None:
    """More than there are slots; not one of them has ended when the healthy one has its answer."""
    hung(desk, receiver, shared_receiver, 100)
    with running_worker(desk, replace(QUICK, timeout_ms=60_000, grace_ms=0)) as running:
        shared_receiver.wait(HEALTHY, acked=1)
        desk.append(*events(2, 2))
        running.worker.wake()
        shared_receiver.wait(HEALTHY, acked=2)
        assert all(request.ended_ns is None for request in receiver.wait(count=100))


@pytest.mark.long
def test_a_thousand_that_hang_delay_a_healthy_one_by_no_two_seconds(
    desk: Desk, lean_receiver: Receiver
) -> None:
    """Neither while they wait, nor when all of them end and are recorded, nor when they retry."""
    with running_receiver("--lean") as hanging:
        hung(desk, hanging, lean_receiver, 1_000)
        settings = replace(QUICK, timeout_ms=10_000, interval_ms=5_000, grace_ms=0)
        with running_worker(desk, settings) as running:
            hanging.wait(count=1_000, timeout=60)
            slowest = 0.0
            for number in range(2, 10_000):
                slowest = max(slowest, seconds_to_deliver(desk, running, lean_receiver, number))
                if failed(desk) == 1_000:
                    break
    assert slowest < 2.0


def failed(desk: Desk) -> int:
    """Count the webhooks that have met a failure."""
    return desk.call(lambda: WebhookRow.select().where(WebhookRow.last_error != "").count())


def seconds_to_deliver(
    desk: Desk, running: RunningWorker, receiver: Receiver, number: int
) -> float:
    """Accept an event; how long it takes to the healthy webhook."""
    began = time.monotonic()
    desk.append(*events(number, number))
    running.worker.wake()
    receiver.wait(HEALTHY, events=number)
    return time.monotonic() - began
