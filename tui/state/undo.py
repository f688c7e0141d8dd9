"""Undo of the actions of this session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import msgspec

from tui.questions import Question
from tui.state.store_access import Refused


async def _nothing_to_ask() -> None:
    return None


class Undo(msgspec.Struct, frozen=True):
    """An action that was done ("deleted siem"), and the function that undoes it.

    That returns a text to add to the notice. `question` returns the question that comes first,
    None where nothing is lost.
    """

    what: str
    carry_out: Callable[[], Awaitable[str]]
    question: Callable[[], Awaitable[Question | None]] = _nothing_to_ask


class UndoStack:
    """Stack of undos, the newest on top; kept in memory, gone with the terminal."""

    def __init__(self) -> None:
        self._undos: list[Undo] = []
        self._refused: Undo | None = None

    def __len__(self) -> int:
        return len(self._undos)

    @property
    def newest(self) -> Undo | None:
        """The undo of the last action, if there is any."""
        return self._undos[-1] if self._undos else None

    def push(
        self,
        what: str,
        carry_out: Callable[[], Awaitable[str]],
        question: Callable[[], Awaitable[Question | None]] = _nothing_to_ask,
    ) -> None:
        """Remember the undo of an action that was just done."""
        self._undos.append(Undo(what, carry_out, question))

    async def question_before(self, undo: Undo) -> Question | None:
        """Return the question before an undo. Raises Refused, as `take_back` does."""
        with self._giving_up_at_last(undo):
            return await undo.question()

    async def take_back(self, undo: Undo) -> str:
        """Undo an action, and return its words for a notice. Raises Refused.

        A refused undo can be tried once more, when its reason is gone; refused again it is
        given up, so that the action before it can be undone.
        """
        if undo not in self._undos:
            raise Refused(f"{undo.what}: that is undone already")
        with self._giving_up_at_last(undo):
            more = await undo.carry_out()
        self._undos.remove(undo)
        return f"{undo.what}; {more}" if more else undo.what

    @contextmanager
    def _giving_up_at_last(self, undo: Undo) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            if self._refused is not undo:
                self._refused = undo
                raise
            self._undos.remove(undo)
            raise Refused(f'{refused}; the undo of "{undo.what}" is given up') from refused


class UndoStacks:
    """Undo stacks of each list; the screens that use them come and go."""

    def __init__(self) -> None:
        self.webhooks = UndoStack()
        self.sources = UndoStack()
        self.alerts = UndoStack()
        self.settings = UndoStack()
