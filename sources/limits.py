"""Limits of what programs hand in: memory, disk, and a warning once an hour."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

from sources.base import SourceError
from store.files import free_bytes

MOST_BYTES = 32 << 20


class MemoryFull(Exception):
    """Others are handing in so much that this has to wait."""

    retry_after_s = 2

    def __init__(self) -> None:
        super().__init__("too much is being handed in at this moment: try again")


class MemoryBudget:
    """Counts the bytes that all clients of a source have on their way in."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._left = most

    def take(self, count: int) -> None:
        """Raises MemoryFull where so many are not left."""
        if count > self._left:
            raise MemoryFull
        self._left -= count

    def give(self, count: int) -> None:
        """Bytes that were taken are held no longer."""
        self._left += count


def check_disk(store: Path, least_bytes: int) -> None:
    """Raise SourceError where less than `least_bytes` are free beside the store."""
    if free_bytes(store) < least_bytes:
        raise SourceError(
            f"waiting: less than min_free_disk ({least_bytes // 1_000_000} MB) is free where "
            "the store is",
            "free some disk space",
        )


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
