"""What the bodies of all requests may hold together."""

from __future__ import annotations

from sources.http.messages import not_now
from sources.memory import MOST_BYTES, Memory, MemoryFull


class Budget:
    """Bytes are taken as they come, so who only announces a body takes nothing from others.

    The body that first finds too few left goes on beyond them, bounded by its own limit alone:
    of several large ones that come together, each would else be in the way of the others.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.memory = Memory(most)
        self._beyond: Share | None = None

    def lets_beyond(self, share: Share) -> bool:
        """Whether this is the one that may go on; one at a time is."""
        if self._beyond is None:
            self._beyond = share
        return self._beyond is share

    def end(self, share: Share) -> None:
        """It holds nothing any more."""
        if self._beyond is share:
            self._beyond = None


class Share:
    """What one request holds."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0
        self._beyond = 0

    def take(self, count: int) -> None:
        """Raises Refused where so many are not left."""
        try:
            self._budget.memory.take(count)
            self._held += count
        except MemoryFull as full:
            if not self._budget.lets_beyond(self):
                raise not_now(str(full), full.retry_after_s) from None
            self._beyond += count

    def give(self, count: int) -> None:
        """So many of those that were taken are held no longer."""
        beyond = min(count, self._beyond)
        self._beyond -= beyond
        self._held -= count - beyond
        self._budget.memory.give(count - beyond)

    def close(self) -> None:
        """Nothing is held any more."""
        self.give(self._held + self._beyond)
        self._budget.end(self)
