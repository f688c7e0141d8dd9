"""Admin › Webhooks: what the list tells, and what its keys do."""

from __future__ import annotations

import asyncio

from store import webhooks
from tests.store.helpers import events, fields
from tests.tui.helpers import Bench, screen_text


def test_an_empty_list_explains_the_first_step(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            assert "No webhooks yet" in screen_text(app)

    asyncio.run(scene())


def test_a_row_tells_queue_and_reason(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 12))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            text = screen_text(app)
            assert "siem" in text
            assert "12" in text
            assert "no worker is sending" in text

    asyncio.run(scene())


def test_pause_and_undo(bench: Bench) -> None:
    webhook_id = bench.store.add(fields(name="siem"))

    def is_active() -> bool:
        vault = bench.opened.vault
        return bench.opened.call(webhooks.find, webhook_id, vault).fields.active

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("p")
            await pilot.pause()
            assert not is_active()
            assert "‖ inactive" in screen_text(app)
            await pilot.press("u")
            await pilot.pause()
            assert is_active()

    asyncio.run(scene())


def test_delete_asks_and_can_be_undone(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("x")
            await pilot.pause()
            assert "Delete webhook 1 (siem)?" in screen_text(app)
            await pilot.press("n", "x", "y")
            await app.workers.wait_for_complete()
            await bench.settle(app, pilot)
            assert "No webhooks yet" in screen_text(app)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert "siem" in screen_text(app)

    asyncio.run(scene())


def test_what_another_process_writes_is_seen(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            bench.store.add(fields(name="pager"))
            await bench.settle(app, pilot)
            assert "pager" in screen_text(app)

    asyncio.run(scene())


def test_an_undo_outlives_the_screen(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("p")
            await pilot.pause()
            await pilot.press("q", "b")
            await pilot.pause()
            assert "‖ inactive" in screen_text(app)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert "‖ inactive" not in screen_text(app)

    asyncio.run(scene())
