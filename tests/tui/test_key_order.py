"""A key sets out when the one before it has done its work, and none waits for a timer."""

from __future__ import annotations

import asyncio

import pytest
from textual import events

from store import webhooks
from tests.store.helpers import fields
from tests.tui.helpers import Bench, screen_text, told
from tests.tui.test_webhook_form_saving import busy
from tui import key_order
from tui.app import TocsinApp
from tui.screens.webhook_form import WebhookFormScreen


def test_keys_that_come_at_once_are_handed_on_in_order_without_a_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "PATIENCE_S", 3_600)
    for name in ("siem", "pager"):
        bench.store.add(fields(name=name))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            type_at_once(app, "slash", *"siem")
            while "1 of 2" not in screen_text(app):
                await pilot.pause()

    asyncio.run(asyncio.wait_for(scene(), 30))


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

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_what_was_typed_for_a_form_that_never_came_does_nothing_to_the_list(bench: Bench) -> None:
    bench.store.add(fields(name="siem", headers=(("X-Key", "abcdefgh3f9a"),)))
    bench.opened.vault.key_file.unlink()
    bench.opened.vault.__dict__.pop("_checked", None)

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

    asyncio.run(asyncio.wait_for(scene(), 30))
    assert bench.opened.call(webhooks.find, 1, bench.opened.vault).revision == 1


def type_at_once(app: TocsinApp, *keys: str) -> None:
    """Let keys arrive in one go."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))
