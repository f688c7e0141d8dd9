"""How much memory what comes in at one time may take."""

from __future__ import annotations

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
