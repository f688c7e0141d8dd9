"""The first line: where one is, who sends, and the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.changes import changed_regions
from tui.widgets.columns import fit
from tui.words import Told

CLOCK_FROM_WIDTH = 90
CRUMB = " › "


class TopBar(Widget):
    """Breadcrumb at the left, the worker's line at the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "top-bar--place",
        "top-bar--good",
        "top-bar--bad",
        "top-bar--warning",
        "top-bar--busy",
        "top-bar--plain",
        "top-bar--dim",
    }

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__()
        self.path = tuple(path)
        self._told = Told("", "dim")
        self._clock = ""

    def tell(self, told: Told, clock: str) -> None:
        """Say who sends, and the time; only what changed is painted."""
        if (told, clock) == (self._told, self._clock):
            return
        before = self._line()
        self._told, self._clock = told, clock
        if regions := changed_regions(before, self._line(), 0):
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        return self._line()

    def _line(self) -> Strip:
        width = self.size.width
        clock = f"  {self._clock}" if width >= CLOCK_FROM_WIDTH else ""
        told = self._told
        room = width - cell_len(clock) - 1
        spare = room - cell_len(_line_of(self.path))
        asked = min(cell_len(told.text), max(width * 3 // 5, spare))
        place = self._fitting_path(room - asked)
        text = fit(told.text, max(0, min(cell_len(told.text), room - cell_len(place))))
        left = fit(place, max(0, room - cell_len(text)))
        place_style = self.get_component_rich_style("top-bar--place")
        told_style = self.get_component_rich_style(f"top-bar--{told.tone}")
        return Strip(
            [
                Segment(left, place_style),
                Segment(text, told_style),
                Segment(f"{clock} ", place_style),
            ]
        ).adjust_cell_length(width, place_style)

    def _fitting_path(self, width: int) -> str:
        """The path; where there is too little room, its end with … before it."""
        path = self.path
        while len(path) > 2 and cell_len(_line_of(path)) > width:
            path = ("…", *path[2:])
        line = _line_of(path)
        return line if cell_len(line) <= width else fit(line, width)


def _line_of(path: Sequence[str]) -> str:
    return f" {CRUMB.join(path)} "
