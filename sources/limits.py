"""Limits on events that programs hand in: memory, disk, and one report an hour.

Apart, since each service uses some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

from sources.base import SourceError
from store.files import free_bytes

MOST_BYTES = 32 << 20

HOUR_MS = 3_600_000
MOST_REMEMBERED = 10_000


class MemoryFull(Exception):
    """Clients are handing in too much at once: this one has to wait."""

    retry_after_s = 2

    def __init__(self) -> None:
        super().__init__("too much is being handed in at this moment: try again")


class MemoryBudget:
    """Budget for the bytes that all clients of a source have on their way in."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._left = most

    def take(self, count: int) -> None:
        """Take bytes. Raises MemoryFull where so many are not left."""
        if count > self._left:
            raise MemoryFull
        self._left -= count

    def give(self, count: int) -> None:
        """Give bytes back."""
        self._left += count


def check_disk(store: Path, least_bytes: int) -> None:
    """Raise SourceError where less than `least_bytes` are free beside the store."""
    if free_bytes(store) < least_bytes:
        raise SourceError(
            f"waiting: less than min_free_disk ({least_bytes // 1_000_000} MB) is free where "
            "the store is",
            "free some disk space",
        )


class HourlyLimit:
    """Limit of one report an hour for each subject."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._last_ms: dict[Hashable, int] = {}

    def is_due(self, subject: Hashable) -> bool:
        """Return whether a subject may be reported now; then it counts as reported."""
        now_ms = self._clock()
        if 0 <= now_ms - self._last_ms.get(subject, -HOUR_MS) < HOUR_MS:
            return False
        if len(self._last_ms) >= MOST_REMEMBERED:
            self._last_ms.clear()
        self._last_ms[subject] = now_ms
        return True

    def forget(self, subject: Hashable) -> None:
        """Forget a report that failed."""
        self._last_ms.pop(subject, None)
