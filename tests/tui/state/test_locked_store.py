"""A store that another process keeps locked: told within two seconds, and never as ours."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from delivery.report import make_report
from domain.settings import DEFAULTS
from store import data_version
from store.database import Store
from store.overview import read_overview
from store.records import StoredWorker
from tests.support.apps import Bench, screen_text
from tests.support.stores import NOW
from tests.tui.webhooks.test_rows import active
from tui.app import TocsinApp
from tui.wording import worker_line

LOCKED = "locked for"
PATIENCE_S = 30


@contextmanager
def locked(bench: Bench, how: str = "IMMEDIATE") -> Iterator[None]:
    """The store, while another connection writes and does not come to an end."""
    other = sqlite3.connect(bench.opened.path, isolation_level=None)
    other.execute(f"BEGIN {how}")
    try:
        yield
    finally:
        other.close()


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[tuple[TocsinApp, Pilot[int]]]:
    async with bench.running() as (app, pilot), asyncio.timeout(PATIENCE_S):
        yield app, pilot


async def until_told(app: TocsinApp, pilot: Pilot[int], *, told: bool) -> None:
    while (LOCKED in screen_text(app).split("\n")[0]) is not told:
        await pilot.pause(0.05)


def test_a_lock_is_noticed_and_one_in_passing_waited_for(three: Bench) -> None:
    assert not three.opened.call(data_version.is_locked)
    with locked(three):
        assert three.opened.call(data_version.is_locked)
    assert not three.opened.call(data_version.is_locked)


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_locked_store_is_told_without_a_key(three: Bench, how: str) -> None:
    async def scene() -> None:
        async with running(three) as (app, pilot):
            with locked(three, how):
                await until_told(app, pilot, told=True)
            await until_told(app, pilot, told=False)

    asyncio.run(scene())


@pytest.mark.usefixtures("work_held_up")
def test_it_is_told_while_a_change_waits_for_it_which_is_done_then(three: Bench) -> None:
    async def scene() -> None:
        async with running(three) as (app, pilot):
            with locked(three):
                await pilot.press("p")
                await until_told(app, pilot, told=True)
                assert app._access.change_queue.under_way
            await until_told(app, pilot, told=False)
            await three.settle(app, pilot)
            assert len(active(three)) == 2

    asyncio.run(scene())


def test_the_seconds_are_those_since_it_was_locked(three: Bench) -> None:
    now_s = [100.0]

    async def scene() -> None:
        app = three.app()
        live = app.live
        live._monotonic, live._tried_s = lambda: now_s[0], 0.0
        async with app.run_test() as pilot:
            with locked(three):
                now_s[0] += 10.0
                while live._locked_since_s is None:
                    await pilot.pause(0.05)
                now_s[0] = live._locked_since_s + 0.9
                assert live.locked_s == 0
                now_s[0] += 2.2
                app.paint()
                while "locked for 3s" not in screen_text(app):
                    await pilot.pause(0.05)
            now_s[0] += 1.0
            while live.locked_s:
                await pilot.pause(0.05)

    asyncio.run(scene())


def test_this_terminal_is_never_told_as_a_process_that_is_stopped_or_stuck(bench: Bench) -> None:
    overview = bench.opened.call(read_overview, None)
    worker = StoredWorker("w1", os.uname().nodename, os.getpid(), "terminal", True, NOW, NOW)
    report = make_report(replace(overview, workers=[worker]), DEFAULTS, bench.opened, NOW + 34_000)
    held = replace(report, locked=True)
    assert worker_line(held, None, "w1").text == "▲ this terminal wrote nothing for 34s"
    assert worker_line(held, None, None).text == f"▲ pid {os.getpid()} is stopped or stuck"


def test_a_connection_that_opens_while_the_app_ends_is_closed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, made = bench.app().live, list[Store]()
    open_sibling = bench.opened.sibling

    def slow_sibling() -> Store:
        live.close()
        made.append(open_sibling())
        return made[-1]

    monkeypatch.setattr(live.store, "sibling", slow_sibling)
    assert not asyncio.run(live._is_locked())
    with pytest.raises(RuntimeError, match="after shutdown"):
        made[0].call(lambda: None)
