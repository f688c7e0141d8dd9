"""Below 60x15 the app says what it needs, and forgets nothing."""

from __future__ import annotations

import asyncio

from tests.support.apps import Bench, screen_text
from tui.questions import Question
from tui.screens.dialogs import ConfirmScreen
from tui.screens.too_small import TooSmallScreen
from tui.shell.crashes import BugScreen


def test_a_small_terminal_is_told_what_is_needed(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            for size in ((59, 24), (80, 14), (20, 5)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                shown = " ".join(screen_text(app).split())
                assert f"Tocsin needs 60x15, this is {size[0]}x{size[1]}." in shown
            await pilot.resize_terminal(1, 1)
            await pilot.resize_terminal(60, 15)
            await pilot.pause()
            assert "No webhooks yet" in screen_text(app)

    asyncio.run(scene())


def test_it_covers_a_question_and_leaves_it_open(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("question_mark")
            await pilot.pause()
            before = screen_text(app)
            await pilot.resize_terminal(30, 10)
            await pilot.press("q")
            await pilot.resize_terminal(80, 24)
            await pilot.pause()
            assert screen_text(app) == before

    asyncio.run(scene())


def test_it_can_open_small(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running(size=(40, 10)) as (app, pilot):
            await pilot.pause()
            assert "needs 60x15" in " ".join(screen_text(app).split())

    asyncio.run(scene())


def test_no_palette_opens_where_there_is_no_room(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running(size=(50, 12)) as (app, pilot):
            await pilot.pause()
            await pilot.press("ctrl+p")
            assert isinstance(app.screen, TooSmallScreen)
            await pilot.resize_terminal(80, 24)
            await pilot.press("ctrl+p")
            assert len(app.screen_stack) == 2

    asyncio.run(scene())


def test_it_goes_from_below_a_question_too(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running(size=(50, 12)) as (app, pilot):
            await pilot.pause()
            await app.push_screen(ConfirmScreen(Question("Quit?")))
            await pilot.resize_terminal(51, 12)
            await pilot.pause()
            assert "Quit?" in screen_text(app)
            await pilot.resize_terminal(80, 24)
            await pilot.pause()
            assert not any(isinstance(one, TooSmallScreen) for one in app.screen_stack)
            assert "Quit?" in screen_text(app)
            await pilot.press("n")
            await pilot.pause()
            assert len(app.screen_stack) == 1
            assert "No webhooks yet" in screen_text(app)

    asyncio.run(scene())


def test_it_covers_what_comes_by_itself(bench: Bench) -> None:
    async def scene() -> None:
        panel = BugScreen("It fell.", None)
        async with bench.running(size=(50, 12)) as (app, pilot):
            await pilot.pause()
            await app.push_screen(panel)
            await pilot.pause()
            assert "needs 60x15" in " ".join(screen_text(app).split())
            assert [type(one) for one in app.screen_stack[1:]] == [BugScreen, TooSmallScreen]
            await pilot.press("q")
            await pilot.resize_terminal(80, 24)
            await pilot.pause()
            assert app.screen is panel
            await pilot.press("q")
            await pilot.pause()
            assert "No webhooks yet" in screen_text(app)

    asyncio.run(scene())


def test_it_covers_a_section_that_is_gone_to(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running(size=(50, 12)) as (app, pilot):
            await pilot.pause()
            await app.navigation.open_section("deliveries")
            await pilot.pause()
            assert isinstance(app.screen, TooSmallScreen)
            await pilot.resize_terminal(80, 24)
            await pilot.pause()
            assert "Tocsin › Deliveries" in screen_text(app)

    asyncio.run(scene())


def test_it_goes_from_a_section_that_was_left_meanwhile(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running(size=(50, 12)) as (app, pilot):
            await pilot.pause()
            await app.navigation.open_section("deliveries")
            await pilot.resize_terminal(80, 24)
            await pilot.pause()
            await app.navigation.open_section("admin")
            await pilot.pause()
            assert "No webhooks yet" in screen_text(app)

    asyncio.run(scene())
