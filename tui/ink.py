"""How many bytes the screen may write by itself, and how long it pauses after it wrote more."""

from __future__ import annotations

import time
from collections.abc import Callable

A_SECOND = 1_900
"""A line over SSH carries that beside what an admin does."""

SAVED = 4_000
"""What a quiet time saves up: a screenful at once, as after a key."""

LONGEST_PAUSE_S = 2.0


class Ink:
    """A purse that fills with time; who looks at the store waits until it is filled again."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._left = float(SAVED)
        self._seen_s = monotonic()

    def spend(self, count: int) -> None:
        """So many bytes were written."""
        self._fill()
        self._left -= count

    def forgive(self) -> None:
        """Forget what was written: it was the first paint, which nothing else waits for."""
        self._left = float(SAVED)

    def pause_s(self) -> float:
        """How long to write nothing, seconds."""
        self._fill()
        return min(LONGEST_PAUSE_S, max(0.0, -self._left / A_SECOND))

    def _fill(self) -> None:
        now_s = self._monotonic()
        self._left = min(float(SAVED), self._left + (now_s - self._seen_s) * A_SECOND)
        self._seen_s = now_s
