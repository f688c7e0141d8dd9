"""Notices: in the last line, the newest alone, never over a question, gone with the next key."""

from __future__ import annotations

import asyncio

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from tests.support.apps import Bench, notice, screen_text
from tests.support.stores import events, fields
from tui.app import TocsinApp
from tui.screens.base import TocsinScreen
from tui.widgets import notices
from tui.widgets.notices import Notice

LONG = (
    "cannot write /home/ana/exports/msg_2mK9x.json: no space is left on the device; "
    "free some, or write to another folder"
)


async def tell(app: TocsinApp, pilot: Pilot[int], text: str, *, bad: bool = False) -> list[str]:
    """Tell it on the screen that is seen, and give the lines of the screen."""
    screen = app.screen
    assert isinstance(screen, TocsinScreen)
    screen.show_notice(text, bad=bad)
    await pilot.pause()
    return screen_text(app).split("\n")


def test_the_newest_notice_stands_in_the_last_line_until_a_key(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            before = screen_text(app).split("\n")
            await tell(app, pilot, "one thing was done")
            lines = await tell(app, pilot, "another was done")
            assert lines[-1].strip() == "another was done"
            assert lines[:-1] == before[:-1]
            await pilot.press("down")
            await pilot.pause()
            assert screen_text(app).split("\n") == before

    asyncio.run(scene())


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
def test_an_error_has_a_sign_and_pushes_the_lines_above_it_up(
    bench: Bench, size: tuple[int, int]
) -> None:
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 12))

    async def scene() -> None:
        async with bench.running(size) as (app, pilot):
            lines = await tell(app, pilot, LONG, bad=True)
            told = Notice(LONG, bad=True).lines(size[0] - 2)
            assert [line.strip() for line in lines[-len(told) :]] == [one.strip() for one in told]
            assert "".join(told).startswith("✗ cannot write")
            assert "another folder" in " ".join(" ".join(told).split())
            assert any("no worker is sending" in line for line in lines)

    asyncio.run(scene())


def test_a_notice_has_three_lines_at_most() -> None:
    for text in (LONG * 3, "x" * 500, "語" * 200):
        lines = Notice(text, bad=True).lines(58)
        assert len(lines) == 3
        assert {cell_len(line) for line in lines} == {58}
        assert lines[-1].rstrip().endswith("…")


def test_an_error_outlasts_a_key_that_was_typed_ahead(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await tell(app, pilot, "it was refused", bad=True)
            await pilot.press("down")
            assert notice(app) == "it was refused"
            app.end_notice()
            await pilot.press("down")
            await pilot.pause()
            assert notice(app) == ""

    asyncio.run(scene())


def test_a_notice_goes_by_itself(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "SECONDS", 0.001)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await tell(app, pilot, "it was done")
            while app.notice is not None:
                await pilot.pause()
            assert "add" in screen_text(app).split("\n")[-1]

    asyncio.run(scene())


def test_the_time_of_a_notice_may_end_after_the_app(bench: Bench) -> None:
    """The timer's call may wait in the queue of an app whose screens are gone."""

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await tell(app, pilot, "it was done")
        app.end_notice()

    asyncio.run(scene())


def test_a_notice_hides_nothing_of_a_question_and_outlasts_it(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("x")
            await pilot.pause()
            question = screen_text(app).split("\n")
            below = app.screen_stack[0]
            assert isinstance(below, TocsinScreen)
            below.show_notice("the test was answered")
            await pilot.pause()
            assert screen_text(app).split("\n")[:-1] == question[:-1]
            assert screen_text(app).endswith("the test was answered".ljust(79))
            app.end_notice()
            await pilot.press("n")
            await pilot.pause()
            assert notice(app) == "the test was answered"

    asyncio.run(scene())


def test_a_notice_goes_with_the_admin_to_another_screen(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            first = app.screen
            assert isinstance(first, TocsinScreen)
            await pilot.press("2")
            first.show_notice("the test was answered")
            await pilot.pause()
            assert notice(app) == "the test was answered"

    asyncio.run(scene())


def test_why_a_key_does_nothing_is_no_longer_told_elsewhere(bench: Bench) -> None:
    webhook_id = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 1))
    bench.store.end(bench.store.started(webhook_id), 200)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            for keys in (("2",), ("enter",)):
                await pilot.press(*keys)
                await app.workers.wait_for_complete()
                await bench.settle(app, pilot)
            screen = app.screen
            assert isinstance(screen, TocsinScreen)
            screen.show_notice_here("delivered already")
            await pilot.pause()
            assert notice(app) == "delivered already"
            await pilot.press("q")
            await bench.settle(app, pilot)
            assert app.screen is not screen
            assert notice(app) == ""
            await tell(app, pilot, "attempt 2 failed: 503", bad=True)
            await pilot.press("1")
            await bench.settle(app, pilot)
            assert notice(app) == "attempt 2 failed: 503"

    asyncio.run(scene())
