"""A key that acts at once does so on the row that the admin saw, never on its neighbour."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from domain.event_types import EventType
from store import webhooks
from store.records import WebhookStatus
from store.workers import SendingLock
from tests.support.apps import Bench, notice, screen_text, told
from tests.support.delivery_scenes import deliver, hands, played, screen_of, seen, under_cursor
from tests.support.stores import NOW, events, fields
from tests.tui.webhooks.test_rows import OTHER, active, names, play, press, webhooks_screen
from tui.app import TocsinApp
from tui.webhooks.rows import matches
from tui.widgets.live_table import HIDDEN, STRAYED


def status_of(app: TocsinApp, webhook_id: int) -> WebhookStatus:
    report = app.live.report
    assert report is not None
    return next(one for one in report.overview.webhooks if one.webhook.id == webhook_id)


@pytest.fixture
def failing(bench: Bench) -> int:
    """A webhook with three deliveries: two delivered, the third failing."""
    webhook_id = bench.store.add(fields(name="siem"))
    for number, status in ((1, 200), (3, 200), (5, 503)):
        deliver(bench, webhook_id, number, status)
    return webhook_id


def test_who_fails_is_found_as_such_also_during_the_next_attempt(three: Bench) -> None:
    lock = SendingLock(three.opened.path)
    assert lock.acquire(), "the lock tells that somebody sends"

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        three.store.started(2)
        await three.settle(app, pilot)
        pager = status_of(app, 2)
        assert matches(pager, "failing")
        assert matches(pager, "sending")
        assert not matches(pager, "!failing")

    play(three, scene)
    lock.release()


@pytest.mark.parametrize("key", ["p", "n", "t", "y"])
def test_a_row_that_heals_leaves_no_other_one_to_a_key_on_its_way(three: Bench, key: str) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        three.store.append(*events(1, 1, EventType.LOG_CHANGES))
        store = hands(three)
        store.end(store.started(3), 500)
        await three.settle(app, pilot)
        await press(pilot, "f")
        assert names(app) == ["pager", "archive"]
        three.store.end(three.store.started(2), 200)
        await three.settle(app, pilot)
        assert names(app) == ["archive"]
        before = len(told(app))
        await press(pilot, key)
        assert told(app)[before:] == [STRAYED]
        assert active(three) == [1, 2, 3]
        await press(pilot, "p")
        assert active(three) == [1, 2]
        assert told(app)[-1].startswith("webhook 3 (archive) paused")

    play(three, scene)


def test_a_row_that_another_admin_deletes_is_not_replaced_by_its_neighbour(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        three.opened.call(webhooks.delete, [2], OTHER, NOW)
        await three.settle(app, pilot)
        await press(pilot, "space")
        assert not webhooks_screen(app).table.marked
        assert notice(app) == STRAYED
        await press(pilot, "p")
        assert len(active(three)) == 1

    play(three, scene)


def test_the_only_row_takes_a_key_when_it_was_brought_back(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        for key in ("x", "y", "u"):
            await press(pilot, key)
            await bench.settle(app, pilot)
        assert names(app) == ["siem"]
        await press(pilot, "p")
        assert STRAYED not in told(app)
        assert active(bench) == []

    play(bench, scene)


@pytest.mark.parametrize("naming", [("x", "n"), ("enter", "q")])
def test_a_row_that_was_named_since_it_came_takes_the_next_key(
    three: Bench, naming: tuple[str, str]
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        three.opened.call(webhooks.delete, [2], OTHER, NOW)
        await three.settle(app, pilot)
        for key in naming:
            await press(pilot, key)
            await three.settle(app, pilot)
        await press(pilot, "p")
        assert STRAYED not in told(app)
        assert len(active(three)) == 1

    play(three, scene)


def test_while_all_marked_rows_are_hidden_nothing_is_done_to_the_others(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "space", "slash", *"arch", "enter")
        assert "0 marked and 1 hidden, which stay as they are" in screen_text(app)
        for key in "pnx":
            await press(pilot, key)
            assert notice(app) == HIDDEN
        assert active(three) == [1, 2, 3]
        assert app.screen is webhooks_screen(app)
        await press(pilot, "escape", "p")
        assert active(three) == [1, 3]

    play(three, scene)


def test_rows_that_were_asked_for_take_the_next_key(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "slash", *"arch", "enter", "p")
        assert active(three) == [1, 2]

    play(three, scene)


def test_the_cursor_on_the_first_row_goes_with_it_when_it_ends(bench: Bench, failing: int) -> None:
    pager = bench.store.add(fields(name="pager"))
    deliver(bench, pager, 20, 500)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        assert under_cursor(app) == "msg_4"
        bench.clock.now_ms += 1_000
        bench.store.end(hands(bench).started(pager), 200)
        await seen(app, pilot)
        assert screen_of(app).table.keys[0] == 3
        assert under_cursor(app) == "msg_4"
        await pilot.press("n")
        await seen(app, pilot)
        assert "msg_4…: delivered already" in told(app)[-1]
        deliver(bench, pager, 30, 500)
        await seen(app, pilot)
        assert under_cursor(app) == "msg_5"
        await pilot.press("n")
        await seen(app, pilot)
        assert told(app)[-1] == STRAYED
        await pilot.press("n")
        await seen(app, pilot)
        assert any("msg_5…: the next attempt is due now" in one for one in told(app))

    played(bench, scene)


def test_of_deliveries_the_frame_counts_marked_ones_and_hidden_ones_stay(
    bench: Bench, failing: int
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("space", "space")
        assert "2 marked" in await seen(app, pilot)
        await pilot.press("slash", *"state:delivered", "enter")
        assert "2 marked, 1 of them hidden" in await seen(app, pilot)
        await pilot.press("escape", "slash", *"msg_1", "enter")
        assert "2 marked and hidden" in await seen(app, pilot)
        await pilot.press("n")
        await seen(app, pilot)
        assert told(app)[-1] == HIDDEN
        assert "marked" in screen_text(app)

    played(bench, scene)
