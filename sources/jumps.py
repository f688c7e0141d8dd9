"""Notices that the wall clock was set, or that the machine slept, by a clock that nobody sets."""

from __future__ import annotations

from collections.abc import Callable

LEAST_MS = 30_000
"""What differs by less is a clock that NTP corrects."""


class ClockJumps:
    """By how much the wall clock has jumped since it was last asked."""

    def __init__(self, monotonic: Callable[[], float], now_ms: int) -> None:
        self._monotonic = monotonic
        self._offset_ms = self._offset(now_ms)

    def since(self, now_ms: int) -> int:
        """The jump in milliseconds, negative where the clock was set back, 0 for none."""
        offset_ms = self._offset(now_ms)
        jump_ms = offset_ms - self._offset_ms
        if abs(jump_ms) < LEAST_MS:
            return 0
        self._offset_ms = offset_ms
        return jump_ms

    def _offset(self, now_ms: int) -> int:
        return now_ms - int(self._monotonic() * 1000)


def no_jump(_now_ms: int) -> int:
    """Of a clock that nobody sets."""
    return 0
