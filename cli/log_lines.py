"""The lines of a program that works on: whoever reads them slowly, or no more, holds up nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

LIMIT = 1_000
FLUSH_S = 1.0
"""How long the end waits for lines that are not read yet."""


class LogLines:
    """Lines that a thread of its own writes in order; used as a context manager.

    `write` may block. Once so many lines wait that another finds no room, lines are dropped until
    those that wait are written; then it is told how many that were. When `write` raises OSError,
    nobody reads any more, and nothing is written from then on.
    """

    def __init__(self, write: Callable[[str], None], limit: int = LIMIT) -> None:
        self._write = write
        self._limit = limit
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._ended = False
        self._changed = Condition()
        self._thread = Thread(target=self._work, name="log", daemon=True)

    def __enter__(self) -> LogLines:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(FLUSH_S)

    def note(self, line: str) -> None:
        """Have a line written; from any thread. Never waits for a reader and never raises."""
        with self._changed:
            if self._dropped or len(self._lines) >= self._limit:
                self._dropped += 1
            else:
                self._lines.append(line)
                self._changed.notify()

    def _work(self) -> None:
        try:
            while (line := self._next()) is not None:
                self._write(line)
        except OSError:
            with self._changed:
                self._lines.clear()
                self._limit = 0

    def _next(self) -> str | None:
        """The next line to be written; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._dropped or self._ended)
            if self._lines:
                return self._lines.popleft()
            dropped, self._dropped = self._dropped, 0
            return _dropped_text(dropped) if dropped else None


def _dropped_text(count: int) -> str:
    return "1 line was dropped" if count == 1 else f"{count:,} lines were dropped"
