"""The form of a source: what it says of a look, meanwhile and after, and what it needs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.support.apps import (
    SHORTLY_AFTER,
    SettingsBench,
    flat,
    notice,
    open_part,
    screen_text,
    settings_bench,
)
from tests.support.wireguard.dumps import PeerRow, dump


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        made.clock.now_ms = SHORTLY_AFTER
        yield made


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


@pytest.mark.usefixtures("work_held_up")
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


def test_a_new_source_that_pulls_needs_its_broker(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "p")
            await bench.settle(app, pilot)
            assert app.screen.query_one("#box-broker", Input).placeholder == "required"
            await pilot.press("ctrl+s")
            await pilot.pause()
            assert "✗ broker: it is required" in flat(screen_text(app))

    asyncio.run(scene())


def test_what_a_file_leaves_unused_is_not_told(bench: SettingsBench) -> None:
    bench.store.add_source("logins", "journal", file="/var/log/auth.log")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            text = flat(screen_text(app))
            assert "file /var/log/auth.log · every 5s" in text
            assert "journalctl" not in text

    asyncio.run(scene())
