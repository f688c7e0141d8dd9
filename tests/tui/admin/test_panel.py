"""The Administration panel, this host's WireGuard, and quitting while nobody else sends."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.event_types import EventType
from domain.settings import DEFAULTS
from sources.base import Batch, SourceError
from sources.preflight import poll_unsaved
from sources.process_lock import lock_file, process_lock
from store import settings, sources, workers
from store.events import reading
from store.records import StoredSource, StoredWorker
from store.workers import SendingLock
from tests.support.apps import (
    SHORTLY_AFTER,
    SettingsBench,
    idle_worker,
    open_part,
    screen_text,
    settings_bench,
    told,
)
from tests.support.stores import ACTOR, NOW, event, events, fields
from tests.support.waiting import PATIENCE_S, eventually
from tests.support.wireguard.dumps import PeerRow, dump, idle
from tui.app import TocsinApp
from tui.sources.hosts import switch_wireguard
from tui.state.store_access import Refused
from tui.state.worker_thread import WorkerThread
from tui.widgets.live_table import LiveTable

FORBIDDEN = "sh -c 'echo Unable to access interface wg0: Operation not permitted >&2; exit 1; wg'"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        yield made


@pytest.fixture
def dump_file(tmp_path: Path) -> Path:
    """File with what the "WireGuard" of the test prints."""
    path = tmp_path / "dump"
    path.write_text(dump(PeerRow("alice"), PeerRow("bob"), idle("carol")))
    return path


def add_local(bench: SettingsBench, command: str, *, active: bool = False) -> None:
    """A source that watches this host, which is paused."""
    bench.store.add_source(command=command, every="2s")
    if not active:
        bench.opened.call(sources.pause, "local", ACTOR, NOW)


def local(bench: SettingsBench) -> StoredSource:
    return bench.opened.call(sources.find, "local")


def flowing(app: TocsinApp) -> str:
    """Return the text on the screen, without its frames and line ends."""
    return " ".join(screen_text(app).replace("│", " ").split())


def test_the_panel_tells_of_every_part(bench: SettingsBench) -> None:
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 12))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot)
            text = screen_text(app)
            assert "Webhooks              1 · 12 waiting" in text
            assert "Sources               none yet: open the list" in text
            assert "Worker and settings   ✗ nobody is sending" in text
            assert "Audit                 0s ago by alice from 192.0.2.7: webhook 1" in text
            assert "nobody is sending while 12 events wait" in text

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("key", "crumbs"),
    [
        ("b", "Admin › Webhooks"),
        ("o", "Admin › Sources"),
        ("l", "Admin › Alerts"),
        ("s", "Admin › Worker and settings"),
        ("a", "Admin › Audit"),
    ],
)
def test_a_key_opens_a_part_and_enter_too(bench: SettingsBench, key: str, crumbs: str) -> None:
    place = {"b": 0, "o": 1, "l": 3, "s": 4, "a": 5}[key]

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, key)
            assert crumbs in screen_text(app)
            await pilot.press("q", *["down"] * place, "enter")
            await bench.settle(app, pilot)
            assert crumbs in screen_text(app)

    asyncio.run(scene())


def test_what_paused_and_inactive_webhooks_hold_is_told(bench: SettingsBench) -> None:
    bench.store.add(fields(name="siem"))
    bench.store.add(fields(name="archive", active=False))
    bench.store.append(*events(1, 12))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot)
            text = screen_text(app)
            assert "2 · 12 waiting · ‖ 12 held" in text
            assert "1 inactive, 12 events wait: archive." in text
            bench.opened.call(settings.pause, ACTOR, NOW)
            await bench.settle(app, pilot)
            text = " ".join(screen_text(app).split())
            assert "2 · ‖ paused: 12 waiting · ‖ 12 held" in text
            assert "All sending is paused by alice from 192.0.2.7" in text
            assert "12 events wait until you go on, in Worker and settings" in text
            assert "all is delivered" not in text

    asyncio.run(scene())


def test_only_inactive_webhooks_with_events_are_not_all_delivered(bench: SettingsBench) -> None:
    bench.store.add(fields(name="archive", active=False))
    bench.store.append(*events(1, 12))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot)
            assert "Webhooks              1 · ‖ 12 held" in screen_text(app)

    asyncio.run(scene())


def test_a_failing_webhook_is_told_with_its_name_and_its_events(bench: SettingsBench) -> None:
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 12))
    bench.store.end(bench.store.started(1), 500)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot)
            assert "✗ 1 of 1 failing · 12 waiting" in screen_text(app)
            assert "1 failing, 12 events wait: siem." in screen_text(app)
            assert "answered 500, and no worker is sending" in flowing(app)
            bench.opened.call(
                workers.enter, StoredWorker("w1", "hub", 812, "headless", True, NOW, NOW)
            )
            lock = SendingLock(bench.opened.path)
            assert lock.acquire()
            await bench.settle(app, pilot)
            assert "next in 3:00 (attempt 2, interval 3m)" in flowing(app)
            bench.store.end(bench.store.started(1, new_run=False), 200)
            await bench.settle(app, pilot)
            assert "Webhooks              1 · all is delivered" in screen_text(app)

    asyncio.run(scene())


def test_what_is_wrong_can_be_scrolled_where_it_is_more_than_fits(bench: SettingsBench) -> None:
    for number in range(9):
        bench.store.add(fields(name=f"hook-{number}"))
    bench.store.append(event(1))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot)
            assert "tab goes there" not in screen_text(app)
            store = bench.store
            for webhook_id in range(1, 10):
                store.end(store.started(webhook_id), 500)
            await bench.settle(app, pilot)
            await pilot.pause()
            assert "What is wrong ── tab goes there" in screen_text(app)
            assert "hook-8" not in screen_text(app)
            await pilot.press("tab", "end")
            await pilot.pause()
            assert "hook-8" in screen_text(app)
            await pilot.press("tab", "enter")
            await pilot.pause()
            assert "Admin › Webhooks" in screen_text(app)

    asyncio.run(scene())


def test_a_key_that_was_changed_is_shown_so(bench: SettingsBench) -> None:
    async def scene() -> None:
        app = bench.app({"admin.wireguard": "f9"})
        async with app.run_test(size=(80, 24)) as pilot:
            await open_part(bench, app, pilot)
            await pilot.press("down", "down")
            await pilot.pause()
            assert "f9 watches this host's WireGuard" in " ".join(screen_text(app).split())

    asyncio.run(scene())


def test_a_healthy_store_is_told_so(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot)
            assert "✓ nothing is wrong" in screen_text(app)

    asyncio.run(scene())


# Sources


def test_the_line_of_the_sources_counts_them_and_names_what_fails(bench: SettingsBench) -> None:
    for name in ("hub", "local", "office"):
        bench.store.add_source(name)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot)
            assert "Sources               3 active, but no worker runs them" in screen_text(app)
            bench.opened.call(
                workers.enter, StoredWorker("w1", "hub", 812, "headless", True, NOW, NOW)
            )
            lock = SendingLock(bench.opened.path)
            assert lock.acquire()
            bench.opened.call(sources.pause, "office", ACTOR, NOW)
            await bench.settle(app, pilot)
            assert "Sources               2 active · ‖ 1 inactive" in screen_text(app)
            bench.opened.call(sources.save_warning, "hub", "wg1 is dark", NOW)
            await bench.settle(app, pilot)
            assert "Sources               2 active · ▲ hub: wg1 is dark" in screen_text(app)
            error = str(SourceError("it is dark", "make light"))
            bench.opened.call(sources.save_failure, "local", error, NOW - 12_000)
            await bench.settle(app, pilot)
            assert "1 active · ✗ 1 failing: local: it is dark; make" in screen_text(app)
            assert "✗ source local: it is dark; make light" in screen_text(app)
            await pilot.press("down")
            await pilot.pause()
            assert "local: it is dark; make light (12s ago)" in screen_text(app)
            lock.release()

    asyncio.run(scene())


# This host's WireGuard


def test_its_row_says_whether_it_is_watched_and_what_is_wrong(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):

            async def row() -> str:
                await bench.settle(app, pilot)
                lines = screen_text(app).split("\n")
                return next(line for line in lines if "This host's WireGuard" in line)

            await open_part(bench, app, pilot)
            assert "off " in await row()
            add_local(bench, "true", active=True)
            assert "▲ on, but no worker runs it" in await row()
            bench.opened.call(
                workers.enter, StoredWorker("w1", "hub", 812, "headless", True, NOW, NOW)
            )
            lock = SendingLock(bench.opened.path)
            assert lock.acquire()
            assert "✓ on " in await row()
            bench.opened.call(sources.save_warning, "local", "wg1 is dark", NOW)
            assert "▲ on: wg1 is dark" in await row()
            bench.opened.call(sources.save_failure, "local", "no wg: install it", NOW - 12_000)
            assert "✗ error: no wg: install it" in await row()
            await pilot.press("down", "down")
            assert "told below, for 12s. w watches" in flowing(app)
            lock.release()
            bench.opened.call(sources.pause, "local", ACTOR, NOW)
            assert "‖ off: paused" in await row()
            await pilot.press("enter")
            await bench.settle(app, pilot)
            assert "Watch this host's WireGuard?" in screen_text(app)

    asyncio.run(scene())


def test_all_parts_have_room_on_the_smallest_terminal(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running(size=(60, 15)) as (app, pilot):
            await open_part(bench, app, pilot)
            assert "a Audit" in screen_text(app)
            assert app.screen.max_scroll_y == 0

    asyncio.run(scene())


def test_watching_asks_takes_the_baseline_and_says_what_it_is(
    bench: SettingsBench, dump_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "wg"
    program.write_text(f"#!/bin/sh\nexec cat {dump_file}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    bench.clock.now_ms = SHORTLY_AFTER

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "w")
            assert "Watch this host's WireGuard?" in screen_text(app)
            assert "`wg show all dump` is run now" in screen_text(app)
            await pilot.press("n")
            assert "local" not in [one.name for one in bench.opened.call(sources.load_all)]
            await pilot.press("w", "y")
            await app.workers.wait_for_complete()
            await bench.settle(app, pilot)
            assert "3 peers on wg0; the next handshake is the first event" in " ".join(told(app))
            assert "1 active, but no worker runs them" in screen_text(app)

    asyncio.run(scene())
    assert (local(bench).state, local(bench).accepted_events) == ("active", 0)
    assert bench.opened.call(sources.load_state, "local") is not None


def test_a_missing_permission_is_told_with_its_cure_and_nothing_is_changed(
    bench: SettingsBench,
) -> None:
    add_local(bench, FORBIDDEN)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "w")
            await pilot.press("y")
            await app.workers.wait_for_complete()
            await bench.settle(app, pilot)
            assert "Operation not permitted: `sh -c" in " ".join(told(app))
            assert "it stays off" in " ".join(told(app))
            await pilot.press("down", "up")
            await pilot.pause()
            text = " ".join(screen_text(app).split())
            assert "Not switched on: Unable to access" in text
            assert "allow that by a sudoers line where it runs; it stays off" in text
            assert app.screen.query_one(LiveTable).cursor == "wireguard"
            assert "Sources               ‖ 1 inactive" in screen_text(app)
            assert "✓ nothing is wrong" in screen_text(app)

    asyncio.run(scene())
    assert (local(bench).state, local(bench).error) == ("inactive", None)


def test_watching_again_tells_the_handshakes_of_the_meantime(
    bench: SettingsBench, dump_file: Path
) -> None:
    add_local(bench, f"cat {dump_file}")
    bench.clock.now_ms = SHORTLY_AFTER

    def switched() -> str:
        return asyncio.run(switch_wireguard(bench.access, DEFAULTS, local(bench)))

    assert switched() == "3 peers on wg0; the next handshake is the first event"
    assert switched() == "this host's WireGuard is not watched any more"
    dump_file.write_text(dump(PeerRow("alice", handshake=1_795_502_500, rx=900, tx=900)))
    assert switched().startswith("1 peer on wg0; ")
    assert local(bench).active
    assert bench.opened.call(reading.heads)[EventType.ENDPOINT_STATS] == 1


def test_what_another_process_runs_is_not_started_beside_it(
    bench: SettingsBench, dump_file: Path
) -> None:
    add_local(bench, f"cat {dump_file}")
    with (
        process_lock(lock_file(bench.opened.path, "local")),
        pytest.raises(Refused, match="another process runs the source local"),
    ):
        asyncio.run(switch_wireguard(bench.access, DEFAULTS, local(bench)))


def test_a_switch_that_nobody_waits_for_is_seen_through_alone(
    bench: SettingsBench, dump_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_local(bench, f"cat {dump_file}")
    desk, begun, answered = bench.access, threading.Event(), threading.Event()

    async def slowly(*args: Any) -> Batch:
        begun.set()
        assert await asyncio.to_thread(answered.wait, PATIENCE_S)
        return await poll_unsaved(*args)

    monkeypatch.setattr("tui.sources.hosts.poll_unsaved", slowly)

    async def scene() -> None:
        switching = asyncio.create_task(switch_wireguard(desk, DEFAULTS, local(bench)))
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        switching.cancel()
        await asyncio.wait([switching])
        with process_lock(lock_file(bench.opened.path, "local")) as we_are:
            assert not we_are
        with pytest.raises(Refused, match="is being looked at already"):
            await switch_wireguard(desk, DEFAULTS, local(bench))
        answered.set()
        assert await asyncio.to_thread(desk.source_jobs.join, PATIENCE_S)

    asyncio.run(scene())
    assert local(bench).active


def test_pausing_asks_and_says_so(bench: SettingsBench) -> None:
    add_local(bench, "true", active=True)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "w")
            assert "Watch this host's WireGuard no more?" in screen_text(app)
            await pilot.press("y")
            await app.workers.wait_for_complete()
            assert "is not watched any more" in " ".join(told(app))

    asyncio.run(scene())
    assert local(bench).state == "inactive"


def test_this_terminals_worker_runs_what_is_active(bench: SettingsBench, dump_file: Path) -> None:
    with idle_worker(bench):
        add_local(bench, f"cat {dump_file}", active=True)
        eventually(lambda: local(bench).last_ok_ms)
        dump_file.write_text(dump(PeerRow("alice", handshake=1_795_502_500, rx=900, tx=900)))
        eventually(lambda: bench.opened.call(reading.heads)[EventType.ENDPOINT_STATS] == 1)
        dump_file.unlink()
        eventually(lambda: local(bench).state == "failing")
        bench.opened.call(sources.pause, "local", ACTOR, NOW)
        assert local(bench).error is None


# Quitting


def quit_text(bench: SettingsBench) -> tuple[str, bool]:
    """Return what ctrl+q shows, and True if the app ended."""
    seen: list[str] = []

    async def scene() -> bool:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            await bench.settle(app, pilot)
            await pilot.press("ctrl+q")
            await pilot.pause()
            seen.append(screen_text(app) if app.is_running else "")
            return app.return_value is not None

    ended = asyncio.run(scene())
    return "".join(seen), ended


@pytest.fixture
def waiting(bench: SettingsBench) -> SettingsBench:
    """A store in which 12 events wait, and will go on waiting."""
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 12))
    bench.opened.call(settings.pause, ACTOR, NOW)
    return bench


def until_sends(bench: SettingsBench, worker: WorkerThread) -> Callable[[], bool]:
    return lambda: any(
        one.id == worker.worker_id and one.active for one in bench.opened.call(workers.load_all)
    )


def test_a_quit_while_nobody_else_sends_says_how_many_events_will_wait(
    waiting: SettingsBench,
) -> None:
    with idle_worker(waiting) as worker:
        eventually(until_sends(waiting, worker))
        text, ended = quit_text(waiting)
    assert "Quit? No other worker is alive." in text
    assert "Nothing is sent until a worker runs again" in text
    assert "12 events wait for it." in text
    assert not ended


def test_a_quit_is_asked_but_once(waiting: SettingsBench) -> None:
    async def scene() -> None:
        async with waiting.running() as (app, pilot):
            await pilot.press("ctrl+q", "ctrl+q", "n")
            await pilot.pause()
            assert "Tocsin › Admin › Webhooks" in screen_text(app)

    with idle_worker(waiting) as worker:
        eventually(until_sends(waiting, worker))
        asyncio.run(scene())


def test_a_quit_while_nothing_waits_asks_nothing(bench: SettingsBench) -> None:
    bench.store.add(fields(name="siem"))
    add_local(bench, "true", active=True)
    with idle_worker(bench) as worker:
        eventually(until_sends(bench, worker))
        _, ended = quit_text(bench)
    assert ended


def test_a_quit_while_another_stands_by_asks_nothing(waiting: SettingsBench) -> None:
    with idle_worker(waiting) as worker:
        eventually(until_sends(waiting, worker))
        waiting.clock.now_ms = NOW
        other = StoredWorker("other", "hub", 812, "headless", False, NOW, NOW)
        waiting.opened.call(workers.enter, other)
        _, ended = quit_text(waiting)
    assert ended


def test_a_quit_without_a_worker_of_ones_own_asks_nothing(waiting: SettingsBench) -> None:
    _, ended = quit_text(waiting)
    assert ended
    lock = SendingLock(waiting.opened.path)
    assert lock.acquire()
    lock.release()


def test_a_small_terminal_shows_what_is_wrong(bench: SettingsBench) -> None:
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 12))
    bench.store.end(bench.store.started(1), 500)

    async def scene() -> None:
        async with bench.running((60, 15)) as (app, pilot):
            await open_part(bench, app, pilot)
            assert "│ ✗ " in screen_text(app).partition("What is wrong")[2]

    asyncio.run(scene())


def test_an_error_of_a_source_stands_once_below_the_parts(bench: SettingsBench) -> None:
    add_local(bench, "true", active=True)
    bench.opened.call(sources.save_failure, "local", "no wg: install it", NOW - 12_000)

    async def scene() -> None:
        async with bench.running((80, 24)) as (app, pilot):
            await open_part(bench, app, pilot)
            await pilot.press("down")
            await bench.settle(app, pilot)
            facts, _, problems = flowing(app).partition("What is wrong ─")
            assert "What is wrong is told below: local." in facts
            assert "no wg: install it (12s ago)" in problems
            assert "(12s ago)" not in facts

    asyncio.run(scene())
