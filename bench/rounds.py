"""Interleaved rounds, so that a busy moment falls on all measures alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def seconds(function: Callable[[], object]) -> float:
    """The time that one call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def interleaved(
    measures: Mapping[str, Callable[[], T]], rounds: Sequence[int]
) -> dict[str, list[T]]:
    """Take every measure once a round, each second round in the other order."""
    taken: dict[str, list[T]] = {name: [] for name in measures}
    for number in rounds:
        names = list(measures)
        for name in reversed(names) if number % 2 else names:
            taken[name].append(measures[name]())
    return taken
