"""The first line: who sends, from where, and what this terminal does meanwhile."""

from __future__ import annotations

import os
from dataclasses import replace

from delivery.report import make_report
from domain.settings import DEFAULTS
from store.overview import read_overview
from store.records import Worker
from tests.store.helpers import NOW
from tests.tui.helpers import Bench
from tui.words import worker_line

HERE = os.uname().nodename


def line(bench: Bench, host: str, own_worker: str | None) -> str:
    """What is said while the worker w1 on a host sends."""
    overview = bench.opened.call(read_overview, None)
    worker = Worker("w1", host, 812, "headless", True, NOW, NOW)
    report = make_report(replace(overview, workers=[worker]), DEFAULTS, bench.opened, NOW)
    return worker_line(replace(report, locked=True), None, own_worker).text


def test_the_host_is_named_where_it_is_another(bench: Bench) -> None:
    assert line(bench, HERE, None) == "● headless pid 812"
    assert line(bench, "hub", None) == "● headless pid 812 on hub"


def test_a_terminal_that_stands_by_says_so(bench: Bench) -> None:
    assert line(bench, HERE, "w1") == "● this terminal"
    assert line(bench, HERE, "w2") == "○ standing by: headless pid 812 sends"
