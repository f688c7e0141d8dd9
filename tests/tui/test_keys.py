"""The keys as they are shown: those that an admin gave them, and one sign for enter."""

from __future__ import annotations

import asyncio

from tests.store.helpers import fields
from tests.tui.helpers import Bench, screen_text
from tui.keys import key_of


def test_the_key_of_an_id_is_the_one_that_it_was_given(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        app = bench.app(keymap={"webhooks.add": "n,plus", "webhooks.send": "r"})
        async with app.run_test() as pilot:
            await pilot.pause()
            assert key_of(app.screen, "webhooks.add") == "n"
            assert key_of(app.screen, "webhooks.edit") == "e"
            assert key_of(app.screen, "deliveries.skip") == ""

    asyncio.run(scene())


def test_enter_has_one_sign(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running(size=(160, 24)) as (app, pilot):
            for keys in ((), ("enter",), ("question_mark",)):
                await pilot.press(*keys)
                await pilot.pause()
                assert "↵" in screen_text(app)
                assert "⏎" not in screen_text(app)

    asyncio.run(scene())
