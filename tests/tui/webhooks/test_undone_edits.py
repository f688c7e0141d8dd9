"""The undo of an edit that changed the type: what it drops is asked, what was dropped is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from textual.pilot import Pilot
from textual.widgets import Select

from domain.event_types import EventType
from tests.support.apps import Bench, screen_text, told
from tests.support.stores import events, fields
from tests.support.webhook_forms import webhook
from tests.tui.test_key_order import type_at_once
from tests.tui.webhook_form.test_saving import busy
from tui.app import TocsinApp

CHANGES = EventType.LOG_CHANGES


@dataclass
class Retyped:
    """The list, after webhook 1 was given another type in its form."""

    bench: Bench
    app: TocsinApp
    pilot: Pilot[int]

    @property
    def text(self) -> str:
        return " ".join(screen_text(self.app).replace("│", " ").split())

    async def press(self, *keys: str) -> None:
        """Press keys, and let what they ask for be done."""
        await self.pilot.press(*keys)
        await self.bench.settle(self.app, self.pilot)


@asynccontextmanager
async def retyped(bench: Bench, *, dropping: int) -> AsyncIterator[Retyped]:
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, dropping))
    async with bench.running((100, 30)) as (app, pilot):
        shown = Retyped(bench, app, pilot)
        await shown.press("e")
        app.screen.query_one("#box-type", Select).value = CHANGES.value
        await shown.press("ctrl+s")
        await shown.press(*("y" if dropping else ""))
        await app.workers.wait_for_complete()
        assert webhook(bench).fields.type is CHANGES
        yield shown


def test_what_it_would_drop_is_asked_first(bench: Bench) -> None:
    async def scene() -> None:
        async with retyped(bench, dropping=2) as shown:
            bench.store.append(*events(10, 13, CHANGES))
            await shown.press("u")
            assert "Drop 4 queued events of webhook 1 (siem), to change the type" in shown.text
            assert "2 events that the edit dropped stay dropped." in shown.text
            await shown.press("n")
            assert webhook(bench).fields.type is CHANGES
            await shown.press("u", "y")
            assert told(shown.app)[-1] == (
                "undone: edited webhook 1 (siem); 4 queued events of the other type given up; "
                "2 events that the edit dropped stay dropped"
            )

    asyncio.run(scene())
    assert webhook(bench).fields.type is EventType.ALERTS


def test_a_key_pressed_twice_asks_once(bench: Bench) -> None:
    async def scene() -> None:
        async with retyped(bench, dropping=0) as shown:
            bench.store.append(*events(10, 13, CHANGES))
            await bench.settle(shown.app, shown.pilot)
            with busy(bench):
                type_at_once(shown.app, "u", "u")
                while shown.app._access.change_queue.count < 2:
                    await shown.pilot.pause()
            await bench.settle(shown.app, shown.pilot)
            assert "Drop 4 queued events" in shown.text
            await shown.press("n")
            assert "Drop 4 queued events" not in shown.text
            await shown.press("u")
            assert "Drop 4 queued events" in shown.text

    asyncio.run(scene())


def test_where_nothing_is_queued_nothing_is_asked(bench: Bench) -> None:
    async def scene() -> None:
        async with retyped(bench, dropping=0) as shown:
            await shown.press("u")
            assert told(shown.app)[-1] == "undone: edited webhook 1 (siem)"

    asyncio.run(scene())
    assert webhook(bench).fields.type is EventType.ALERTS


def test_no_more_is_dropped_than_was_asked_about(bench: Bench) -> None:
    async def scene() -> None:
        async with retyped(bench, dropping=0) as shown:
            bench.store.append(*events(10, 10, CHANGES))
            await shown.press("u")
            bench.store.append(*events(11, 13, CHANGES))
            await shown.press("y")
            assert "has 4 queued events by now, not 1: nothing was saved" in told(shown.app)[-1]
            assert webhook(bench).fields.type is CHANGES
            await shown.press("u")
            assert "Drop 4 queued events of webhook 1 (siem)" in shown.text
            await shown.press("y")

    asyncio.run(scene())
    assert webhook(bench).fields.type is EventType.ALERTS


def test_a_save_that_changed_nothing_is_not_undone(bench: Bench) -> None:
    async def scene() -> None:
        async with retyped(bench, dropping=0) as shown:
            await shown.press("e", "ctrl+s")
            await shown.app.workers.wait_for_complete()
            await shown.press("u")

    asyncio.run(scene())
    assert webhook(bench).fields.type is EventType.ALERTS
