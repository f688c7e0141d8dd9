"""A receiver that is dead, slow or hostile delays no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from msgspec.structs import replace

from delivery import slots
from delivery.problems import problems
from delivery.report import make_report
from domain.settings import Settings
from store.overview import read_overview
from tests.support.receiver_client import Receiver, running_receiver
from tests.support.running_worker import QUICK, hook, real_now_ms, running_worker
from tests.support.stores import Desk, carried, events
from tests.support.waiting import eventually

ROUNDS = 3
HEALTHY = [f"/ok/{number}" for number in range(10)]
FAILING = [f"/{fault}/{n}" for fault in ("503", "reset", "302", "garbage") for n in range(10)]
BAD = ["/hang/0", *FAILING]


CROWDED = (
    "3 attempts wait for an answer, and 9 webhooks for one of them to end, those that failed last "
    "first: pause webhooks whose receivers hang"
)


def problems_of(desk: Desk, settings: Settings) -> list[str]:
    """Return what `status` warns of."""
    overview = desk.call(read_overview, None)
    return problems(make_report(overview, settings, desk.store, real_now_ms()))


@pytest.fixture
def receivers() -> Iterator[tuple[Receiver, Receiver]]:
    """One for the healthy webhooks and one for the others, so that they share no process."""
    with ExitStack() as stack:
        first = stack.enter_context(running_receiver())
        yield first, stack.enter_context(running_receiver())


def runs_sent(desk: Desk, healthy: Receiver, settings: Settings) -> None:
    """Queue one event after another; each must reach every healthy webhook."""
    with running_worker(desk, settings) as running:
        for number in range(1, ROUNDS + 1):
            desk.append(*events(number, number))
            running.worker.wake()
            for path in HEALTHY:
                healthy.wait(path, events=number, timeout=10)


def test_a_hanging_and_forty_failing_webhooks_delay_no_healthy_one(
    desk: Desk, receivers: tuple[Receiver, Receiver]
) -> None:
    healthy, bad = receivers
    for path in BAD:
        desk.add(hook(bad.url(path)))
    for path in HEALTHY:
        desk.add(hook(healthy.url(path)))
    runs_sent(desk, healthy, replace(QUICK, timeout_ms=60_000, grace_ms=0))
    for path in HEALTHY:
        assert [carried(r.body) for r in healthy.requests(path)] == [[1], [2], [3]]
    for path in BAD:
        assert {tuple(carried(r.body)) for r in bad.requests(path)} == {(1,)}


def test_failing_webhooks_that_hang_leave_places_to_the_healthy(
    desk: Desk, receivers: tuple[Receiver, Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than there are places at all, each of which would hold one for a minute."""
    monkeypatch.setattr(slots, "MOST_WAITING", 0)
    healthy, bad = receivers
    paths = [f"/script:503,hang/{number}" for number in range(12)]
    for path in paths:
        desk.add(hook(bad.url(path)))
    desk.append(*events(1, 1))
    with running_worker(desk, replace(QUICK, concurrency=4, timeout_ms=5_000)):
        for path in paths:
            bad.wait(path, count=1)
        eventually(lambda: all(desk.status(n + 1).last_status for n in range(len(paths))))
    failed = len(bad.requests())
    for path in HEALTHY:
        desk.add(hook(healthy.url(path)))
    settings = replace(QUICK, concurrency=4, timeout_ms=60_000, grace_ms=0)
    with running_worker(desk, settings) as running:
        bad.wait(count=failed + 3)
        eventually(lambda: CROWDED in problems_of(desk, settings), "status says who waits")
        for number in range(2, ROUNDS + 2):
            desk.append(*events(number, number))
            running.worker.wake()
            for path in HEALTHY:
                healthy.wait(path, events=number - 1, timeout=10)
        assert len(bad.requests()) == failed + 3
    assert CROWDED not in problems_of(desk, settings)
