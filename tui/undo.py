"""What can be taken back in this session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Undo:
    """What was done ("delete of siem"), and how it is undone."""

    what: str
    carry_out: Callable[[], Awaitable[object]]


class UndoStack:
    """The newest first; kept in memory, gone with the terminal."""

    def __init__(self) -> None:
        self._undos: list[Undo] = []

    def push(self, what: str, carry_out: Callable[[], Awaitable[object]]) -> None:
        """Remember how to undo what was just done."""
        self._undos.append(Undo(what, carry_out))

    def pop(self) -> Undo | None:
        """The last thing that can be undone, or None."""
        return self._undos.pop() if self._undos else None
