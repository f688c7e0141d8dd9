"""Cost of the screen: time to paint, bytes on the line, processor time and memory."""

from __future__ import annotations

import re
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench import big_store
from bench.events import event_file, events
from bench.processes import cpu_s, rss_mb
from bench.program import ROOT, TOCSIN, emit, environment, receiver
from bench.results import Figure, Run
from bench.rounds import interleaved
from bench.screen import floor_app
from bench.screen.terminal import Terminal
from bench.stores import add_webhooks, append_lines, new_path, opened
from store.queue import attempts

ROUNDS = 9
KEYS = 60
WATCH_S = 60.0
"""A minute, so that the clock changes once and a worker writes twelve times that it lives."""

BUSY_S = 5.0
CHANGES = 12
SETTLE_S = 2.0
QUIET_S = 0.5
KEY_QUIET_S = 0.03
HOOKS, MANY_HOOKS = 20, 1_000
DELIVERIES, EVENTS = 100_000, 1_000_000
BACKLOG = {HOOKS: 200_000, MANY_HOOKS: 20_000}
"""Events of each webhook, to begin with: a fast machine needs more to be busy while watched."""

PAINTED = b"\x1b[?2026l"
"""Bytes with which Textual ends every repaint."""

DOWN, UP, PAGE_DOWN = "j", "k", "\x1b[6~"

CLOCK = re.compile(r"\A(.*)\d\d:\d\d$", re.MULTILINE)
"""Bytes before the clock, at the end of the first line."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Bytes and cost of a program in a minute in which nobody touched anything."""

    bytes_s: float
    clock_bytes: int
    """Bytes of these that were written when nothing but the clock changed."""
    cpu: float

    @property
    def bytes_s_without_clock(self) -> float:
        return self.bytes_s - self.clock_bytes / WATCH_S


def measure(run: Run) -> None:
    """The figures of the screen beside those of a bare Textual app."""
    small, big = new_path(run.folder), new_path(run.folder)
    big_store.make(small, hooks=HOOKS, deliveries=400, events=10_000)
    big_store.make(big, hooks=MANY_HOOKS, deliveries=DELIVERIES, events=EVENTS)
    _show_start(run, small, big)
    _show_still(run, small, big)
    _show_counting(run)
    for hooks in BACKLOG:
        _show_busy(run, hooks)


def _show_start(run: Run, small: Path, big: Path) -> None:
    folder = run.folder
    taken = interleaved(
        {
            "floor": lambda: _start(_floor(folder), floor_app.LAST_ROW),
            "small": lambda: _start(_screen(folder, small), _painted),
            "big": lambda: _start(_screen(folder, big), _painted),
        },
        range(ROUNDS),
    )
    ms = {name: min(ms for ms, _ in each) for name, each in taken.items()}
    kb = {name: each[-1][1] for name, each in taken.items()}
    many = _store_text()
    run.add(
        [
            Figure("floor: bare app with a DataTable", "ms", (ms["floor"],)),
            _multiple(f"{HOOKS} webhooks", ms["small"], ms["floor"], 1.3),
            _multiple(f"{many} (to {HOOKS})", ms["big"], ms["small"], 1.2),
            Figure("floor: written by then", "KB", (kb["floor"],)),
            Figure(f"{HOOKS} webhooks: written", "KB", (kb["small"],), kb["floor"], at_most=30),
            Figure(f"{many}: written", "KB", (kb["big"],), kb["floor"], at_most=30),
        ],
        f"start to full paint at 80x24, least of {ROUNDS} rounds",
    )


def _show_still(run: Run, small: Path, big: Path) -> None:
    with _floor(run.folder) as floor:
        floor.read_until(floor_app.LAST_ROW)
        floor_ms, _ = _keys(floor, "\x1b[B", "\x1b[A")
    with _screen(run.folder, small) as screen:
        screen.read_until(_painted)
        key_ms, _ = _keys(screen, DOWN, UP)
        watched = _watch(screen)
        late_ms = _lateness(screen, small)
    with _screen(run.folder, big) as screen:
        screen.read_until(_painted)
        big_ms, _ = _keys(screen, DOWN, UP)
        _, scroll = _keys(screen, DOWN, DOWN)
        screen.send("2")
        screen.read_until(" deliveries · ")
        _, page = _keys(screen, PAGE_DOWN)
        megabytes = rss_mb(screen.process.pid)
    unclocked = watched.bytes_s_without_clock
    run.add(
        [
            Figure("floor: key to paint, p95", "ms", (floor_ms,)),
            Figure(f"{HOOKS} webhooks: key", "ms", (key_ms,), floor_ms, at_most=25),
            Figure(f"{_store_text()}: key", "ms", (big_ms,), floor_ms, at_most=25),
            Figure("a key that scrolls", "bytes", (scroll,), at_most=4_096),
            Figure("a page of deliveries", "bytes", (page,), at_most=4_096),
            Figure("written, but for the clock", "bytes/s", (unclocked,), at_most=0),
            Figure("the clock, once a minute", "bytes", (watched.clock_bytes,)),
            Figure("processor time", "% of one", (watched.cpu,), at_most=0.5),
            Figure("another's commit to its paint", "ms", (late_ms,), at_most=1_000),
            Figure(f"{_store_text()}: memory", "MB", (megabytes,), at_most=90),
        ],
        f"when nothing happens: {KEYS} keys, watched for {WATCH_S:.0f} s",
    )


def _show_counting(run: Run) -> None:
    db = new_path(run.folder)
    with opened(db) as store:
        add_webhooks(store, ["http://127.0.0.1:9/nobody"])
        append_lines(store, list(events(1)))
    with _screen(run.folder, db) as screen:
        screen.read_until("failing")
        watched = _watch(screen)
    run.add(
        [
            Figure("a retry counts down: written", "bytes/s", (watched.bytes_s,), at_most=170),
            Figure("a retry counts down: processor time", "% of one", (watched.cpu,), at_most=0.5),
        ],
        "while a retry counts down",
    )


def _show_busy(run: Run, hooks: int) -> None:
    backlog = BACKLOG[hooks]
    while not (figures := _busy(run.folder, hooks, backlog)):
        backlog *= 2
    run.add(figures, f"while its worker delivers {backlog:,} events to each of {hooks:,} webhooks")


def _busy(folder: Path, hooks: int, backlog: int) -> list[Figure]:
    """The figures; none if the backlog of some webhook was delivered before they were taken."""
    db = new_path(folder)
    with receiver() as receiving:
        with opened(db) as store:
            add_webhooks(store, receiving.urls(hooks))
        emit(db, event_file(folder, backlog).path, count=backlog)
        with _screen(folder, db) as screen:
            screen.read_until("sending")
            screen.read_for(1.0)
            before, began_s = screen.written, time.perf_counter()
            screen.read_for(BUSY_S)
            bytes_s = (screen.written - before) / (time.perf_counter() - began_s)
            late_ms = _lateness(screen, db)
            key_ms, _ = _keys(screen, DOWN, UP)
    with opened(db) as store:
        if store.call(attempts.undelivered) < hooks:
            return []
    name = f"{hooks:,} busy webhooks"
    return [
        Figure(f"{name}: key to paint, p95", "ms", (key_ms,), at_most=100),
        Figure(f"{name}: written", "bytes/s", (bytes_s,), at_most=2_000),
        Figure(f"{name}: commit to paint", "ms", (late_ms,), at_most=300),
    ]


def _lateness(screen: Terminal, db: Path) -> float:
    """Milliseconds from a commit of another process to its paint, median of some."""
    took = []
    with closing(sqlite3.connect(db, timeout=30)) as database:
        for number in range(CHANGES):
            screen.read_for(0.1 + 0.05 * number)
            database.execute("UPDATE webhook SET name = ? WHERE id = 1", (f"changed-{number}.",))
            database.commit()
            committed_s = time.perf_counter()
            took.append((screen.read_until(f"changed-{number}.") - committed_s) * 1000)
    return statistics.median(took)


def _multiple(name: str, value: float, floor: float, at_most: float) -> Figure:
    return Figure(name, "ms", (value,), floor, at_most=at_most * floor)


def _store_text() -> str:
    return f"{MANY_HOOKS:,} webhooks, {EVENTS // 1_000_000} M events"


def _screen(folder: Path, db: Path) -> Terminal:
    return Terminal((TOCSIN, "--db", str(db)), environment=environment(folder), folder=folder)


def _floor(folder: Path) -> Terminal:
    command = (sys.executable, "-m", "bench.screen.floor_app")
    return Terminal(command, environment=environment(folder), folder=ROOT)


def _painted(text: str) -> bool:
    """Rows, the facts of the selected row, the keys, and the first line."""
    return all(one in text for one in ("200", "this terminal", "so far", "all keys"))


def _start(program: Terminal, painted: Callable[[str], bool] | str) -> tuple[float, float]:
    """Milliseconds to the full paint, and the kilobytes written when it is quiet."""
    with program as terminal:
        ms = (terminal.read_until(painted) - terminal.started_s) * 1000
        terminal.read_until_quiet(QUIET_S)
        return ms, terminal.written / 1000


def _keys(terminal: Terminal, *keys: str) -> tuple[float, float]:
    """Milliseconds from a key to the end of its paint, p95, and the bytes it wrote, median."""
    terminal.read_for(SETTLE_S)
    took, wrote = [], []
    for number in range(KEYS):
        before = terminal.written
        pressed_s = time.perf_counter()
        terminal.send(keys[number % len(keys)])
        took.append((_painted_at(terminal) - pressed_s) * 1000)
        terminal.read_until_quiet(KEY_QUIET_S, 0.2)
        wrote.append(terminal.written - before)
    return statistics.quantiles(took, n=20)[-1], statistics.median(wrote)


def _painted_at(terminal: Terminal) -> float:
    end_s = time.perf_counter() + 2
    while time.perf_counter() < end_s:
        chunk = terminal.read(end_s - time.perf_counter())
        if chunk is not None and PAINTED in chunk.data:
            return chunk.at_s
    raise AssertionError(f"a key painted nothing:\n{terminal.cells.text}")


def _watch(terminal: Terminal) -> Watched:
    terminal.read_for(SETTLE_S)
    written, cpu = terminal.written, cpu_s(terminal.process.pid)
    clock_bytes = _read_clock(terminal, WATCH_S)
    return Watched(
        (terminal.written - written) / WATCH_S,
        clock_bytes,
        (cpu_s(terminal.process.pid) - cpu) / WATCH_S * 100,
    )


def _read_clock(terminal: Terminal, seconds: float) -> int:
    """Read whatever comes in this time; the bytes of what changed nothing but the clock."""
    end_s = time.perf_counter() + seconds
    clock_bytes = 0
    while (left_s := end_s - time.perf_counter()) > 0:
        before = terminal.cells.text
        chunk = terminal.read(left_s)
        if chunk is not None and _is_clock(before, terminal.cells.text):
            clock_bytes += len(chunk.data)
    return clock_bytes


def _is_clock(before: str, after: str) -> bool:
    return before != after and CLOCK.sub(r"\1", before) == CLOCK.sub(r"\1", after)
