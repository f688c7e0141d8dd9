"""A key sets out when the one before it has done its work, and none waits for a timer."""

from __future__ import annotations

import asyncio

import pytest
from textual import events

from tests.store.helpers import fields
from tests.tui.helpers import Bench, screen_text
from tui import key_order


def test_keys_that_come_at_once_are_handed_on_in_order_without_a_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "PATIENCE_S", 3_600)
    for name in ("siem", "pager"):
        bench.store.add(fields(name=name))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            for key in ("slash", *"siem"):
                app.post_message(events.Key(key, key if len(key) == 1 else "/"))
            while "1 of 2" not in screen_text(app):
                await pilot.pause()

    asyncio.run(asyncio.wait_for(scene(), 30))
