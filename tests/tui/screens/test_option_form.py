"""A form of a source ends when it is saved, and is not left without a question."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets import Input

from tests.support.apps import Bench, screen_text, told
from tests.tui.webhook_form.test_saving import busy
from tui.admin.alerts import AlertsScreen
from tui.screens.help import HelpScreen
from tui.screens.option_form import OptionFormScreen
from tui.screens.quitting import LOST


@pytest.mark.usefixtures("work_held_up")
def test_a_form_that_is_covered_while_it_is_saved_ends_when_it_is_uncovered(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("l")
            await pilot.pause()
            await pilot.press("e")
            await pilot.pause()
            form = app.screen
            assert isinstance(form, OptionFormScreen)
            form.query(Input).first().value = "9"
            with busy(bench):
                await pilot.press("ctrl+s", "f1")
                assert isinstance(app.screen, HelpScreen)
            await app.workers.wait_for_complete()
            form.action_save()
            assert not form.busy_notice
            await pilot.press("escape")
            await pilot.pause()
            assert isinstance(app.screen, AlertsScreen)
            assert len(told(app)) == 1
            assert "is saved" in told(app)[0]

    asyncio.run(scene())


def test_quitting_asks_before_what_is_typed_is_lost(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("o")
            await pilot.pause()
            await pilot.press("a", "s")
            await pilot.pause()
            await pilot.press(*"door", "ctrl+q")
            await pilot.pause()
            text = screen_text(app)
            assert "Quit without saving?" in text
            assert LOST in text
            await pilot.press("n")
            await pilot.pause()
            assert isinstance(app.screen, OptionFormScreen)

    asyncio.run(scene())


def test_what_is_typed_into_a_filled_field_follows_what_is_there(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("l")
            await pilot.pause()
            await pilot.press("e")
            await pilot.pause()
            box = app.screen.query(Input).first()
            box.value = "1"
            app.screen.set_focus(None)
            box.focus()
            await pilot.press("2")
            assert box.value == "12"

    asyncio.run(scene())
