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
    """The median of each measure."""
    return {name: statistics.median(values) for name, values in _take(measures, rounds).items()}


def least(measures: Mapping[str, Measure], rounds: int) -> dict[str, float]:
    """The least of each measure: what it costs when nothing else wants the processor."""
    return {name: min(values) for name, values in _take(measures, rounds).items()}


def _take(measures: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """Take every measure once a round, so that a busy moment falls on all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
    return taken
