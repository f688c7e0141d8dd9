"""Boxes to type into that show nothing harmful, and whose cursors never blink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from domain.safe import safe
from tui.widgets.input_line import InputLine

MOST_UNDONE = 50
STAND_IN = "\N{REPLACEMENT CHARACTER}"


def shown(text: str) -> str:
    """The text with a stand-in for each character that must not reach a terminal.

    It keeps its length, so that the place of the cursor stays right.
    """
    if safe(text, len(text)) == text:
        return text
    return "".join(one if one == "\t" or safe(one) == one else STAND_IN for one in text)


class _Shown(Highlighter):
    """Lets an Input show `shown` of its value."""

    def __call__(self, text: str | Text) -> Text:
        plain = text if isinstance(text, str) else text.plain
        return Text(shown(plain), no_wrap=True, overflow="ignore", end="")

    def highlight(self, text: Text) -> None:
        """There is nothing to colour."""


class TextBox(InputLine):
    """One line; what was typed into it can be taken back, a word at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+z,super+z", "undo", "undo", show=False),
    ]

    def __init__(self, value: str = "", **more: Any) -> None:
        self._before: list[str] = []
        super().__init__(value, highlighter=_Shown(), **more)
        self._before.clear()

    def validate_value(self, value: str) -> str:
        """Remember what is replaced, unless it only grows within a word."""
        if value != self.value and not (self._before and _grows(self.value, value)):
            self._before.append(self.value)
            del self._before[:-MOST_UNDONE]
        return value

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Change the text, and everything that can be taken back to, so that none is as it was."""
        was_at_end = self.cursor_position >= len(self.value)
        before = list(map(change, self._before))
        with self.prevent(InputLine.Changed):
            self.value = change(self.value)
        self._before = before
        self.cursor_position = len(self.value) if was_at_end else self.cursor_position

    def action_undo(self) -> None:
        """Show what stood here before."""
        if self._before:
            before = self._before[:-1]
            self.value = self._before[-1]
            self._before = before
            self.cursor_position = len(self.value)


def _grows(before: str, after: str) -> bool:
    """Whether a letter or digit was added at the end."""
    return after[:-1] == before and after[-1].isalnum()


class Lines(TextArea):
    """A pair a line, "Name: value", the name coloured, and lines without a colon marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TextArea.COMPONENT_CLASSES | {
        "lines--name",
        "lines--bad",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "start", "start of the text", show=False),
        Binding("ctrl+end", "end", "end of the text", show=False),
    ]

    def __init__(self, text: str = "", **more: Any) -> None:
        super().__init__(text, compact=True, soft_wrap=False, highlight_cursor_line=False, **more)
        self.cursor_blink = False
        self._was_entered = False

    def on_focus(self) -> None:
        """Begin behind what is there; whoever comes back goes on where they were."""
        if not self._was_entered:
            self._was_entered = True
            self.action_end()

    def action_start(self) -> None:
        """Go before the first character."""
        self.move_cursor(self.document.start)

    def action_end(self) -> None:
        """Go behind the last character."""
        self.move_cursor(self.document.end)

    def undo(self) -> None:
        """Take the last change back."""
        self._leave_what_may_go()
        super().undo()

    def redo(self) -> None:
        """Make the change that was taken back."""
        self._leave_what_may_go()
        super().redo()

    def _leave_what_may_go(self) -> None:
        """Textual scrolls to the cursor before it has moved it from lines that are no more."""
        self.selection = Selection.cursor(self.document.start)

    def put(self, text: str) -> None:
        """Show another text; the one before can be taken back."""
        place = self.cursor_location
        self.history.checkpoint()
        self.replace(text, self.document.start, self.document.end)
        self.history.checkpoint()
        self.move_cursor(place)

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Change the text, and everything that can be taken back to, so that none is as it was."""
        place = self.cursor_location
        texts = [self.text]
        with self.prevent(TextArea.Changed):
            while self.history.undo_stack:
                self.undo()
                texts.append(self.text)
            self.text = change(texts.pop())
            for text in map(change, reversed(texts)):
                if text != self.text:
                    self.put(text)
        self.move_cursor(place)

    def get_line(self, line_index: int) -> Text:
        """One line, harmless and coloured."""
        line = Text(shown(self.document.get_line(line_index)), end="", no_wrap=True)
        name, colon, _ = line.plain.partition(":")
        if colon:
            line.stylize(self.get_component_rich_style("lines--name", partial=True), 0, len(name))
        elif name.strip():
            line.stylize(self.get_component_rich_style("lines--bad", partial=True))
        return line
