"""Worker and settings: who sends, pausing it all, and changing what the store keeps."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES
from textual.widgets import Input

from domain.options import THEMES
from domain.settings import SETTINGS
from store import settings, workers
from store.database import open_store
from store.records import StoredWorker
from store.workers import SendingLock
from tests.support.apps import (
    SettingsBench,
    idle_worker,
    open_part,
    screen_text,
    settings_bench,
    told,
)
from tests.support.released_stores import RELEASED, copy_of
from tests.support.stores import ACTOR, NOW
from tests.support.waiting import PATIENCE_S
from tui.admin.settings import SettingsScreen
from tui.app import TocsinApp
from tui.shell.themes import textual_name
from tui.state.store_access import settings_of_store
from tui.state.worker_thread import WorkerThread
from tui.widgets.top_bar import TopBar

NAMES = [setting.name for setting in SETTINGS]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        yield made


def stored(bench: SettingsBench) -> dict[str, str]:
    return bench.opened.call(settings.load_all)


async def open_settings(bench: SettingsBench, app: TocsinApp, pilot: Pilot[int]) -> SettingsScreen:
    await open_part(bench, app, pilot, "s")
    assert isinstance(app.screen, SettingsScreen)
    return app.screen


async def change(
    bench: SettingsBench, app: TocsinApp, pilot: Pilot[int], name: str, text: str
) -> None:
    """Go to a setting and type another value for it."""
    screen = app.screen
    assert isinstance(screen, SettingsScreen)
    screen.table.move_to(name)
    await pilot.press("e")
    screen.query_one(Input).value = text
    await pilot.press("enter")
    await bench.settle(app, pilot)


# Settings


def test_the_place_of_the_key_is_told_also_where_nobody_set_it(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running((160, 40)) as (app, pilot):
            screen = await open_settings(bench, app, pilot)
            screen.table.move_to("key_file")
            await pilot.pause()
            text = " ".join(screen_text(app).split())
            assert f"{bench.opened.vault.key_file} from default" in text
            assert "default tocsin.key beside the store" in text

    asyncio.run(scene())


def test_a_setting_is_changed_unset_and_changed_back(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            await change(bench, app, pilot, "interval", "300s")
            assert stored(bench) == {"interval": "5m"}
            assert "interval          5m                   store" in screen_text(app)
            await pilot.press("x")
            await bench.settle(app, pilot)
            assert stored(bench) == {}
            assert "interval          3m                   default" in screen_text(app)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert stored(bench) == {"interval": "5m"}
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert stored(bench) == {}

    asyncio.run(scene())


def test_an_undo_leaves_what_another_admin_changed_meanwhile(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            await change(bench, app, pilot, "interval", "300s")
            bench.opened.call(settings.save, "interval", "10m", ACTOR, NOW)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert "interval was changed meanwhile, it is now 10m" in screen_text(app)
            assert stored(bench) == {"interval": "10m"}

    asyncio.run(scene())


def test_a_wrong_value_is_told_while_it_is_typed_and_not_kept(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            await change(bench, app, pilot, "interval", "3 minutes")
            assert "interval: '3 minutes' is not a duration; write a duration" in screen_text(app)
            assert app.screen.query_one(Input).value == "3 minutes"
            assert "↵ keep  esc leave it" in screen_text(app).splitlines()[-1]
            assert stored(bench) == {}
            await pilot.press("escape")
            await pilot.pause()
            assert isinstance(app.screen, SettingsScreen)
            assert "the time between two runs of a webhook" in screen_text(app)

    asyncio.run(scene())


def test_what_contradicts_another_setting_is_refused(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            await change(bench, app, pilot, "linger", "1m")
            await change(bench, app, pilot, "interval", "30s")
            assert "linger: 1m is longer than interval, which is 30s" in screen_text(app)
            assert stored(bench) == {"linger": "1m"}

    asyncio.run(scene())


@contextmanager
def written_by_another(bench: SettingsBench) -> Iterator[None]:
    """Inside, another process holds the store, and no change waits for it."""
    bench.opened.call(bench.opened._engine.execute_sql, "PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(bench.opened.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_value_that_cannot_be_kept_now_is_in_the_line_again(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_settings(bench, app, pilot)
            with written_by_another(bench):
                await change(bench, app, pilot, "interval", "7m")
                await pilot.pause()
                assert screen.query_one(Input).value == "7m"
                assert screen.focused is screen.query_one(Input)
                await pilot.press("escape")
                await change(bench, app, pilot, "interval", "8m")
            await pilot.press("enter")
            await bench.settle(app, pilot)
            assert not screen.query_one("#setting-line").display
            assert stored(bench) == {"interval": "8m"}

    asyncio.run(scene())


@pytest.mark.parametrize("name", ["concurrency", "mouse"])
def test_the_line_for_a_value_is_no_row_and_covers_not_its_own(
    bench: SettingsBench, name: str
) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_settings(bench, app, pilot)
            screen.table.move_to(name)
            await bench.settle(app, pilot)
            await pilot.press("e")
            await bench.settle(app, pilot)
            framed = [text[2:] for text in screen_text(app).split("\n") if text.startswith("│ ")]
            row, line = (text for text in framed if name in text[:30])
            assert row.startswith(f"{name}  ")
            assert line.startswith(f"change {name} to {screen.query_one(Input).value} ")

    asyncio.run(scene())


@pytest.mark.parametrize("name", ["db", "key_file"])
def test_where_the_store_is_cannot_be_kept_in_the_store(bench: SettingsBench, name: str) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_settings(bench, app, pilot)
            screen.table.move_to(name)
            await pilot.press("e")
            await pilot.pause()
            assert screen.focused is screen.table
            assert told(app) == [
                f"{name}: the store cannot say where it is itself; "
                "write it in the configuration file"
            ]

    asyncio.run(scene())


def test_a_value_that_wins_over_the_stores_is_named(bench: SettingsBench) -> None:
    bench.origins["interval"] = "environment TOCSIN_INTERVAL"
    bench.opened.call(settings.save, "interval", "5m", ACTOR, NOW)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_settings(bench, app, pilot)
            screen.table.move_to("interval")
            await pilot.pause()
            assert "the store keeps 5m, but here the value from environment" in screen_text(app)
            await change(bench, app, pilot, "interval", "6m")
            assert "But here the value from environment TOCSIN_INTERVAL wins." in told(app)[-1]

    asyncio.run(scene())


def test_every_setting_is_in_the_list_with_what_it_is(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_settings(bench, app, pilot)
            assert list(screen.table.keys) == NAMES
            for setting in SETTINGS:
                screen.table.move_to(setting.name)
                await pilot.pause()
                assert f"{setting.name}: {setting.description}"[:70] in screen_text(app)

    asyncio.run(scene())


def test_typing_right_after_the_key_goes_into_the_line(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_settings(bench, app, pilot)
            screen.table.move_to("interval")
            screen.action_change()
            assert isinstance(screen.focused, Input)

    asyncio.run(scene())


# Colours


def test_every_theme_is_one_of_the_screens() -> None:
    assert {textual_name(theme) for theme in THEMES} <= set(BUILTIN_THEMES)


def test_a_theme_is_put_on_at_once_and_at_the_next_start(bench: SettingsBench) -> None:
    async def choose() -> None:
        async with bench.running() as (app, pilot):
            assert app.theme == "textual-dark"
            await open_settings(bench, app, pilot)
            await change(bench, app, pilot, "theme", "Light")
            assert app.theme == "textual-light"
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert app.theme == "textual-dark"
            await change(bench, app, pilot, "theme", "nord")

    async def start_again() -> None:
        async with bench.running() as (app, _):
            assert app.theme == "nord"

    asyncio.run(choose())
    asyncio.run(start_again())


# Workers


def enter(bench: SettingsBench, name: str, *, active: bool = False, age_ms: int = 0) -> None:
    record = StoredWorker(name, "hub", 812, "headless", active, NOW, NOW - age_ms)
    bench.opened.call(workers.enter, record)


def test_all_sending_is_paused_and_goes_on(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            await pilot.press("p")
            await bench.settle(app, pilot)
            assert "Pause all sending?" in screen_text(app)
            assert "0 active webhooks; 0 events wait now" in screen_text(app)
            await pilot.press("n")
            assert bench.opened.call(settings.paused) is None
            await pilot.press("p", "y")
            await app.workers.wait_for_complete()
            await bench.settle(app, pilot)
            assert bench.opened.call(settings.paused) is not None
            assert "‖ all sending is paused, p goes on; by alice from 192.0.2.7" in screen_text(app)
            await pilot.press("p")
            await bench.settle(app, pilot)
            assert bench.opened.call(settings.paused) is None
            assert "paused" not in screen_text(app).splitlines()[2]

    asyncio.run(scene())


def test_every_worker_is_told_with_its_heartbeat(bench: SettingsBench) -> None:
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()
    enter(bench, "w1", active=True, age_ms=2_000)
    enter(bench, "w2", age_ms=workers.OLD_HEARTBEAT_MS + 5_000)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            text = screen_text(app)
            assert "● headless pid 812 on hub sends · heartbeat 2s ago" in text
            assert "▲ headless pid 812 on hub is stopped, stuck or gone · heartbeat 20s" in text

    asyncio.run(scene())
    lock.release()


def test_a_worker_whose_process_ended_is_gone(bench: SettingsBench) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    beat_ms = NOW - workers.MISSED_BEAT_MS
    host = os.uname().nodename
    record = StoredWorker("w1", host, ended.pid, "headless", False, beat_ms, beat_ms)
    bench.opened.call(workers.enter, record)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            assert f"✗ headless pid {ended.pid} is gone" in screen_text(app)

    asyncio.run(scene())


def test_that_all_sending_is_paused_alarms_on_every_screen(bench: SettingsBench) -> None:
    bench.opened.call(settings.pause, ACTOR, NOW)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            for keys in ((), ("q",), ("s",), ("q", "a"), ("q", "q"), ("2",), ("3",)):
                await pilot.press(*keys)
                await bench.settle(app, pilot)
                alarm = app.screen.query_one(TopBar).get_component_rich_style("top-bar--bad")
                [first, *_] = app.screen._compositor.render_strips()
                told = next(one for one in first if "paused" in one.text)
                assert told.text.startswith("‖ all sending paused by alice from 192.0.2.7")
                assert told.style is not None
                assert told.style.bgcolor == alarm.bgcolor

    asyncio.run(scene())


def test_that_nobody_sends_is_told(bench: SettingsBench) -> None:
    for number in range(5):
        enter(bench, f"w{number}")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            assert "✗ nobody is sending" in screen_text(app)
            assert "and 2 more: `tocsin worker list`" in screen_text(app)

    asyncio.run(scene())


def says_why_no_worker(bench: SettingsBench, reason: str) -> None:
    async def scene() -> None:
        async with bench.running((120, 40)) as (app, pilot):
            await open_settings(bench, app, pilot)
            assert reason in screen_text(app)

    asyncio.run(scene())


def test_why_a_terminal_has_no_worker_at_an_older_store(tmp_path: Path) -> None:
    older = open_store(copy_of(RELEASED[0], tmp_path / "home" / "tocsin.db"))
    says_why_no_worker(
        SettingsBench(older), "worker begins after `tocsin db upgrade`: the store is"
    )
    older.close()


@pytest.mark.parametrize("trouble", [None, "the disk is gone"])
def test_a_worker_of_this_terminal_that_has_ended_is_told_as_such(
    bench: SettingsBench, trouble: str | None
) -> None:
    with idle_worker(bench) as worker:
        worker.stop()
        assert worker.join(PATIENCE_S)
    worker.trouble = trouble

    async def scene() -> None:
        async with bench.running((120, 40)) as (app, pilot):
            await open_settings(bench, app, pilot)
            text = screen_text(app)
            assert f"this terminal's worker has ended{f': {trouble}' if trouble else ''}" in text
            assert "older Tocsin" not in text

    asyncio.run(scene())


def test_the_log_of_this_terminals_worker_is_shown_harmless(bench: SettingsBench) -> None:
    worker = WorkerThread(bench.opened.sibling, settings_of_store({}), settings_of_store)
    bench.worker = worker
    worker.lines.append("webhook 1: [b]bold[/b] \x1b[31mred")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_settings(bench, app, pilot)
            await pilot.press("l")
            await pilot.pause()
            text = screen_text(app)
            assert "[b]bold[/b]" in text
            assert "\x1b" not in text

    asyncio.run(scene())


def test_the_smallest_screen_has_room_for_settings_beside_many_workers(
    bench: SettingsBench,
) -> None:
    for number in range(5):
        enter(bench, f"w{number}")
    bench.opened.call(settings.pause, ACTOR, NOW)

    async def scene() -> None:
        async with bench.running((60, 15)) as (app, pilot):
            screen = await open_settings(bench, app, pilot)
            assert screen.table.size.height >= 3
            assert "‖ all sending is paused, p goes on" in screen_text(app)

    asyncio.run(scene())
