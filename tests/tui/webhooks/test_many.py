"""A list of a thousand webhooks: only what is in sight is made, and a bar says where one is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench import big_store
from store.database import open_store
from tests.support.apps import Bench, screen_text
from tui.webhooks.screen import WebhooksScreen
from tui.widgets.live_table import LiveTable
from tui.widgets.table_lines import BAR


def test_only_rows_in_sight_are_made(tmp_path: Path) -> None:
    path = tmp_path / "home" / "tocsin.db"
    big_store.make(path, hooks=300, deliveries=600, events=1_000)
    store = open_store(path)

    async def scene() -> None:
        async with Bench(store).running(size=(120, 24)) as (app, pilot):
            await app.workers.wait_for_complete()
            await pilot.pause()
            table = app.screen.query_one(LiveTable)
            assert table.row_of(1) is not None
            assert table.row_of(300) is None
            before = screen_text(app)
            assert "receiver-0 " in before
            assert BAR in before
            await pilot.press("end")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "receiver-299" in screen_text(app)
            assert table.row_of(300) is not None
            assert table.row_of(1) is None
            assert isinstance(app.screen, WebhooksScreen)
            assert "2 delivered, 0 failed" in screen_text(app)

    asyncio.run(scene())
    store.close()
