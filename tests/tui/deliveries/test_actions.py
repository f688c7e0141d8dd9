"""Actions on deliveries in their list: retry, skip, reseal, and what is told of them."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from store.workers import SendingLock
from tests.support.apps import Bench, told
from tests.support.delivery_scenes import deliver, hands, played, screen_of, seen
from tests.support.stores import events, fields
from tui.app import TocsinApp


def test_retry_tells_the_outcome_when_the_attempt_is_over(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("n")
        await seen(app, pilot)
        assert bench.store.delivery("msg_3").next_attempt_ms == bench.clock.now_ms
        assert "msg_3…: the next attempt is due now" in told(app)
        assert "it waits: no worker is sending" in told(app)
        bench.store.end(bench.store.started(siem), None)
        await seen(app, pilot)
        assert told(app)[-1] == "msg_3…: attempt 2 failed: connection refused"
        count = len(told(app))
        bench.store.end(bench.store.started(siem), 200)
        await seen(app, pilot)
        assert len(told(app)) == count

    played(bench, scene)


def test_what_is_delivered_cannot_be_retried(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("down", "r")
        await seen(app, pilot)
        assert told(app) == ["msg_2…: delivered already, retry now is for pending ones"]

    played(bench, scene)


def test_skip_asks_with_the_number_and_counts(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("s")
        text = await seen(app, pilot)
        assert "Skip msg_3…?" in text
        assert "2 events will never be sent again." in text
        await pilot.press("enter")
        await seen(app, pilot)
        assert bench.store.delivery("msg_3").state == "pending"
        await pilot.press("s", "y")
        assert "skipped by alice" in await seen(app, pilot)
        assert bench.store.status(siem).skipped_events == 2

    played(bench, scene)


def test_a_skip_during_an_attempt_waits_for_its_end(bench: Bench, siem: int) -> None:
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()
    work = bench.store.started(siem)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("s")
        assert "this follows it, unless it is taken" in await seen(app, pilot)
        await pilot.press("y")
        await seen(app, pilot)
        assert bench.store.delivery("msg_3").asked == "skip"
        bench.store.end(work, 503)
        assert "skipped by alice" in await seen(app, pilot)

    played(bench, scene)
    lock.release()


def test_marked_deliveries_are_skipped_together(bench: Bench, siem: int) -> None:
    pager = bench.store.add(fields(name="pager"))
    deliver(bench, pager, 20, 500)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("space", "space", "s")
        text = await seen(app, pilot)
        assert "Skip 2 deliveries?" in text
        assert "4 events will never be sent again." in text
        await pilot.press("y")
        await seen(app, pilot)
        assert bench.store.delivery("msg_3").state == "skipped"
        assert bench.store.delivery("msg_4").state == "skipped"
        assert screen_of(app).table.marked == set()

    played(bench, scene)


def test_reseal_takes_fewer_a_request(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("b")
        text = await seen(app, pilot)
        assert "its 2 events are sealed anew under new ids" in text
        assert "Proposed:" in text
        await pilot.press("f2")
        assert "resealed by alice" in await seen(app, pilot)
        work = hands(bench).started(siem, new_run=False)
        assert work.count == 1

    played(bench, scene)


def test_a_reseal_of_one_event_proposes_no_half(bench: Bench, siem: int) -> None:
    pager = bench.store.add(fields(name="pager"))
    bench.clock.now_ms += 1_000
    store = hands(bench)
    store.append(*events(20, 20))
    store.end(store.started(pager), 503)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("b")
        assert "Reseal msg_4?" in await seen(app, pilot)
        assert str(app.screen.query_one("#sealed-anew", Static).render()) == (
            "It ends, and its 1 event is sealed anew under a new id. A receiver that took it "
            "already gets it twice. Without a number a request takes what the webhook says."
        )
        assert app.screen.query_one("#max-events", Input).value == ""
        await pilot.press("f2")
        assert "ended msg_4…, its event is sealed anew" in await seen(app, pilot)

    played(bench, scene)


def test_reseal_without_an_event_and_its_release(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("b", "f3")
        assert "Leave out which event?" in await seen(app, pilot)
        await pilot.press("down", "enter")
        text = await seen(app, pilot)
        assert "e6 (to quarantine)" in text
        assert "its 1 other event is sealed anew under a new id" in text
        assert "as the webhook says" in text
        await pilot.press("f2")
        assert "1 in quarantine (R)" in await seen(app, pilot)
        await pilot.press("R")
        assert f"tocsin webhook release {siem} e6" in await seen(app, pilot)
        await pilot.press("R")
        assert "Send event e6 to siem after all?" in await seen(app, pilot)
        await pilot.press("enter")
        assert "left out" in await seen(app, pilot)
        await pilot.press("R", "y")
        text = await seen(app, pilot)
        assert "about to be sent" in text
        assert "event e6 goes to siem in a delivery of its own" in text
        await pilot.press("R", "y")
        assert "was released already" in await seen(app, pilot)
        await pilot.press("q")
        assert "1 released, about to be sent (R)" in await seen(app, pilot)

    played(bench, scene)


def test_marked_deliveries_are_retried_together_after_a_question(bench: Bench, siem: int) -> None:
    pager = bench.store.add(fields(name="pager"))
    deliver(bench, pager, 20, 500)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("space", "space", "n")
        text = await seen(app, pilot)
        assert "Retry 2 deliveries now?" in text
        assert "with 4 events in all" in text
        assert bench.store.delivery("msg_3").next_attempt_ms != bench.clock.now_ms
        await pilot.press("y")
        await seen(app, pilot)
        for id_ in ("msg_3", "msg_4"):
            assert bench.store.delivery(id_).next_attempt_ms == bench.clock.now_ms

    played(bench, scene)


@pytest.mark.parametrize(
    ("typed", "told"),
    [("0", "0 is out of range; write a whole number from 1 to"), ("-", "that is no number")],
)
def test_a_wrong_number_is_told_in_the_dialog(
    bench: Bench, siem: int, typed: str, told: str
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("b", "backspace", typed, "f2")
        assert told in await seen(app, pilot)
        await pilot.press("escape")
        await seen(app, pilot)
        assert bench.store.delivery("msg_3").state == "pending"

    played(bench, scene)


def test_what_is_delivered_while_it_is_asked_about_is_not_skipped(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("s")
        await seen(app, pilot)
        bench.store.end(bench.store.started(siem), 200)
        await pilot.press("y")
        await seen(app, pilot)
        assert "delivery msg_3 is delivered: this is for pending ones" in told(app)
        assert not any("skipped" in one for one in told(app))

    played(bench, scene)


@pytest.mark.parametrize(
    ("key", "told_of_it"),
    [("s", "skipped msg_4…"), ("n", "msg_4…: the next attempt is due now")],
)
def test_of_two_only_the_one_that_it_was_done_to_is_told(
    bench: Bench, siem: int, key: str, told_of_it: str
) -> None:
    pager = bench.store.add(fields(name="pager"))
    deliver(bench, pager, 20, 500)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("space", "space", key)
        await seen(app, pilot)
        bench.store.end(bench.store.started(siem), 200)
        await pilot.press("y")
        await seen(app, pilot)
        refused = "delivery msg_3 is delivered: this is for pending ones"
        assert f"{told_of_it}; {refused}" in told(app)

    played(bench, scene)
