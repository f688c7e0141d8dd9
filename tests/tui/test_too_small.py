"""Below 60x15 the app says what it needs, and forgets nothing."""

from __future__ import annotations

import asyncio

from tests.tui.helpers import Bench, screen_text


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
