"""Results of attempts that were asked for here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from textual.pilot import Pilot

from domain.event_types import EventType
from store import workers
from store.queue import delivery_requests
from store.records import Limits, StoredWorker
from store.workers import SendingLock
from tests.support.apps import Bench, screen_text, told
from tests.support.stores import ACTOR, MINUTE, NOW, Desk, events, fields
from tui.app import TocsinApp
from tui.webhooks.results import FAILED, AttemptNews, summary
from tui.webhooks.screen import WebhooksScreen

GOOD = AttemptNews("delivered", "200", "siem: delivered")
BAD = AttemptNews(FAILED, "503", "pager: failed")


@pytest.mark.parametrize(
    ("over", "under_way", "text"),
    [
        ([GOOD], 0, "siem: delivered"),
        ([GOOD, BAD], 0, "1 delivered, 1 failed: 503"),
        ([GOOD, GOOD], 0, "2 delivered"),
        ([BAD], 2, "2 under way, 1 failed: 503"),
        ([BAD, BAD, AttemptNews(FAILED, "refused", "")], 0, "3 failed: 503, refused"),
        ([GOOD, AttemptNews("skipped", "503", "")], 0, "1 delivered, 1 skipped"),
    ],
)
def test_several_are_told_in_numbers(over: list[AttemptNews], under_way: int, text: str) -> None:
    assert summary(over, under_way) == text


def test_sending_tells_what_goes_and_then_what_came_of_it(bench: Bench) -> None:
    """Webhook 1 fails with 2 of its 5 events sealed; a pretended worker sends."""
    siem = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 5))
    bench.store.end(bench.store.started(siem, limits=Limits(2, 1_000_000)), 500)
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("n")
        await settle(bench, app, pilot)
        going = "2 events go now; 3 events behind when they are delivered"
        assert told(app) == [f"webhook 1 (siem): {going}"]
        bench.clock.now_ms += MINUTE
        bench.store.end(bench.store.started(siem), 503)
        await settle(bench, app, pilot)
        assert told(app)[-1].startswith("webhook 1 (siem): failed: answered 503, next in ")
        bench.clock.now_ms += MINUTE
        bench.store.end(bench.store.started(siem), 200)
        await settle(bench, app, pilot)
        assert len(told(app)) == 2

    try:
        play(bench, scene)
    finally:
        lock.release()


def test_of_two_both_outcomes_are_told(bench: Bench) -> None:
    one = bench.store.add(fields(name="siem"))
    two = bench.store.add(fields(EventType.LOG_AUTHN, name="pager"))
    bench.store.append(*events(1, 2))
    bench.store.append(*events(1, 1, EventType.LOG_AUTHN))
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("space", "down", "space", "n")
        await settle(bench, app, pilot)
        assert "Send to 2 webhooks now?" in screen_text(app)
        assert "siem, pager: 3 events in all, at once." in screen_text(app)
        assert not told(app)
        await pilot.press("y")
        await settle(bench, app, pilot)
        assert told(app)[-1] == "3 events go now"
        store = bench.store  # one for both, since it counts the ids
        store.end(store.started(one), 200)
        await settle(bench, app, pilot)
        assert told(app)[-1] == "1 delivered, 1 under way"
        store.end(store.started(two), 503)
        await settle(bench, app, pilot)
        assert told(app)[-1] == "1 delivered, 1 failed: 503"

    try:
        play(bench, scene)
    finally:
        lock.release()


def test_an_added_webhook_has_the_cursor(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        bench.store.add(fields(name="pager"))
        screen = app.screen
        assert isinstance(screen, WebhooksScreen)
        await screen.go_to(2)
        assert screen.table.cursor == 2
        assert "pager" in screen_text(app)

    play(bench, scene)


@contextmanager
def refused_and_set_aside(bench: Bench, last: int) -> Iterator[Desk]:
    """A webhook while somebody sends; the last of its events was refused and set aside."""
    siem = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, last))
    store = bench.store
    work = store.started(siem)
    store.end(work, 400)
    store.call(delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=True, without=last)
    lock = SendingLock(bench.opened.path)
    assert lock.acquire(), "the lock tells that somebody sends"
    try:
        yield store
    finally:
        lock.release()


def test_what_is_in_quarantine_is_not_said_to_be_delivered(bench: Bench) -> None:
    with refused_and_set_aside(bench, last=2) as store:

        async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
            bench.clock.now_ms += MINUTE
            store.end(store.started(1, new_run=False), 200)
            await settle(bench, app, pilot)
            text = screen_text(app)
            assert "all is delivered" not in text
            assert "delivered but for 1 in quarantine · webhook 1 · " in text

        play(bench, scene)


def test_nothing_but_a_quarantine_is_not_said_to_be_delivered_either(bench: Bench) -> None:
    async def scene(app: TocsinApp, _: Pilot[int]) -> None:
        assert "none delivered yet, 1 in quarantine · webhook 1 · " in screen_text(app)

    with refused_and_set_aside(bench, last=1):
        play(bench, scene)


async def settle(bench: Bench, app: TocsinApp, pilot: Pilot[int]) -> None:
    await app.workers.wait_for_complete()
    await bench.settle(app, pilot)
    await pilot.pause()


def play(bench: Bench, scene: object) -> None:
    async def whole() -> None:
        bench.opened.call(
            workers.enter, StoredWorker("w1", "hub", 812, "headless", True, NOW, NOW + MINUTE)
        )
        async with bench.running() as (app, pilot):
            await settle(bench, app, pilot)
            await scene(app, pilot)  # type: ignore[operator]

    asyncio.run(whole())
