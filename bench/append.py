"""How fast events become durable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bench.events import events
from bench.program import TOCSIN, run
from bench.report import Figure, show
from bench.rounds import medians, seconds
from bench.stores import (
    add_webhooks,
    append_lines,
    floor_append,
    floor_store,
    new_path,
    opened,
    read_all,
)

COUNT = 200_000
ROUNDS = 3
NEIGHBOUR_ROUNDS = 7
GOAL = 100_000
NEIGHBOURS = 1_000


def measure(folder: Path) -> None:
    """Print the rates of `event emit`, of the store alone and of reading alone."""
    lines = list(events(COUNT))
    rows = [(json.loads(line)["id"], line) for line in lines]
    file = folder / "events.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    taken = medians(
        {
            "floor": lambda: _floor(folder, rows),
            "emit": lambda: _emit(folder, file),
            "append": lambda: _append(folder, lines, webhooks=1),
            "read": lambda: seconds(lambda: read_all(lines)),
        },
        ROUNDS,
    )
    rate = {name: COUNT / duration for name, duration in taken.items()}
    size = sum(map(len, lines)) / COUNT
    show(
        f"Durable append: {COUNT:,} events of {size:.0f} bytes, median of {ROUNDS} rounds",
        [
            Figure("floor: sqlite3 executemany, 1,000 a commit", rate["floor"], "events/s", 1.0),
            Figure(
                "tocsin event emit FILE, whole process",
                rate["emit"],
                "events/s",
                rate["emit"] / rate["floor"],
                at_least=GOAL,
            ),
            Figure(
                "read_event and append, 1,000 a commit",
                rate["append"],
                "events/s",
                rate["append"] / rate["floor"],
                at_least=GOAL,
            ),
            Figure("read_event alone", rate["read"], "events/s", rate["read"] / rate["floor"]),
        ],
    )


def measure_neighbours(folder: Path) -> None:
    """Print what 1,000 webhooks cost the appending of events."""
    lines = list(events(COUNT // 4))
    taken = medians(
        {
            "one": lambda: _append(folder, lines, webhooks=1),
            "many": lambda: _append(folder, lines, webhooks=NEIGHBOURS),
        },
        NEIGHBOUR_ROUNDS,
    )
    show(
        f"Append with {NEIGHBOURS:,} webhooks",
        [
            Figure("seconds with 1 webhook", taken["one"], "s", 1.0),
            Figure(f"seconds with {NEIGHBOURS:,} webhooks", taken["many"], "s"),
            Figure("cost of the 999 others", taken["many"] / taken["one"], "times", at_most=1.2),
        ],
    )


def _floor(folder: Path, rows: list[tuple[str, bytes]]) -> float:
    with floor_store(new_path(folder)) as database:
        return seconds(lambda: floor_append(database, rows))


def _append(folder: Path, lines: list[bytes], *, webhooks: int) -> float:
    with opened(new_path(folder)) as store:
        add_webhooks(store, [f"http://127.0.0.1/{number}" for number in range(webhooks)])
        return seconds(lambda: append_lines(store, lines))


def _emit(folder: Path, file: Path) -> float:
    db = new_path(folder)
    answers: list[bytes] = []
    emit: Callable[[], object] = lambda: answers.append(  # noqa: E731
        run(folder, TOCSIN, "--db", str(db), "event", "emit", str(file))
    )
    took = seconds(emit)
    assert json.loads(answers[0])["accepted"] == COUNT
    return took
