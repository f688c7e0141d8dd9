"""The number keys and clicks: from every screen to a section, but not past a form typed into."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot

from tests.support.apps import Bench, screen_text
from tests.support.stores import events, fields
from tui.app import TocsinApp
from tui.widgets.top_bar import TopBar


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


@pytest.mark.parametrize(
    ("keys", "section", "first"),
    [
        (("q", "a"), "1", "Tocsin › Admin  "),
        (("o",), "1", "Tocsin › Admin › Webhooks  "),
        (("enter",), "1", "Tocsin › Admin › Webhooks  "),
        (("2", "enter"), "2", "Tocsin › Deliveries  "),
    ],
)
def test_within_a_section_its_digit_leads_to_its_first_screen(
    bench: Bench, keys: tuple[str, ...], section: str, first: str
) -> None:
    webhook_id = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 3))
    bench.store.end(bench.store.started(webhook_id), 200)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            for key in keys:
                await press(app, pilot, key)
                await app.workers.wait_for_complete()
                await pilot.pause()
            assert first not in screen_text(app)
            await press(app, pilot, section)
            assert first in screen_text(app)

    asyncio.run(scene())


async def click(app: TocsinApp, pilot: Pilot[int], words: str, *, at: int = 0) -> None:
    """Click on the first cell of words that are on the screen, or on a later one."""
    lines = screen_text(app).split("\n")
    y, line = next((y, line) for y, line in enumerate(lines) if words in line)
    await pilot.click(offset=(line.index(words) + at, y))
    for _ in range(3):
        await pilot.pause()


@pytest.mark.parametrize(
    ("width", "words", "at"),
    [(120, "2 Deliveries", 3), (120, "2 Deliveries", 0), (80, "1 2 3 sections", 2)],
)
def test_a_click_leads_to_a_section(bench: Bench, width: int, words: str, at: int) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running(size=(width, 24)) as (app, pilot):
            await click(app, pilot, words, at=at)
            assert "Tocsin › Deliveries" in screen_text(app)
            await click(app, pilot, "1 Admin" if width > 80 else "1 2 3 sections")
            assert "Tocsin › Admin › Webhooks" in screen_text(app)

    asyncio.run(scene())


def test_the_first_line_is_the_same_and_is_clicked_on_while_a_box_has_the_focus(
    bench: Bench,
) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running(size=(120, 24)) as (app, pilot):
            await press(app, pilot, "/")
            app.screen.query_one(TopBar).refresh()
            await pilot.pause()
            assert "1 Admin  2 Deliveries  3 Events" in screen_text(app).split("\n")[0]
            await click(app, pilot, "3 Events", at=7)
            assert "Tocsin › Events" in screen_text(app)

    asyncio.run(scene())


def test_the_first_line_names_the_sections_by_the_keys_of_the_configuration(bench: Bench) -> None:
    async def scene() -> None:
        app = bench.app({"section.events": "9"})
        async with app.run_test(size=(120, 24)):
            assert "1 Admin  2 Deliveries  9 Events" in screen_text(app).split("\n")[0]

    asyncio.run(scene())


def test_sections_are_not_offered_where_digits_are_typed(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            assert "3 sections" in screen_text(app)
            await press(app, pilot, "/")
            assert "3 sections" not in screen_text(app)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("words", "there"),
    [
        ("duplicate: ", "Webhooks › Duplicate"),
        ("Deliveries  ", "Tocsin › Deliveries"),
        ("palette: ", "Search for commands"),
    ],
)
def test_a_click_on_all_keys_and_on_one_of_them_does_what_it_says(
    bench: Bench, words: str, there: str
) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running(size=(80, 60)) as (app, pilot):
            await click(app, pilot, "? all keys")
            assert "Keys of this screen" in screen_text(app)
            await click(app, pilot, words)
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert there in screen_text(app)

    asyncio.run(scene())
