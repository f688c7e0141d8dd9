"""Commands from their start to their end, as whole processes."""

from __future__ import annotations

import sys

from bench.events import events
from bench.program import TOCSIN, run
from bench.results import Figure, Run, ratios
from bench.rounds import interleaved, seconds
from bench.stores import new_path

GOAL = 5.3
FLOOR = (sys.executable, "-c", "import sqlite3, json")


def measure(this: Run) -> None:
    """`--version`, `event emit` of one event and `status`, beside a bare Python with SQLite."""
    db = new_path(this.folder)
    tocsin = (TOCSIN, "--db", str(db))
    run(this.folder, *tocsin, "event", "emit")
    rounds = range(this.pick(21, 11))
    one = iter(events(len(rounds)))
    taken = interleaved(
        {
            "floor": lambda: seconds(lambda: run(this.folder, *FLOOR)),
            "--version": lambda: seconds(lambda: run(this.folder, TOCSIN, "--version")),
            "event emit": lambda: seconds(
                lambda: run(this.folder, *tocsin, "event", "emit", stdin=next(one))
            ),
            "status": lambda: seconds(lambda: run(this.folder, *tocsin, "status")),
        },
        rounds,
    )
    this.add(Figure(name, "ms", tuple(one * 1e3 for one in each)) for name, each in taken.items())
    floor = taken["floor"]
    this.add(
        [
            Figure("--version / floor", "", ratios(taken["--version"], floor)),
            Figure("event emit / floor", "", ratios(taken["event emit"], floor), at_most=GOAL),
            Figure("status / floor", "", ratios(taken["status"], floor), at_most=GOAL),
        ]
    )
