"""Adding events with `event emit`: to a store that holds many, and beside busy webhooks."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from bench import big_store, check
from bench.events import EventFile, event_file
from bench.program import Ended, emit, receiver, worker
from bench.results import Figure, Run, ratios
from bench.rounds import interleaved
from bench.stores import add_webhooks, new_path, opened

WEBHOOKS = 1_000
DELIVERIES = 100_000
BUSY = 10
DISK_BYTES = 1_000
"""Free disk that is asked for, for each kept event."""


def to_kept(run: Run) -> None:
    """Beside millions of kept events, and to a store that is empty."""
    kept = run.pick(10_000_000, 1_000_000)
    count = run.pick(300_000, 100_000)
    if shutil.disk_usage(run.folder).free < kept * DISK_BYTES:
        run.skip(f"{kept * DISK_BYTES / 1e9:.0f} GB of free disk are needed in {run.folder.parent}")
        return
    big = new_path(run.folder)
    big_store.make(big, hooks=WEBHOOKS, deliveries=DELIVERIES, events=kept)
    seeds = iter(range(2, 100))
    taken = interleaved(
        {
            "empty": lambda: _to_empty(run, event_file(run.folder, count)),
            "big": lambda: _emit(big, event_file(run.folder, count, seed=next(seeds))),
        },
        run.rounds,
    )
    shutil.rmtree(big.parent)
    rates = _rates(count, taken)
    run.add(
        [
            Figure("event emit, empty store", "events/s", rates["empty"]),
            Figure(f"event emit, {kept:,} events kept", "events/s", rates["big"]),
            Figure("kept / empty", "", ratios(rates["big"], rates["empty"]), at_least=0.95),
        ]
    )


def beside_webhooks(run: Run) -> None:
    """Beside a worker that sends the same events to ten receivers, and alone."""
    data = event_file(run.folder, run.pick(500_000, 200_000))
    taken = interleaved(
        {"alone": partial(_to_empty, run, data), "beside": partial(_beside, run, data)}, run.rounds
    )
    rates = _rates(data.count, taken)
    run.add(
        [
            Figure("event emit, alone", "events/s", rates["alone"]),
            Figure(f"event emit, {BUSY} busy webhooks", "events/s", rates["beside"]),
            Figure("beside / alone", "", ratios(rates["beside"], rates["alone"]), at_least=0.8),
        ]
    )


def _to_empty(run: Run, data: EventFile) -> Ended:
    db = new_path(run.folder)
    with opened(db) as store:
        add_webhooks(store, [f"http://127.0.0.1:9/{number}" for number in range(BUSY)])
    try:
        return _emit(db, data)
    finally:
        shutil.rmtree(db.parent)


def _beside(run: Run, data: EventFile) -> Ended:
    db = new_path(run.folder)
    with receiver() as receiving:
        urls = receiving.urls(BUSY)
        with opened(db) as store:
            add_webhooks(store, urls)
        with worker(db):
            ended = _emit(db, data)
            receiving.wait(data.size * BUSY)
        bodies = receiving.bodies()
    shutil.rmtree(db.parent)
    run.check("beside", check.faults(data, bodies, urls), sum(map(len, bodies.values())))
    return ended


def _emit(db: Path, data: EventFile) -> Ended:
    return emit(db, data.path, count=data.count)


def _rates(count: int, taken: dict[str, list[Ended]]) -> dict[str, tuple[float, ...]]:
    return {
        name: tuple(count / (ended.ended_s - ended.began_s) for ended in each)
        for name, each in taken.items()
    }
