"""How long a command takes from its start to its end, as a whole process."""

from __future__ import annotations

from pathlib import Path

from bench.events import events
from bench.program import NOTHING, TOCSIN, run
from bench.report import Figure, show
from bench.rounds import medians, seconds
from bench.stores import new_path

ROUNDS = 21
VERSION_GOAL_MS = 100
EMIT_GOAL_MS = 250


def measure(folder: Path) -> None:
    """Print the times of `--version` and of `event emit` with one event."""
    db = new_path(folder)
    arguments = (TOCSIN, "--db", str(db), "event", "emit")
    run(folder, *arguments)
    one = iter(events(ROUNDS))
    taken = medians(
        {
            "nothing": lambda: seconds(lambda: run(folder, *NOTHING)),
            "version": lambda: seconds(lambda: run(folder, TOCSIN, "--version")),
            "emit": lambda: seconds(lambda: run(folder, *arguments, stdin=next(one))),
        },
        ROUNDS,
    )
    ms = {name: duration * 1000 for name, duration in taken.items()}
    show(
        f"Start to end, median of {ROUNDS} rounds",
        [
            Figure("floor: python -c pass", ms["nothing"], "ms", 1.0),
            Figure(
                "tocsin --version",
                ms["version"],
                "ms",
                ms["version"] / ms["nothing"],
                at_most=VERSION_GOAL_MS,
            ),
            Figure(
                "tocsin event emit, one event",
                ms["emit"],
                "ms",
                ms["emit"] / ms["nothing"],
                at_most=EMIT_GOAL_MS,
            ),
        ],
    )
