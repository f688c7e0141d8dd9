"""What comes often is told of once an hour."""

from __future__ import annotations

from collections.abc import Callable, Hashable

HOUR_MS = 3_600_000
MOST_TOLD = 10_000


class HourlyLimit:
    """Which of many things were told of within the hour."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._told_ms: dict[Hashable, int] = {}

    def is_due(self, thing: Hashable) -> bool:
        """Whether it is to be told of now; then it counts as told."""
        now_ms = self._clock()
        if 0 <= now_ms - self._told_ms.get(thing, -HOUR_MS) < HOUR_MS:
            return False
        if len(self._told_ms) >= MOST_TOLD:
            self._told_ms.clear()
        self._told_ms[thing] = now_ms
        return True

    def forget(self, thing: Hashable) -> None:
        """It could not be told of."""
        self._told_ms.pop(thing, None)
