"""Text as it is, folded where the widget ends with a mark, so that no fold looks like a break."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells
from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

FOLD = "↪ "
"""The mark of a line that goes on with the one above it."""


class RawText(Widget):
    """Text whose lines are broken at its width and nowhere else."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._text = ""
        self._note = ""
        self._folded = (0, Text(""))

    def show_text(self, text: str, note: str = "") -> None:
        """Show a text that is harmless already; `note` stands below it and is no part of it."""
        self._text, self._note = text, note
        self._folded = (0, Text(""))
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.lines(width).plain.split("\n"))

    def render(self) -> Text:
        return self.lines(self.content_size.width)

    def lines(self, width: int) -> Text:
        """Return the text as it is shown in so many columns."""
        if self._folded[0] != width:
            text = folded(self._text, width)
            if self._note:
                text.append(f"\n\n{self._note}", "italic")
            self._folded = (width, text)
        return self._folded[1]


def folded(text: str, width: int) -> Text:
    """Return a text in lines of at most `width` columns of the terminal."""
    shown = Text(no_wrap=True)
    for number, line in enumerate(text.split("\n")):
        shown.append("\n" if number else "")
        first, rest = _first_part(line, width)
        shown.append(first)
        for part in chop_cells(rest, max(2, width - cell_len(FOLD))) if rest else ():
            shown.append("\n").append(FOLD, "dim").append(part)
    return shown


def _first_part(line: str, width: int) -> tuple[str, str]:
    if cell_len(line) <= width:
        return line, ""
    first = chop_cells(line, max(2, width))[0]
    return first, line[len(first) :]
