"""Questions can be read and answered on the smallest terminal, however much they have to say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from textual.pilot import Pilot

from tests.support.apps import Bench, screen_text
from tests.support.stores import events, fields
from tests.support.waiting import PATIENCE_S
from tests.support.webhook_forms import form
from tui.app import TocsinApp
from tui.questions import Question
from tui.screens.dialogs import ConfirmScreen

SMALLEST = (60, 15)


async def seen(app: TocsinApp, pilot: Pilot[int], words: str) -> None:
    """Wait until words are on the screen."""
    async with asyncio.timeout(PATIENCE_S):
        while words not in screen_text(app):
            await pilot.pause()


def test_the_question_about_a_draft_names_the_beginning_of_a_long_url(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://" + "a." * 900 + "example.com/hook")
        async with form(bench) as shown:
            assert "https://a.a.a." in shown.text
            assert "…: you" in shown.text
            assert "Drop it (f8)" in shown.text

    asyncio.run(scene())


@pytest.mark.parametrize("keymap", [{}, {"reseal.reseal": "ctrl+shift+right"}])
def test_all_buttons_of_a_reseal_are_seen(bench: Bench, keymap: Mapping[str, str]) -> None:
    webhook_id = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 2))
    bench.store.end(bench.store.started(webhook_id), 500)

    async def scene() -> None:
        app = bench.app(keymap)
        async with app.run_test(size=SMALLEST) as pilot:
            await pilot.press("2")
            await app.workers.wait_for_complete()
            await pilot.press("b")
            await pilot.pause()
            if keymap:
                await pilot.press("tab", "tab", "tab")
            await seen(app, pilot, "Reseal (")

    asyncio.run(scene())


def test_a_wrong_number_is_told_in_sight(bench: Bench) -> None:
    webhook_id = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 2))
    bench.store.end(bench.store.started(webhook_id), 500)

    async def scene() -> None:
        async with bench.running(SMALLEST) as (app, pilot):
            await pilot.press("2")
            await app.workers.wait_for_complete()
            await pilot.press("b", "backspace", "0", "f2")
            await seen(app, pilot, "write a whole number")

    asyncio.run(scene())


def test_a_question_of_many_lines_can_be_answered(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running(SMALLEST) as (app, pilot):
            app.push_screen(ConfirmScreen(Question("Quit?", ("Something waits.",) * 20)))
            await seen(app, pilot, "Cancel (n)")
            assert "Yes (y)" in screen_text(app)

    asyncio.run(scene())
