"""The palette: every action of the screen once, and from everywhere the way to every place."""

from __future__ import annotations

import asyncio

import pytest
from textual.color import Color
from textual.command import CommandPalette, Hit
from textual.pilot import Pilot

from tests.support.apps import Bench, screen_text
from tests.support.stores import fields
from tui.app import TocsinApp
from tui.shell.palette import ANSWER_FIRST, NOTHING, Actions

READABLE = 3.5
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


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
def test_what_is_said_of_the_chosen_line_can_be_read(bench: Bench, theme: str) -> None:
    async def scene() -> None:
        app = bench.app()
        app.theme = theme
        async with app.run_test(size=(80, 24)) as pilot:
            await press(app, pilot, "ctrl+p")
            strips = app.screen._compositor.render_strips()
            [told] = [one for strip in strips for one in strip if "add a webhook" in one.text]
            assert told.style is not None
            assert not told.style.dim
            assert told.style.color is not None
            assert told.style.bgcolor is not None
            told_in = Color.from_rich_color(told.style.color)
            assert ratio(told_in, Color.from_rich_color(told.style.bgcolor)) >= READABLE

    asyncio.run(scene())


def ratio(one: Color, other: Color) -> float:
    """Return the contrast of two colours, as WCAG has it."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("token", "tocsin token --help"),
        ("broker", "tocsin broker --help"),
        ("export", "tocsin config --help"),
        ("backup", "tocsin db --help"),
        ("service", "tocsin service --help"),
        ("undo", "Webhooks"),
        ("source delete", "Sources"),
        ("xyzzy", NOTHING),
    ],
)
def test_what_is_elsewhere_is_found_from_admin(bench: Bench, words: str, offered: str) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await press(app, pilot, "q")
            assert any(offered in one for one in await found(app, words))

    asyncio.run(scene())


def test_a_thing_of_the_screen_may_be_named_before_what_is_done_to_it(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, _pilot):
            assert any(one.startswith("delete (") for one in await found(app, "webhook delete"))

    asyncio.run(scene())


def test_over_a_menu_it_says_that_this_is_first(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await press(app, pilot, "o", "a")
            [only] = await found(app, "sources")
            assert only.endswith(ANSWER_FIRST)

    asyncio.run(scene())


async def found(app: TocsinApp, words: str) -> list[str]:
    """Return what a search on the screen that is seen finds, each with its explanation."""
    hits = [hit async for hit in Actions(app.screen).search(words) if isinstance(hit, Hit)]
    return [f"{getattr(hit.match_display, 'plain', hit.match_display)} {hit.help}" for hit in hits]
