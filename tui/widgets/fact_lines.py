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
        before = [self._strip(y) for y in range(self.size.height)]
        self._lines = lines
        for y, old in enumerate(before):
            if regions := changed_regions(old, self._strip(y), y):
                self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        return self._strip(y)

    def _strip(self, y: int) -> Strip:
        text = self._lines[y] if y < len(self._lines) else ""
        return Strip([Segment(fit(text, self.size.width), self.rich_style)], self.size.width)
