"""Lines of a table: its labels, and one for each row in sight."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.cells import GAP, Column, Row, ShownColumn, fit

Key = Hashable
MARK = "▌"
BAR = "▐"


class TableLines(ScrollView):
    """Lines of the rows of `keys` that are in sight, with the marks and the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "live-table--header",
        "live-table--cursor",
        "live-table--marked",
        "live-table--good",
        "live-table--bad",
        "live-table--warning",
        "live-table--busy",
        "live-table--dim",
    }

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.keys: Sequence[Key] = ()
        self.marked: set[Key] = set()
        self.sorted_by: tuple[str, bool] | None = None
        self._rows: dict[Key, Row] = {}
        self._index = 0
        self._placed: tuple[ShownColumn, ...] = ()
        self._painted: dict[int, Strip] = {}  # what was last drawn in each line

    def shows(self, column: str) -> bool:
        """Return True if there is room for a column."""
        return any(placed.column.key == column for placed in self._placed)

    def _in_sight(self, margin: int = 0) -> Sequence[Key]:
        top = max(0, self.scroll_offset.y - margin)
        return self.keys[top : self.scroll_offset.y + self.size.height + margin]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._header(width)
        self._painted[y] = self._line_at(y)
        return self._painted[y]

    def _header(self, width: int) -> Strip:
        style = self.get_component_rich_style("live-table--header")
        cells = [fit(self._label(p.column), p.width, right=p.column.right) for p in self._placed]
        text = " " + (" " * GAP).join(cells)
        return Strip([Segment(fit(text, width), style)], width)

    def _label(self, column: Column) -> str:
        if self.sorted_by is None or self.sorted_by[0] != column.key:
            return column.label
        return f"{column.label}{'▾' if self.sorted_by[1] else '▴'}"

    def _line_at(self, y: int) -> Strip:
        width, index = self.size.width, y - 1 + self.scroll_offset.y
        if index >= len(self.keys):
            return Strip.blank(width, self.rich_style)
        key, under_cursor, bar = self.keys[index], index == self._index, self._bar(y - 1)
        base = self._base_style(key, under_cursor)
        row = self._rows.get(key)
        mark = MARK if key in self.marked else " "
        segments = [] if row is not None else [Segment(mark, base)]
        for place_ in self._placed if row is not None else ():
            cell = row[place_.index]  # type: ignore[index]  # the loop is empty without a row
            text = fit(cell.text, place_.width, right=place_.column.right)
            style = base + self._tone_style(cell.tone, under_cursor)
            segments.append(Segment(text if segments else mark + text, style))
            segments.append(Segment(" " * GAP, style))
        # Each change of style costs 40 bytes on the line, more than most cells.
        line = list(Strip(segments).adjust_cell_length(width - 1, base))
        last = base + self._tone_style("dim", under_cursor) if bar or not line else line[-1].style
        return Strip([*line, Segment(bar or " ", last)]).simplify()

    def _bar(self, y: int) -> str:
        """Return the part of the scroll bar beside a row: Textual's own costs 60 bytes a row."""
        height, total = self.size.height - 1, len(self.keys)
        if total <= height:
            return ""
        length = max(1, height * height // total)
        top = round((height - length) * self.scroll_offset.y / (total - height))
        return BAR if top <= y < top + length else ""

    def _base_style(self, key: Key, under_cursor: bool) -> Style:
        if under_cursor:
            return self.get_component_rich_style("live-table--cursor")
        if key in self.marked:
            return self.get_component_rich_style("live-table--marked")
        return self.rich_style

    def _tone_style(self, tone: str, under_cursor: bool) -> Style:
        if tone == "plain":
            return Style.null()
        return _text_style(self.get_component_rich_style(f"live-table--{tone}"), under_cursor)


@lru_cache(maxsize=256)
def _text_style(style: Style, under_cursor: bool) -> Style:
    """Return the style of a text, without its colour under the cursor."""
    return Style(color=None if under_cursor else style.color, bold=style.bold)
