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
    """A purse that fills with time; who looks at the store waits until it is filled again.

    What the admin's keys paint is not paid from it: who scrolls sees what is new as soon as ever.
    Nor is more owed than the longest pause pays back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._left = float(SAVED)
        self._seen_s = monotonic()
        self._is_asked = False

    def is_asked(self) -> None:
        """What is painted from now on is what the admin asked for."""
        self._is_asked = True

    def is_unasked(self) -> None:
        """What is painted from now on, the screen paints by itself."""
        self._is_asked = False

    def spend(self, count: int) -> None:
        """So many bytes were written."""
        if not self._is_asked:
            self._fill()
            self._left = max(self._left - count, -A_SECOND * LONGEST_PAUSE_S)

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
