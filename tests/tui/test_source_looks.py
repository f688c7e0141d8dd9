"""The form of a source looks once with what is typed: what it says meanwhile, and of what."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.sources.dumps import PeerRow, dump
from tests.tui.helpers import notice, screen_text
from tests.tui.settings_bench import SettingsBench, open_part, settings_bench

SHORTLY_AFTER = 1_795_502_130_500
"""A moment after the handshakes of the dumps."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        made.clock.now_ms = SHORTLY_AFTER
        yield made


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_look_that_sees_no_interface_is_no_success(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "w")
            await pilot.pause()
            app.screen.query_one("#box-command", Input).value = "true"
            await pilot.press("ctrl+t")
            await app.workers.wait_for_complete()
            await pilot.pause()
            text = flat(screen_text(app))
            assert "▲ no interface; 0 events at once; but no WireGuard interface is up" in text

    asyncio.run(scene())


def test_a_slow_look_takes_no_second_and_says_of_what_it_was(
    bench: SettingsBench, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "w")
            await pilot.pause()
            command = app.screen.query_one("#box-command", Input)
            command.value = f"cat {pipe}"
            await pilot.press("ctrl+t")
            await pilot.pause()
            await pilot.press("ctrl+t")
            await pilot.pause()
            assert "a look is under way: wait for its answer" in notice(app)
            command.value = "another"
            await pilot.pause()
            await asyncio.to_thread(pipe.write_text, dump(PeerRow("alice")))
            await app.workers.wait_for_complete()
            await pilot.pause()
            text = flat(screen_text(app))
            assert "✓ 1 peer on wg0; 0 events at once; you have typed on since" in text

    asyncio.run(scene())
