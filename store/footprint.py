"""Times of a store's files, by which a process knows whether it need read the store again.

A read is a statement on the store's thread, and the way there and back costs a hundred times as
much as the times of the files. Every commit writes to the log beside the store before it can be
seen; how long before, a slow disk decides. So a read is due from a write on until some time has
passed, and now and then in any case.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

FRESH_NS = 1_000_000_000
LONGEST_NS = 1_000_000_000


class Footprint:
    """The last writes to a store's files, as they were when it was last called."""

    def __init__(
        self,
        path: Path,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._paths = (str(path), f"{path}-wal")
        self._now_ns = now_ns
        self._monotonic_ns = monotonic_ns
        self._seen: tuple[tuple[int, int, int] | None, ...] = ()
        self._looked_ns: int | None = None

    def calls_for_look(self) -> bool:
        """Return True if the store is to be read now; the caller does so then."""
        seen = tuple(map(_state, self._paths))
        before, self._seen = self._seen, seen
        if seen == before and not self._is_fresh() and not self._is_overdue():
            return False
        self._looked_ns = self._monotonic_ns()
        return True

    def _is_fresh(self) -> bool:
        """Return True if a write is so recent that its commit may yet come, or in the future."""
        newest_ns = max((state[0] for state in self._seen if state is not None), default=0)
        return self._now_ns() - newest_ns < FRESH_NS

    def _is_overdue(self) -> bool:
        looked_ns = self._looked_ns
        return looked_ns is None or self._monotonic_ns() - looked_ns >= LONGEST_NS


def _state(path: str) -> tuple[int, int, int] | None:
    """Return the time of a file's last write, its size and its number; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
