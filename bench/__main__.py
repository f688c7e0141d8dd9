"""Run all measurements, or those named; `PARTS` has their names."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import append, deliver, derive, idle, intake, start, tui
from bench.report import show_goals

PARTS: dict[str, Callable[[Path], None]] = {
    "append": append.measure,
    "neighbours": append.measure_neighbours,
    "deliver": deliver.measure,
    "intake": intake.measure,
    "start": start.measure,
    "idle": idle.measure,
    "derive": derive.measure,
    "tui": tui.measure,
}


def main(names: list[str]) -> None:
    """Measure in a folder of its own, which is removed at the end."""
    unknown = set(names) - set(PARTS)
    if unknown:
        sys.exit(f"no measurement {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    print(
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}. A ratio (x) is to the floor "
        "of the same rounds; goals are for a quiet machine, on a busy one only the ratios count."
    )
    for name in names or PARTS:
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
            PARTS[name](Path(folder))
    show_goals()


if __name__ == "__main__":
    main(sys.argv[1:])
