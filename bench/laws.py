"""The price of a law: `event emit` and the worker as they are, and with one law taken away."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from bench.delivering import Load
from bench.events import EventFile, event_file
from bench.program import emit, receiver, worker
from bench.results import Figure, Run, ratios
from bench.rounds import interleaved
from bench.stores import add_webhooks, new_path, opened

MAIN = "\nimport sys\nfrom cli.main import main\nsys.exit(main())"
NORMAL = """
from store import database
real = database.sqlite
def sqlite(path):
    engine = real(path)
    engine._pragmas = [(name, 1 if name == "synchronous" else value)
                       for name, value in engine._pragmas]
    return engine
database.sqlite = sqlite
"""
ANY_REPEATS = """
from store.events import adding
adding._has_former = lambda type_, events: False
"""
DROP = "DROP INDEX event_moment_id"
HASHED = 100_000


def measure(run: Run) -> None:
    """Commits that are synced, repeats that are recognised, bodies that are hashed."""
    data = event_file(run.folder, run.pick(300_000, 100_000))
    small = event_file(run.folder, run.pick(100_000, 50_000))
    taken = interleaved(
        {
            "event emit": partial(_emit, run, data),
            "event emit, commits not synced": partial(_emit, run, data, patch=NORMAL),
            "event emit, repeats not recognised": partial(
                _emit, run, data, patch=ANY_REPEATS, sql=DROP
            ),
            "drain in hundreds": partial(_drain, run, small),
            "drain in hundreds, commits not synced": partial(_drain, run, small, patch=NORMAL),
        },
        run.rounds,
    )
    run.add(Figure(name, "events/s", tuple(each)) for name, each in taken.items())
    run.add(
        Figure(f"{name} / as it is", "", ratios(each, taken[name.partition(",")[0]]))
        for name, each in taken.items()
        if "," in name
    )
    text = data.text[: data.ends[HASHED]]
    times = tuple(_cpu_s(lambda: hashlib.sha256(text)) / HASHED * 1e6 for _ in run.rounds)
    run.add([Figure("SHA-256 of an event", "us/event", times)])


def _cpu_s(function: Callable[[], object]) -> float:
    began_s = time.process_time()
    function()
    return time.process_time() - began_s


def _program(patch: str) -> tuple[str, ...]:
    return (sys.executable, "-c", patch + MAIN)


def _emit(run: Run, data: EventFile, patch: str = "", sql: str = "") -> float:
    db = _store(run, [], sql)
    try:
        ended = emit(db, data.path, count=data.count, program=_program(patch))
        return data.count / (ended.ended_s - ended.began_s)
    finally:
        shutil.rmtree(db.parent)


def _drain(run: Run, data: EventFile, patch: str = "") -> float:
    load = Load(data, receivers=1, batch=100)
    with receiver() as receiving:
        db = _store(run, receiving.urls(1))
        emit(db, data.path, count=data.count)
        with worker(db, program=_program(patch)):
            arrival = receiving.wait(load.size)
    shutil.rmtree(db.parent)
    return data.count / (arrival.last_s - arrival.first_s)


def _store(run: Run, urls: list[str], sql: str = "") -> Path:
    db = new_path(run.folder)
    with opened(db) as store:
        add_webhooks(store, urls, max_events=100)
    if sql:
        with closing(sqlite3.connect(db)) as database:
            database.execute(sql)
    return db
