"""On a terminal of 8 or 16 colours the signs of alarm keep theirs, and what is chosen is read."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from store import settings as stored_settings
from tests.support.apps import Bench, SettingsBench, open_part, screen_text, settings_bench
from tests.support.program import Tocsin
from tests.support.stores import ACTOR, NOW, fields
from tests.support.terminals import on_terminal
from tui.admin.settings import SettingsScreen
from tui.shell import themes
from tui.widgets.live_table import LiveTable

BRIGHT_WHITE, BLUE = 15, 4
GREEN = re.compile(rb"\x1b\[(?:[0-9]+;)*(?:32|92)(?:;[0-9]+)*m ?\xe2\x97\x8f this terminal")


@pytest.mark.parametrize("terminal_name", ["xterm-16color", "screen"])
@pytest.mark.parametrize(
    ("chosen", "is_green"), [("", True), ("dark", True), ("light", True), ("nord", False)]
)
def test_the_colours_of_the_terminal(
    tocsin: Tocsin, terminal_name: str, chosen: str, is_green: bool
) -> None:
    with on_terminal(tocsin, TERM=terminal_name, COLORTERM="", TOCSIN_THEME=chosen) as terminal:
        terminal.read_until("● this terminal")
        written = b"".join(chunk.data for chunk in terminal.chunks)
    assert bool(GREEN.search(written)) is is_green


@pytest.mark.parametrize(
    ("stored", "worn"),
    [(None, "ansi-dark"), ("dark", "ansi-dark"), ("light", "ansi-light"), ("nord", "nord")],
)
def test_the_settings_say_what_is_worn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str | None, worn: str
) -> None:
    monkeypatch.setattr(themes, "has_few_colours", lambda _app: True)

    async def scene(bench: SettingsBench) -> None:
        async with bench.running((120, 40)) as (app, pilot):
            await open_part(bench, app, pilot, "s")
            assert app.theme == themes.textual_name(worn)
            assert isinstance(app.screen, SettingsScreen)
            app.screen.table.move_to("theme")
            await pilot.pause()
            is_likeness = worn.startswith("ansi-")
            assert (f"{stored or 'dark'}: {worn}" in screen_text(app)) is is_likeness
            assert (f"worn now: {worn}" in screen_text(app)) is is_likeness

    with settings_bench(tmp_path / "home" / "tocsin.db") as bench:
        if stored is not None:
            bench.opened.call(stored_settings.save, "theme", stored, actor=ACTOR, now_ms=NOW)
        asyncio.run(scene(bench))


@pytest.mark.parametrize("chosen", ["ansi-dark", "ansi-light"])
def test_the_row_under_the_cursor_is_white_on_blue_whatever_the_terminal_writes_with(
    bench: Bench, chosen: str
) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            app.theme = chosen
            await pilot.pause()
            style = app.screen.query_one(LiveTable).get_component_rich_style("live-table--cursor")
            numbers = [one.number for one in (style.color, style.bgcolor) if one is not None]
            assert numbers == [BRIGHT_WHITE, BLUE]

    asyncio.run(scene())
