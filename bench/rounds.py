"""Interleaved rounds and their medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Measure = Callable[[], float]


def seconds(function: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def medians(measures: Mapping[str, Measure], rounds: int) -> dict[str, float]:
    """Take every measure once a round, so that a busy moment falls on all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}
