"""Boxes to type into that show nothing harmful, and whose cursors never blink."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.widgets import Input, TextArea

from domain.safe import safe

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


class TextBox(Input):
    """One line."""

    def __init__(self, value: str = "", **more: Any) -> None:
        super().__init__(value, compact=True, highlighter=_Shown(), select_on_focus=False, **more)
        self.cursor_blink = False


class Lines(TextArea):
    """A pair a line, "Name: value", the name coloured, and lines without a colon marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TextArea.COMPONENT_CLASSES | {
        "lines--name",
        "lines--bad",
    }

    def __init__(self, text: str = "", **more: Any) -> None:
        super().__init__(text, compact=True, soft_wrap=False, highlight_cursor_line=False, **more)
        self.cursor_blink = False

    def get_line(self, line_index: int) -> Text:
        """One line, harmless and coloured."""
        line = Text(shown(self.document.get_line(line_index)), end="", no_wrap=True)
        name, colon, _ = line.plain.partition(":")
        if colon:
            line.stylize(self.get_component_rich_style("lines--name", partial=True), 0, len(name))
        elif name.strip():
            line.stylize(self.get_component_rich_style("lines--bad", partial=True))
        return line
