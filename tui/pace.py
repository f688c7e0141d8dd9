"""How often something may move that costs the terminal much each time."""

from __future__ import annotations


class Pace:
    """One move in each `each_ms`; after a quiet time up to `at_once` of them without a wait."""

    def __init__(self, each_ms: int, at_once: int) -> None:
        self._each_ms = each_ms
        self._most_ms = each_ms * at_once
        self._saved_ms = self._most_ms
        self._last_ms: int | None = None

    def take(self, now_ms: int) -> bool:
        """Take a move if there is one to take. A clock that was set back adds nothing."""
        passed = max(0, now_ms - (now_ms if self._last_ms is None else self._last_ms))
        self._last_ms = now_ms
        self._saved_ms = min(self._most_ms, self._saved_ms + passed)
        if self._saved_ms < self._each_ms:
            return False
        self._saved_ms -= self._each_ms
        return True
