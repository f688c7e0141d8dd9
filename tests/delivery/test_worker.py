"""The worker on a real store, with real receivers."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

from tests.delivery.running import QUICK, eventually, hook, running_worker
from tests.receiver_client import Receiver, Request
from tests.store.helpers import Desk, carried, events


def ids_of(requests: list[Request]) -> set[str | None]:
    return {request.header("webhook-id") for request in requests}


def at_once(requests: list[Request]) -> int:
    """How many requests began before the one before them had ended."""
    return sum(
        1
        for before, after in itertools.pairwise(requests)
        if before.ended_ns is None or after.started_ns < before.ended_ns
    )


# The same POST


def test_every_attempt_sends_the_same_post_until_it_is_taken(
    desk: Desk, receiver: Receiver
) -> None:
    path = "/script:500,503,hang,reset,302,200/same"
    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 3))
    with running_worker(desk, replace(QUICK, timeout_ms=300)) as running:
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
    assert at_once(requests) == 0
    assert receiver.requests("/ok/redirected") == []
