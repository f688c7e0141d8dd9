"""First line of a screen: its path, on a wide terminal the sections, who sends, and the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from tui.cells import cut, fit
from tui.key_names import app_key_of
from tui.sections import SECTIONS
from tui.widgets.lines import changed_regions
from tui.wording import StatusText

CRUMB = " › "
CUT = "…"
LONG = 16
"""Columns that a part of the path keeps where there is little room."""

NAMED_FROM = 110
"""The width from which the sections stand here; on less the last line has their keys."""

GAP = "  "


class TopBar(Widget):
    """First line: the path at the left, the status of the worker and the time at the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "top-bar--place",
        "top-bar--section",
        "top-bar--good",
        "top-bar--bad",
        "top-bar--warning",
        "top-bar--busy",
        "top-bar--plain",
        "top-bar--dim",
    }

    def __init__(self, cut: str = CUT) -> None:
        """`cut` stands for the beginning of a path where there is no room for it."""
        super().__init__()
        self._path: tuple[str, ...] = ()
        self._cut = cut
        self._status = StatusText("", "dim")
        self._clock = ""
        self._painted: Strip | None = None

    def show_path(self, path: Sequence[str]) -> None:
        """Show the path of the screen, part by part."""
        if self._path != (path := tuple(path)):
            self._path = path
            self.refresh()

    def show_status(self, status: StatusText, clock: str) -> None:
        """Show who sends, and the time; only columns that changed are painted."""
        if (status.harmless, clock) == (self._status, self._clock):
            return
        before = self._painted or self._line()
        self._status, self._clock = status.harmless, clock
        if regions := changed_regions(before, self._line(), 0):
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        self._painted = self._line()
        return self._painted

    def _line(self) -> Strip:
        width = self.size.width
        text, clock = self._right_part()
        room = max(0, width - cell_len(text) - cell_len(clock))
        place_style = self.get_component_rich_style("top-bar--place")
        status_style = self.get_component_rich_style(f"top-bar--{self._status.tone}")
        path = self._fitting_path(room)
        return Strip(
            [*self._place(path, room), Segment(text, status_style), Segment(clock, place_style)]
        ).adjust_cell_length(width, place_style)

    def _place(self, path: str, room: int) -> list[Segment]:
        """Return the path, and behind it the sections where they are named."""
        place_style = self.get_component_rich_style("top-bar--place")
        names = self._names()
        if not names or path != self._paths()[0]:
            return [Segment(fit(path, room), place_style)]
        path = path.removesuffix(names)
        section_style = self.get_component_rich_style("top-bar--section")
        return [
            Segment(path, place_style),
            Segment(fit(names, room - cell_len(path)), section_style),
        ]

    def _names(self) -> str:
        """Return the sections with their keys, "" where there is no room for them."""
        if self.size.width < NAMED_FROM:
            return ""
        return "".join(f"{GAP}{name}" for _, name in self._sections())

    def _sections(self) -> list[tuple[str, str]]:
        """Return the action of each section, and its text in the line."""
        keys = {section.id: app_key_of(self.app, section.id) for section in SECTIONS}
        return [
            (f"section('{section.name}')", f"{keys[section.id]} {section.title}".lstrip())
            for section in SECTIONS
        ]

    async def on_click(self, event: events.Click) -> None:
        names = self._names()
        left = self._line().text.find(names) if names else -1
        for action, name in self._sections() if left >= 0 else ():
            left += len(GAP)
            if left <= event.x < left + cell_len(name):
                await self.app.run_action(action)
            left += cell_len(name)

    def _right_part(self) -> tuple[str, str]:
        """Return the status and the clock: the path gives way first, the clock after it."""
        clock, paths = f"  {self._clock} " if self._clock else " ", self._paths()
        for path, time in (*((path, clock) for path in paths), *((path, " ") for path in paths)):
            text = self._status.fitting(room := self._room_beside(path, time))
            if cell_len(text) <= room and text in self._status.rich:
                return text, time
        room = self._room_beside(paths[-1], " ")
        text = self._status.fitting(room)
        return fit(text, min(room, cell_len(text))), " "

    def _room_beside(self, path: str, time: str) -> int:
        return max(0, self.size.width - cell_len(path) - cell_len(time))

    def _paths(self) -> list[str]:
        """Return the path, on a wide terminal with the sections, then with less and less of it."""
        ends = [(self._cut, *self._path[start:]) for start in range(2, len(self._path))]
        paths = [line for path in (self._path, *ends) for line in _lines_of(path)]
        names = self._names()
        return [f"{paths[0]}{names}", *paths] if names else paths

    def _fitting_path(self, width: int) -> str:
        """Return the path; where there is too little room, its end with … before it."""
        paths = self._paths()
        return next((path for path in paths if cell_len(path) <= width), fit(paths[-1], width))


def _lines_of(path: Sequence[str]) -> Iterator[str]:
    """Yield a path as it is, and with its long parts cut."""
    yield f" {CRUMB.join(path)} "
    if any(cell_len(part) > LONG for part in path[:-1]):
        yield f" {CRUMB.join((*(cut(part, LONG) for part in path[:-1]), path[-1]))} "
