"""Scenes on the list of deliveries, and what its tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from store import workers
from store.queue import deliveries
from store.records import StoredWorker
from tests.support.apps import Bench, screen_text
from tests.support.stores import Desk, events
from tui.app import TocsinApp
from tui.deliveries.screen import DeliveriesScreen

Scene = Callable[[TocsinApp, Pilot[int]], Awaitable[None]]


def played(bench: Bench, scene: Scene, size: tuple[int, int] = (80, 24)) -> None:
    """Play a scene that begins on the list of all deliveries."""

    async def whole() -> None:
        async with bench.running(size) as (app, pilot):
            await pilot.press("2")
            await seen(app, pilot)
            await scene(app, pilot)

    asyncio.run(whole())


async def seen(app: TocsinApp, pilot: Pilot[int]) -> str:
    """Return the text of the screen once all reads of the store are done."""
    await app.live.reread()
    app.paint()
    for _ in range(2):
        await app.workers.wait_for_complete()
        await pilot.pause()
    return screen_text(app)


def screen_of(app: TocsinApp) -> DeliveriesScreen:
    assert isinstance(app.screen, DeliveriesScreen)
    return app.screen


def under_cursor(app: TocsinApp) -> str:
    """The id of the delivery under the cursor."""
    selected = screen_of(app).selected()
    assert selected is not None
    return selected.id


def hands(bench: Bench) -> Desk:
    """The worker's hands; ids go on where they were."""
    store = bench.store
    store.ids.made = len(store.call(deliveries.newest, deliveries.DeliveryFilter()))
    return store


def let_work(bench: Bench) -> None:
    """Enter a worker that is heard of, for a test that holds the sending lock."""
    at_ms = bench.clock.now_ms
    worker = StoredWorker("w1", "here", 7, "headless", True, at_ms, at_ms)
    bench.opened.call(workers.enter, worker)


def deliver(bench: Bench, webhook_id: int, first: int, status: int | None = 200) -> None:
    """Two events in a delivery that got this answer, a second later."""
    bench.clock.now_ms += 1_000
    store = hands(bench)
    store.append(*events(first, first + 1))
    store.end(store.started(webhook_id), status)
