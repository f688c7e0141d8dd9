"""A key sets out when the one before it has done its work, and none waits for a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.screen import Screen

from store import webhooks
from tests.support.apps import Bench, screen_text, told
from tests.support.stores import events, fields
from tests.support.waiting import PATIENCE_S
from tests.tui.webhook_form.test_saving import busy
from tui.admin.audit import ChangeScreen
from tui.app import TocsinApp
from tui.deliveries.screen import DeliveriesScreen
from tui.events.event_screen import EventScreen
from tui.events.screen import EventsScreen
from tui.terminal import typing_ahead
from tui.webhook_form.screen import WebhookFormScreen


def test_keys_that_come_at_once_are_handed_on_in_order_without_a_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typing_ahead, "PATIENCE_S", 3_600)
    for name in ("siem", "pager"):
        bench.store.add(fields(name=name))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            type_at_once(app, "slash", *"siem")
            while "1 of 2" not in screen_text(app):
                await pilot.pause()

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))


@pytest.mark.usefixtures("work_held_up")
def test_keys_wait_for_the_form_until_it_can_be_typed_into(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            with busy(bench):
                type_at_once(app, "e", *"123")
                while not isinstance(app.screen, WebhookFormScreen):
                    await pilot.pause()
                await pilot.pause()
            while "/hook123" not in screen_text(app):
                await pilot.pause()

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))


@pytest.mark.usefixtures("work_held_up")
def test_what_was_typed_for_a_form_that_never_came_does_nothing_to_the_list(bench: Bench) -> None:
    bench.store.add(fields(name="siem", headers=(("X-Key", "abcdefgh3f9a"),)))
    bench.opened.vault.key_file.unlink()
    bench.opened.vault._cipher = None

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            with busy(bench):
                type_at_once(app, "e", "p", "x", "y")
                while not isinstance(app.screen, WebhookFormScreen):
                    await pilot.pause()
                await pilot.pause()
            while not any("the key file" in one for one in told(app)):
                await pilot.pause()
            await pilot.press("down")
            await pilot.pause()
            assert app.screen.focused is not None
            assert app.screen.focused.id == "webhooks"

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))
    assert bench.opened.call(webhooks.find, 1, bench.opened.vault).revision == 1


def type_at_once(app: TocsinApp, *keys: str) -> None:
    """Let keys arrive in one go."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


@pytest.fixture
def failing(bench: Bench) -> Bench:
    """Webhooks 1 (siem) and 2 (pager), each with a failing delivery of its number."""
    store = bench.store
    for name in ("siem", "pager"):
        webhook_id = store.add(fields(name=name))
        store.append(*events(webhook_id, webhook_id))
        store.end(store.started(webhook_id), 500)
    return bench


async def until(app: TocsinApp, pilot: Pilot[int], words: str) -> None:
    """Wait for a notice."""
    while not any(words in one for one in told(app)):
        await pilot.pause()


def played(bench: Bench, scene: Callable[[TocsinApp, Pilot[int]], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            await scene(app, pilot)

    asyncio.run(asyncio.wait_for(whole(), PATIENCE_S))


@pytest.mark.usefixtures("work_held_up")
def test_keys_wait_for_the_rows_that_they_are_for(failing: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        with busy(failing):
            type_at_once(app, "2", "j", "n")
            while not isinstance(app.screen, DeliveriesScreen):
                await pilot.pause()
            await pilot.pause()
            assert not told(app)
        await until(app, pilot, "msg_1…: the next attempt is due now")

    played(failing, scene)


@pytest.mark.parametrize(("section", "opened"), [("3", EventScreen), ("qa", ChangeScreen)])
def test_the_first_row_of_a_list_is_opened_by_a_key_right_behind_that_of_the_list(
    failing: Bench, section: str, opened: type[Screen[object]]
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        type_at_once(app, *section, "enter")
        while not isinstance(app.screen, opened):
            await pilot.pause()

    played(failing, scene)


@pytest.mark.usefixtures("work_held_up")
def test_the_way_to_another_section_waits_for_no_rows(failing: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        with busy(failing):
            type_at_once(app, "2", "3")
            while not isinstance(app.screen, EventsScreen):
                await pilot.pause()

    played(failing, scene)


@pytest.mark.usefixtures("work_held_up")
def test_the_key_that_quits_waits_for_no_rows_and_drops_the_keys_that_do(failing: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        with busy(failing):
            type_at_once(app, "2", "j", "n", "ctrl+q")
            while "Quit? 2 keys pressed before are dropped" not in screen_text(app):
                await pilot.pause()
            await pilot.press("n")
            type_at_once(app, "ctrl+q")
            while app.return_value is None:
                await pilot.pause()
        assert app.return_value == 0
        assert not told(app)

    played(failing, scene)


def test_a_key_right_behind_a_filter_is_for_what_it_finds(failing: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        type_at_once(app, "slash", *"pager", "enter", "p")
        await until(app, pilot, "webhook 2 (pager) paused")
        type_at_once(app, "2", "j", "slash", *"webhook:pager", "enter", "n")
        await until(app, pilot, "msg_2…: the next attempt is due now")
        type_at_once(app, "1", "o", "slash", *"local", "enter", "p")
        await until(app, pilot, "local is paused")

    failing.store.add_source("near")
    failing.store.add_source("local")
    played(failing, scene)


def test_the_keys_go_on_where_a_filter_is_wrong(failing: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        type_at_once(app, "2", "slash", *"state:no", "enter", "ctrl+u", *"msg_2", "enter", "n")
        await until(app, pilot, "msg_2…: the next attempt is due now")

    played(failing, scene)
