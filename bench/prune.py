"""Pruning a million events, and what another process's appends see of it."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench import big_store
from bench.events import events
from bench.program import TOCSIN, timed
from bench.results import Figure, Run
from bench.stores import append_lines, new_path, opened

EVENTS = 1_000_000
KEPT_DAYS = 8
PAUSE_S = 0.01
BEFORE_S = 2.0


def measure(run: Run) -> None:
    """The rate of `db prune`, and the times of appends of one event, each 10 ms, meanwhile."""
    rounds = range(run.pick(3, 1))
    rates: list[float] = []
    calm: list[list[float]] = []
    busy: list[list[float]] = []
    for _ in rounds:
        db = new_path(run.folder)
        big_store.make(db, hooks=1, events=EVENTS, days_ago=KEPT_DAYS)
        with _appends(db) as taken_ms:
            time.sleep(BEFORE_S)
            calm.append(list(taken_ms))
            taken_ms.clear()
            ended = timed(db.parent, TOCSIN, "--db", str(db), "db", "prune")
            busy.append(list(taken_ms))
        assert _left(db) < EVENTS / 2, "nothing was pruned"
        rates.append((EVENTS - _left(db)) / (ended.ended_s - ended.began_s))
        shutil.rmtree(db.parent)
    run.add(
        [
            Figure("db prune", "events/s", tuple(rates), at_least=150_000),
            *_figures("before it", calm),
            *_figures("meanwhile", busy, p99=25, longest=250),
        ]
    )


def _figures(
    when: str, rounds: list[list[float]], *, p99: float | None = None, longest: float | None = None
) -> Iterator[Figure]:
    hundredths = [statistics.quantiles(taken_ms, n=100) for taken_ms in rounds]
    middle = tuple(one[49] for one in hundredths)
    most = tuple(map(max, rounds))
    yield Figure(f"an append {when}, p50", "ms", middle)
    yield Figure(f"an append {when}, p99", "ms", tuple(one[98] for one in hundredths), at_most=p99)
    yield Figure(f"an append {when}, longest", "ms", most, at_most=longest)


@contextmanager
def _appends(db: Path) -> Iterator[list[float]]:
    """Append an event each 10 ms; the milliseconds that each took."""
    taken_ms: list[float] = []
    over = threading.Event()

    def append() -> None:
        with opened(db) as store:
            for line in itertools.chain.from_iterable(map(_lines, itertools.count(1))):
                began_s = time.perf_counter()
                append_lines(store, [line])
                taken_ms.append((time.perf_counter() - began_s) * 1e3)
                if over.wait(PAUSE_S):
                    return

    thread = threading.Thread(target=append)
    thread.start()
    try:
        yield taken_ms
    finally:
        over.set()
        thread.join()


def _lines(seed: int) -> list[bytes]:
    return list(events(5_000, seed=seed))


def _left(db: Path) -> int:
    with closing(sqlite3.connect(db)) as database:
        left: int = database.execute("SELECT COUNT(*) FROM event").fetchone()[0]
        return left
