"""A LiveTable paints few columns, and after any moves what it shows is what it holds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from tests.support.program import ROOT
from tui.cells import Cell, Column, Row
from tui.widgets.live_table import LiveTable

COLUMNS = (
    Column("state", "", 1),
    Column("number", "Number", 7, right=True),
    Column("what", "What", 0),
)


class Bare(App[None]):
    """Nothing but the table."""

    CSS_PATH = ROOT / "tui" / "app.tcss"

    def compose(self) -> ComposeResult:
        yield LiveTable(COLUMNS, markable=True)


def row(key: int, version: int = 0) -> Row:
    tone: tuple[Cell, ...] = (Cell("✓", "good"), Cell("✗", "bad"))
    return (tone[key % 2], Cell(f"{key:,}"), Cell(f"ünïcode {key % 3} {version}", "dim"))


def drawn(table: LiveTable) -> list[str]:
    """Return what is on the screen."""
    strips = table.screen._compositor.render_strips()
    return ["".join(f"{segment.text}|{segment.style}" for segment in strip) for strip in strips]


class Mover:
    """Does one thing after another to a table, always the same for the same dice."""

    def __init__(self, table: LiveTable, pilot: Pilot[None], dice: random.Random) -> None:
        self._table, self._pilot, self._dice = table, pilot, dice
        self._keys = list(range(60, 0, -1))
        self._acts: list[Callable[[], object]] = [self._put, self._add, self._drop, self._mark]
        table.set_keys(tuple(self._keys))

    async def act(self) -> None:
        key = self._dice.choice(["j", "k", "pagedown", "pageup", "home", "end", ""])
        if key:
            await self._pilot.press(key)
        else:
            self._dice.choice(self._acts)()

    def _put(self) -> None:
        some = self._dice.sample(self._keys, min(20, len(self._keys)))
        self._table.put_rows({key: row(key, self._dice.randrange(2)) for key in some})

    def _add(self) -> None:
        self._keys.insert(0, max(self._keys, default=0) + 1)
        self._table.set_keys(tuple(self._keys))

    def _drop(self) -> None:
        self._keys = [key for key in self._keys if self._dice.random() > 0.1]
        self._table.set_keys(tuple(self._keys))

    def _mark(self) -> None:
        self._table.action_mark()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_painted_is_what_it_holds(seed: int) -> None:
    async def scene() -> None:
        app = Bare()
        async with app.run_test(size=(40, 12)) as pilot:
            table = app.query_one(LiveTable)
            table.focus()
            mover = Mover(table, pilot, random.Random(seed))
            for _ in range(20):
                for _ in range(3):
                    await mover.act()
                await pilot.pause()
                seen = drawn(table)
                table.refresh()
                await pilot.pause()
                assert seen == drawn(table)

    asyncio.run(scene())


def test_a_line_down_paints_no_cell_that_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        app = Bare()
        async with app.run_test(size=(80, 12)) as pilot:
            table = app.query_one(LiveTable)
            table.focus()
            table.set_keys(tuple(range(100)))
            table.put_rows({key: row(6 * key) for key in range(100)})
            await pilot.press("pagedown")
            await pilot.pause()
            painted: list[int] = []
            refresh = table.refresh

            def noted(*regions: Region) -> LiveTable:
                painted.extend(region.area for region in regions)
                return refresh(*regions)

            monkeypatch.setattr(table, "refresh", noted)
            await pilot.press("j")
            assert 0 < sum(painted) < 80 * 12 / 2

    asyncio.run(scene())
