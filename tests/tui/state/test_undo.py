"""Undo in a part of Admin, also after it was left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.alert_kinds import KINDS
from store import alert_settings, settings, sources
from tests.support.apps import SettingsBench, open_part, settings_bench
from tests.support.stores import ACTOR, NOW
from tui.widgets.live_table import LiveTable


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        made.store.add_source("mail", "socket")
        made.opened.call(settings.save, "interval", "5m", ACTOR, NOW)
        yield made


def kept(bench: SettingsBench) -> tuple[object, ...]:
    """Return what the three parts set."""
    return (
        bench.opened.call(settings.load_all),
        [(one.name, one.active) for one in bench.opened.call(sources.load_all)],
        [one for one in bench.opened.call(alert_settings.load_all).items() if one[1]],
    )


@pytest.mark.parametrize(
    ("part", "row", "change"),
    [("s", "interval", "x"), ("o", "mail", "p"), ("l", KINDS[0].name, "space")],
)
def test_an_undo_outlives_its_screen(
    bench: SettingsBench, part: str, row: str, change: str
) -> None:
    at_first = kept(bench)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, part)
            app.screen.query_one(LiveTable).move_to(row)
            await pilot.press(change)
            await bench.settle(app, pilot)
            assert kept(bench) != at_first
            await pilot.press("q", part)
            await bench.settle(app, pilot)
            await app.workers.wait_for_complete()
            await pilot.press("u")
            await bench.settle(app, pilot)

    asyncio.run(scene())
    assert kept(bench) == at_first
