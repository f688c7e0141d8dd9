"""A store that goes from beneath the screen: the cause and the cure in whole, and nothing false."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.support.apps import Bench, flat, screen_text
from tests.support.stores import events, fields
from tests.support.waiting import PATIENCE_S
from tui.app import TocsinApp


def delete(path: Path) -> None:
    path.unlink()


def move_away(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def cut(path: Path) -> None:
    os.truncate(path, 0)


def panel_text(app: TocsinApp) -> str:
    """Return what the panel shows, without its frame and line ends."""
    region = app.screen.query_one(".dialog").region
    lines = screen_text(app).splitlines()[region.y : region.bottom]
    return flat(" ".join(line[region.x + 1 : region.right - 1] for line in lines))


async def until_told(app: TocsinApp, pilot: Pilot[int]) -> None:
    while "The store is gone." not in screen_text(app):
        await pilot.pause(0.05)


@pytest.mark.parametrize("spoil", [delete, move_away, cut])
@pytest.mark.parametrize("keys", [(), ("q",), ("q", "a"), ("question_mark",), ("a",), ("d",)])
def test_the_screen_says_why_and_the_cure_and_offers_nothing_else(
    bench: Bench, spoil: Callable[[Path], None], keys: tuple[str, ...]
) -> None:
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 3))

    async def scene() -> None:
        async with bench.running() as (app, pilot), asyncio.timeout(PATIENCE_S):
            await pilot.press(*keys)
            await bench.settle(app, pilot)
            spoil(bench.opened.path)
            await until_told(app, pilot)
            app.paint()
            await pilot.pause()
            lines = screen_text(app).splitlines()
            text = panel_text(app)
            assert "while this process had it open: it takes and sends nothing more" in text
            assert "run `tocsin db restore`" in text
            assert "start a worker" not in screen_text(app)
            await pilot.press("1", "2", "a", "question_mark", "ctrl+p")
            await pilot.pause()
            assert screen_text(app).splitlines()[1:] == lines[1:]
            await pilot.press("q")
            await pilot.pause()
            assert app.return_code == 0

    asyncio.run(scene())


def test_the_first_and_the_last_line_are_of_a_store_that_is_gone(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot), asyncio.timeout(PATIENCE_S):
            await pilot.press("q")
            await bench.settle(app, pilot)
            delete(bench.opened.path)
            await until_told(app, pilot)
            visible = [under_and_over(app, row) for row in (0, 23)]
            assert "✗ the store is gone" in visible[0]
            assert "quit" in visible[1]
            assert "audit" not in visible[1]

    asyncio.run(scene())


def under_and_over(app: TocsinApp, row: int) -> str:
    """A line of the screen below the panel, as it is painted around it."""
    strip = app.screen_stack[-2]._compositor.render_strips()[row]
    return "".join(segment.text for segment in strip)
