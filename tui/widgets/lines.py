"""Lines of text of which only the columns that changed are painted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from tui.cells import fit

LEAST_GAP = 8
"""Unchanged columns between changes that are painted apart; to paint fewer costs fewer bytes than
a new position and style."""


def changed_regions(before: Strip, after: Strip, y: int) -> list[Region]:
    """Return the parts of line `y` to paint, from left to right; none if nothing changed."""
    if before == after:
        return []
    spans: list[tuple[int, int]] = []
    for x, (old, new) in enumerate(zip_longest(_cells(before), _cells(after))):
        if old == new:
            continue
        if spans and x - spans[-1][1] < LEAST_GAP:
            spans[-1] = (spans[-1][0], x + 1)
        else:
            spans.append((x, x + 1))
    return [Region(start, y, end - start, 1) for start, end in spans]


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    return [cell for segment in strip for cell in _cells_of(segment)]


def _cells_of(segment: Segment) -> list[tuple[str, Style | None]]:
    """Return the character of each column; a wide one stands in both of its columns."""
    if segment.text.isascii():
        return [(character, segment.style) for character in segment.text]
    cells: list[tuple[str, Style | None]] = []
    for character in segment.text:
        width = get_character_cell_size(character)
        if not width and cells:
            cells[-1] = (cells[-1][0] + character, segment.style)
        cells += [(character, segment.style)] * width
    return cells


class FactLines(Widget):
    """Lines of a text that counts down, each cut where the widget ends."""

    def __init__(self, *, id: str, classes: str = "facts") -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[str] = ()

    def show_text(self, text: Text) -> None:
        """Show other lines, without their colours."""
        lines = text.plain.split("\n")
        if lines == self._lines:
            return
        before, self._lines = self._lines, lines
        width, height = self.size
        for y in range(height):
            old, new = (Strip([Segment(_fitting(shown, y, width))]) for shown in (before, lines))
            if regions := changed_regions(old, new, y):
                self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return Strip([Segment(_fitting(self._lines, y, width), self.rich_style)], width)


def _fitting(lines: Sequence[str], y: int, width: int) -> str:
    return fit(lines[y] if y < len(lines) else "", width)


class StaticText(Static):
    """Static text that is painted only if it changed."""

    def __init__(self, *, id: str | None = None, classes: str = "facts") -> None:
        super().__init__(Text(""), id=id, classes=classes)
        self._shown = Text("")

    def show_text(self, text: Text) -> None:
        """Show a text that is harmless already."""
        if text != self._shown:
            self._shown = text
            self.update(text)
