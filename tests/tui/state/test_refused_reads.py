"""A store that cannot be read this second is told wherever it is met, and is no bug."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.apps import Bench, told
from tests.support.delivery_scenes import deliver, seen
from tests.support.stores import fields
from tui.admin.audit import AuditScreen
from tui.deliveries.screen import DeliveriesScreen
from tui.state.store_access import Refused, StoreAccess

REASON = "disk I/O error: look at the disk"


class Readable:
    """Switch for what the screens ask for: it can be read, or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = True
        read = StoreAccess.read

        async def ask(
            access: StoreAccess, query: Callable[..., Any], *args: Any, **named: Any
        ) -> Any:
            if not self.now:
                raise Refused(REASON)
            return await read(access, query, *args, **named)

        monkeypatch.setattr(StoreAccess, "read", ask)


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> Readable:
    return Readable(monkeypatch)


@pytest.mark.parametrize("key", ["n", "s", "b", "y"])
def test_by_an_action(bench: Bench, readable: Readable, key: str) -> None:
    deliver(bench, bench.store.add(fields()), 1, 503)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("2")
            await seen(app, pilot)
            assert isinstance(app.screen, DeliveriesScreen)
            app.screen._rows.clear()
            readable.now = False
            await pilot.press(key)
            await pilot.pause()
            assert told(app)[-1] == REASON
            readable.now = True
            await pilot.press("enter")
            await pilot.pause()
            assert "Attempts" in await seen(app, pilot)

    asyncio.run(scene())


def test_by_a_handler(bench: Bench, readable: Readable) -> None:
    for _ in range(3):
        bench.store.add(fields())

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("q")
            await seen(app, pilot)
            await pilot.press("a")
            await seen(app, pilot)
            assert isinstance(app.screen, AuditScreen)
            app.screen._changes.clear()
            readable.now = False
            await pilot.press(*["j"] * 2, *["k"] * 2)
            await pilot.pause()
            assert told(app).count(REASON) == 4
            assert isinstance(app.screen, AuditScreen)
            readable.now = True
            await pilot.press("j")
            await seen(app, pilot)
            assert app.screen._selected() is not None

    asyncio.run(scene())
