"""Changes of an admin are done in order, and told, whatever screen is seen by then."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot

from store import webhooks
from tests.support.apps import Bench, notice, screen_text, told
from tests.support.stores import events, fields
from tests.support.waiting import PATIENCE_S
from tests.tui.test_key_order import type_at_once
from tests.tui.webhook_form.test_saving import busy
from tui.admin.panel import AdministrationScreen
from tui.app import TocsinApp
from tui.state.store_access import ChangeQueue
from tui.webhooks.screen import WebhooksScreen
from tui.widgets.live_table import LiveTable


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """Two webhooks; a delivery of the first one fails."""
    failing = bench.store.add(fields(name="siem"))
    bench.store.add(fields(name="pager"))
    bench.store.append(*events(1, 2))
    bench.store.end(bench.store.started(failing), 500)
    return bench


def active(bench: Bench) -> dict[str | None, bool]:
    every = bench.opened.call(webhooks.load_all, bench.opened.vault)
    return {one.fields.name: one.fields.active for one in every}


async def until_on(app: TocsinApp, pilot: Pilot[int], screen: type) -> None:
    """Wait until such a screen is seen."""
    while type(app.screen) is not screen:
        await pilot.pause()


@pytest.mark.usefixtures("work_held_up")
def test_an_undo_waits_for_the_delete_before_it(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("p")
            await bench.settle(app, pilot)
            app.screen.query_one(LiveTable).move_to(2)
            await pilot.pause()
            with busy(bench):
                type_at_once(app, "x", "y", "u")
                while not app._access.change_queue.under_way:
                    await pilot.pause()
                await pilot.pause()
            await bench.settle(app, pilot)
            assert told(app)[-2:] == [
                "deleted webhook 2 (pager); u undoes it",
                "undone: deleted webhook 2 (pager)",
            ]

    asyncio.run(scene())
    assert active(bench) == {"siem": False, "pager": True}


@pytest.mark.usefixtures("work_held_up")
def test_a_pause_right_behind_a_pause_takes_it_back(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            with busy(bench):
                type_at_once(app, "p", "p")
                await pilot.pause()
            await bench.settle(app, pilot)

    asyncio.run(scene())
    assert active(bench) == {"siem": True, "pager": True}


@pytest.mark.usefixtures("work_held_up")
def test_a_key_waits_for_no_change(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            with busy(bench):
                type_at_once(app, "p", "question_mark")
                while "Keys" not in screen_text(app):
                    await pilot.pause()

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))


@pytest.mark.usefixtures("work_held_up")
def test_a_skip_outlives_the_screen_and_is_told_where_one_is_then(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("enter")
            await bench.settle(app, pilot)
            await app.workers.wait_for_complete()
            await pilot.press("s")
            await pilot.pause()
            assert "Skip msg_1…?" in screen_text(app)
            with busy(bench):
                type_at_once(app, "y", "q")
                await until_on(app, pilot, WebhooksScreen)
            await bench.settle(app, pilot)
            assert notice(app) == "skipped msg_1…"

    asyncio.run(scene())
    assert bench.store.delivery("msg_1").state == "skipped"


@pytest.mark.usefixtures("work_held_up")
def test_a_delete_can_be_undone_though_its_screen_was_left(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("q", "b")
            await bench.settle(app, pilot)
            await pilot.press("x")
            await pilot.pause()
            with busy(bench):
                type_at_once(app, "y", "q")
                await until_on(app, pilot, AdministrationScreen)
            await bench.settle(app, pilot)
            assert notice(app) == "deleted webhook 1 (siem); u undoes it"
            assert set(active(bench)) == {"pager"}
            await pilot.press("b", "u")
            await bench.settle(app, pilot)

    asyncio.run(scene())
    assert set(active(bench)) == {"siem", "pager"}


@pytest.mark.usefixtures("work_held_up")
def test_whoever_quits_before_what_was_asked_for_is_done_is_asked(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            with busy(bench):
                type_at_once(app, "p", "ctrl+q")
                while "Quit? 1 change you asked for is not done yet." not in screen_text(app):
                    await pilot.pause()
                await pilot.press("n")
            await bench.settle(app, pilot)
            assert app.return_value is None
            await pilot.press("ctrl+q")
            await pilot.pause()
            assert app.return_value == 0

    asyncio.run(scene())
    assert not active(bench)["siem"]


@pytest.mark.usefixtures("work_held_up")
def test_what_is_asked_for_and_never_done_keeps_nobody_here(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            with busy(bench):
                type_at_once(app, "p", "p", "question_mark", "ctrl+q")
                while "Quit? 2 changes you asked for are not done yet." not in screen_text(app):
                    await pilot.pause()
                await pilot.press("y")
                assert app.return_value == 0

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))


def test_what_fails_in_a_change_holds_up_none_after_it() -> None:
    done: list[str] = []

    async def fail() -> None:
        raise ValueError("a bug")

    async def succeed() -> None:
        done.append("yes")

    async def scene() -> None:
        changes = ChangeQueue()
        first, second = changes.add(fail), changes.add(succeed)
        assert changes.under_way
        with pytest.raises(ValueError, match="a bug"):
            await first
        await second
        assert not changes.under_way

    asyncio.run(scene())
    assert done == ["yes"]
