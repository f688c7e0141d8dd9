"""The palette: every action of the screen once, and from everywhere the way to every place."""

from __future__ import annotations

import asyncio

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from tests.store.helpers import fields
from tests.tui.helpers import Bench, screen_text
from tui.app import TocsinApp

PLACES = {
    "Webhooks": "Admin › Webhooks",
    "Administration": "Tocsin › Admin ",
    "Worker and settings": "Admin › Worker and settings",
    "Audit": "Admin › Audit",
}
SCREENS = {
    "webhooks": (),
    "administration": ("q",),
    "settings": ("q", "s"),
    "audit": ("q", "a"),
    "deliveries": ("2",),
    "events": ("3",),
    "form": ("e",),
}


async def press(app: TocsinApp, pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settled(app, pilot)


async def settled(app: TocsinApp, pilot: Pilot[int]) -> None:
    for _ in range(3):
        await app.workers.wait_for_complete()
        await pilot.pause()


async def choose(app: TocsinApp, pilot: Pilot[int], title: str) -> None:
    """Do what the palette's line of this title does, when the palette has closed."""
    [found] = [one for one in app.get_system_commands(app.screen) if one.title == title]
    app.call_later(found.callback)
    await settled(app, pilot)


def titles(app: TocsinApp) -> list[str]:
    return [one.title for one in app.get_system_commands(app.screen)]


def is_open(app: TocsinApp) -> bool:
    return isinstance(app.screen, CommandPalette)


@pytest.mark.parametrize("name", SCREENS)
def test_everything_is_offered_once_on_every_screen(bench: Bench, name: str) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await press(app, pilot, *SCREENS[name])
            offered = list(app.get_system_commands(app.screen))
            words = [one.title.rpartition(" (")[0] or one.title for one in offered]
            assert len(words) == len(set(words))
            wanted = {"theme", "help", "quit", "pause all", "Deliveries", "Events"}
            assert {one.lower() for one in wanted} - {name} <= {one.lower() for one in words}
            adding = sum("add a webhook" in one.help.lower() for one in offered)
            assert adding == (name != "form")

    asyncio.run(scene())


@pytest.mark.parametrize("title", PLACES)
def test_a_place_is_reached_from_elsewhere(bench: Bench, title: str) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await press(app, pilot, "3")
            await choose(app, pilot, title)
            assert PLACES[title] in screen_text(app)
            assert title not in titles(app)

    asyncio.run(scene())


def test_a_webhook_is_added_from_anywhere(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await press(app, pilot, "2")
            await choose(app, pilot, "add webhook")
            assert "Admin › Webhooks › Add" in screen_text(app)

    asyncio.run(scene())


def test_words_of_the_explanation_are_found(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await press(app, pilot, "ctrl+p")
            assert is_open(app)
            await pilot.press(*"same receiver")
            while "duplicate" not in screen_text(app):
                await pilot.pause()
            while is_open(app):
                await press(app, pilot, "enter")
            assert "Duplicate" in screen_text(app)

    asyncio.run(scene())
