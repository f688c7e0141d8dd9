"""The first line: who sends, from where, and what this terminal does meanwhile."""

from __future__ import annotations

import asyncio
import os

import pytest
from msgspec.structs import replace

from delivery.report import make_report
from domain.settings import DEFAULTS
from store import workers
from store.overview import read_overview
from store.records import StoredWorker
from tests.support.apps import Bench, screen_text
from tests.support.scenes import furnish
from tests.support.stores import NOW
from tui.wording import sending_line, worker_line

HERE = os.uname().nodename


def line(bench: Bench, host: str, own_worker: str | None) -> str:
    """Return what is said while the worker w1 on a host sends."""
    overview = bench.opened.call(read_overview, None)
    worker = StoredWorker("w1", host, 812, "headless", True, NOW, NOW)
    report = make_report(replace(overview, workers=[worker]), DEFAULTS, bench.opened, NOW)
    return worker_line(replace(report, locked=True), None, own_worker).text


def test_the_host_is_named_where_it_is_another(bench: Bench) -> None:
    assert line(bench, HERE, None) == "● headless pid 812"
    assert line(bench, "hub", None) == "● headless pid 812 on hub"


def test_a_terminal_that_stands_by_says_so(bench: Bench) -> None:
    assert line(bench, HERE, "w1") == "● this terminal"
    assert line(bench, HERE, "w2") == "○ standing by: headless pid 812 sends"


WAYS = [
    ("○ standing by: headless pid 812 sends · 1 sending · 2 retrying · next 0:30", 80),
    ("○ headless pid 812 sends · 1 sending · 2 retrying · next 0:30", 70),
    ("○ headless sends · 1 sending · 2 retrying · next 0:30", 58),
    ("○ headless sends · 2 retrying · next 0:30", 45),
    ("○ headless sends · next 0:30", 30),
]


@pytest.mark.parametrize(("text", "width"), WAYS)
def test_what_matters_least_is_left_out_first(text: str, width: int) -> None:
    worker = StoredWorker("w1", HERE, 812, "headless", True, NOW, NOW)
    told = sending_line(worker, "w2", ["1 sending", "2 retrying", "next 0:30"])
    assert told.fitting(width) == text


@pytest.mark.parametrize("width", [60, 80])
def test_next_is_never_cut(bench: Bench, width: int) -> None:
    lock = furnish(bench)

    async def scene() -> None:
        async with bench.running((width, 24)) as (app, pilot):
            for keys in ((), ("enter",), ("enter",), ("1", "q"), ("2",)):
                await pilot.press(*keys)
                await bench.settle(app, pilot)
                first = screen_text(app).split("\n")[0]
                assert "2 retrying · next 3:00" in first
                assert width < 80 or first.endswith(" 12:00 ")

    asyncio.run(scene())
    lock.release()


def test_a_worker_that_stops_is_told_as_such(bench: Bench) -> None:
    lock = furnish(bench)
    bench.opened.call(workers.begin_to_stop, "w1")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await bench.settle(app, pilot)
            text = screen_text(app)
            assert "▲ headless pid 812 is stopping" in text.split("\n")[0]
            assert "the worker that sends is stopping" in text

    asyncio.run(scene())
    lock.release()
