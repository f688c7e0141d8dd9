"""Admin › Webhooks: while everything changes, rows, cursor and scroll stay where they are."""

from __future__ import annotations

import asyncio

from domain.event_types import EventType
from store.workers import SendingLock
from tests.support.apps import Bench, screen_text
from tests.support.stores import events, fields
from tui.app import TocsinApp
from tui.state.live_report import IDLE_MS
from tui.webhooks.order import SETTLED_MS
from tui.widgets.live_table import LiveTable

MANY = 40


def rows(text: str) -> list[str]:
    """The receivers in sight, from the top."""
    return [word for word in text.split() if word.startswith("hook-")]


def row_of(app: TocsinApp, receiver: str) -> int:
    """The line of the screen that a receiver is in."""
    lines = screen_text(app).splitlines()
    return next(line for line, text in enumerate(lines) if receiver in text)


def failing(bench: Bench) -> list[int]:
    """Many webhooks whose first attempt has failed."""
    store = bench.store
    ids = [store.add(fields(name=f"hook-{number}")) for number in range(MANY)]
    store.append(*events(1, 3))
    for webhook_id in ids:
        store.end(store.started(webhook_id), 500)
    return ids


def test_failing_webhooks_that_are_retried_in_turn_move_nothing(bench: Bench) -> None:
    ids, store = failing(bench), bench.store
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            table = app.screen.query_one(LiveTable)
            table.move_to(ids[25])
            await pilot.pause()
            before = rows(screen_text(app)), table.cursor, table.scroll_offset, list(table.keys)
            for turn in range(3):
                works = [store.started(webhook_id, new_run=False) for webhook_id in ids[::3]]
                await bench.settle(app, pilot)
                assert "↑ sending" in screen_text(app)
                store.append(*events(10 * turn + 10, 10 * turn + 12, EventType.ALERTS))
                for work in works:
                    store.end(work, 503)
                await bench.settle(app, pilot)
                now = rows(screen_text(app)), table.cursor, table.scroll_offset, list(table.keys)
                assert now == before

    asyncio.run(scene())
    lock.release()


def test_a_row_that_healed_moves_when_that_lasts_and_the_cursor_stays(
    bench: Bench,
) -> None:
    ids, store = failing(bench), bench.store

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            table = app.screen.query_one(LiveTable)
            table.move_to(ids[25])
            await pilot.pause()
            y = row_of(app, "hook-25")
            for webhook_id in ids[:3]:
                store.end(store.started(webhook_id, new_run=False), 200)
            await bench.settle(app, pilot)
            assert list(table.keys) == ids
            bench.clock.now_ms += SETTLED_MS
            await bench.settle(app, pilot)
            assert table.cursor == ids[25]
            assert list(table.keys)[-3:] == ids[:3]
            assert row_of(app, "hook-25") == y

    asyncio.run(scene())


def test_rows_take_their_places_while_no_key_is_pressed_and_the_cursor_stays(bench: Bench) -> None:
    ids, store = failing(bench), bench.store

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            table = app.screen.query_one(LiveTable)
            table.move_to(ids[25])
            await pilot.pause()
            y = row_of(app, "hook-25")
            store.end(store.started(ids[0], new_run=False), 200)
            bench.clock.now_ms += IDLE_MS
            await pilot.press("ctrl")
            await bench.settle(app, pilot)
            assert list(table.keys) == ids
            bench.clock.now_ms += IDLE_MS
            app.paint(tick=True)
            await pilot.pause()
            assert list(table.keys) == [*ids[1:], ids[0]]
            assert (table.cursor, row_of(app, "hook-25")) == (ids[25], y)
            await pilot.press("ctrl")
            await bench.settle(app, pilot)
            assert list(table.keys) == [*ids[1:], ids[0]]

    asyncio.run(scene())
