"""Lines of text of which only the columns that changed are painted."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.text import Text
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.changes import changed_regions
from tui.widgets.columns import fit


class FactLines(Widget):
    """For facts that count down: each of its lines is cut where the widget ends."""

    def __init__(self, *, id: str, classes: str = "facts") -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[str] = ()

    def tell(self, text: Text) -> None:
        """Show other lines; colours in them don't count."""
        lines = text.plain.split("\n")
        if lines == self._lines:
            return
        before, self._lines = self._lines, lines
        width, height = self.size
        for y in range(height):
            old, new = (Strip([Segment(_fitting(one, y, width))]) for one in (before, lines))
            if regions := changed_regions(old, new, y):
                self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return Strip([Segment(_fitting(self._lines, y, width), self.rich_style)], width)


def _fitting(lines: Sequence[str], y: int, width: int) -> str:
    return fit(lines[y] if y < len(lines) else "", width)
