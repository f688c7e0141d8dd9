"""The number keys: from every screen to a section, but not past a form that was typed into."""

from __future__ import annotations

import asyncio

from textual.pilot import Pilot

from tests.store.helpers import fields
from tests.tui.helpers import Bench, screen_text
from tui.app import TocsinApp


async def press(app: TocsinApp, pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        for _ in range(3):
            await pilot.pause()


async def open_form(app: TocsinApp, pilot: Pilot[int], *typed: str) -> None:
    """The form of the webhook, with a name typed into it and no field that takes digits."""
    await press(app, pilot, "e")
    await app.workers.wait_for_complete()
    app.screen.query_one("#box-name").focus()
    await press(app, pilot, *typed)
    app.screen.query_one("#cancel").focus()
    await pilot.pause()


def test_a_digit_leaves_a_form_like_escape_does(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_form(app, pilot)
            await press(app, pilot, "3")
            assert "Tocsin › Events" in screen_text(app)
            await press(app, pilot, "1")
            assert "Tocsin › Admin › Webhooks  " in screen_text(app)

    asyncio.run(scene())


def test_a_digit_asks_before_it_leaves_what_was_typed(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_form(app, pilot, "x")
            await press(app, pilot, "3")
            assert "Leave without saving?" in screen_text(app)
            await press(app, pilot, "n")
            assert "Edit webhook" in screen_text(app)
            await press(app, pilot, "3", "y")
            assert "Tocsin › Events" in screen_text(app)
            await press(app, pilot, "1")
            assert "Tocsin › Admin › Webhooks  " in screen_text(app)

    asyncio.run(scene())
