"""What can be taken back in this session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.quick import dataclass
from tui.desk import Refused


@dataclass(frozen=True, slots=True)
class Undo:
    """What was done ("deleted siem"), and how it is undone; that gives what else is to be told."""

    what: str
    carry_out: Callable[[], Awaitable[str]]


class UndoStack:
    """The newest first; kept in memory, gone with the terminal."""

    def __init__(self) -> None:
        self._undos: list[Undo] = []
        self._refused: Undo | None = None

    def __len__(self) -> int:
        return len(self._undos)

    def push(self, what: str, carry_out: Callable[[], Awaitable[str]]) -> None:
        """Remember how to undo what was just done."""
        self._undos.append(Undo(what, carry_out))

    async def take_back(self) -> str:
        """Undo the last thing, and say what it was. Raises Refused; there must be something.

        What is refused can be tried once more, when its reason is gone; refused again it is
        given up, so that what was done before it can be undone.
        """
        undo = self._undos[-1]
        try:
            more = await undo.carry_out()
        except Refused as refused:
            if self._refused is not undo:
                self._refused = undo
                raise
            self._undos.remove(undo)
            raise Refused(f'{refused}; the undo of "{undo.what}" is given up') from refused
        self._undos.remove(undo)
        return f"{undo.what}; {more}" if more else undo.what
