"""Tabs of the four types of event with their numbers, and a note at the right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from domain.event_types import EventType

TYPES = tuple(EventType)
_UNITS = ((1_000_000, "M"), (1_000, "k"))


def short_count(count: int) -> str:
    """Return a number in few letters: "9,999", "12k", "1.2M"."""
    for size, unit in _UNITS:
        if count >= 10 * size or (unit == "M" and count >= size):
            short = f"{count // (size // 10) / 10:.1f}".removesuffix(".0")
            return (short if count < 10 * size else str(count // size)) + unit
    return f"{count:,}"


class TypeTabs(Widget):
    """Line of tabs; a click chooses one, and so do the keys of the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "type-tabs--chosen",
        "type-tabs--other",
        "type-tabs--note",
    }

    @dataclass
    class Picked(Message):
        """A type was clicked."""

        type: EventType

    def __init__(self, chosen: EventType, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen = chosen
        self._counts: dict[EventType, int] = {}
        self._note = ""

    def show_counts(self, chosen: EventType, counts: Mapping[EventType, int], note: str) -> None:
        """Show the chosen type, the numbers and a note; they are painted only if they changed."""
        if (chosen, counts, note) != (self.chosen, self._counts, self._note):
            self.chosen, self._counts, self._note = chosen, dict(counts), note
            self.refresh()

    def render_line(self, y: int) -> Strip:
        segments = []
        for type_, label in self._labels():
            kind = "chosen" if type_ is self.chosen else "other"
            style = self.get_component_rich_style(f"type-tabs--{kind}")
            segments += [Segment(label, style), Segment(" ", self.rich_style)]
        note = Segment(f" {self._note} ", self.get_component_rich_style("type-tabs--note"))
        room = max(0, self.size.width - self._note_length)
        tabs = Strip(segments).adjust_cell_length(room, self.rich_style)
        return Strip([*tabs, note]).adjust_cell_length(self.size.width, self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        left = 0
        for type_, label in self._labels():
            right = left + cell_len(label)
            if left <= event.x < right:
                self.post_message(self.Picked(type_))
            left = right + 1

    def _labels(self) -> list[tuple[EventType, str]]:
        full = [(type_, self._label(type_, type_.title)) for type_ in TYPES]
        if sum(cell_len(label) + 1 for _, label in full) + self._note_length <= self.size.width:
            return full
        return [(type_, self._label(type_, type_.title.split()[-1])) for type_ in TYPES]

    @property
    def _note_length(self) -> int:
        return cell_len(self._note) + 2

    def _label(self, type_: EventType, title: str) -> str:
        mark = "▸" if type_ is self.chosen else " "
        return f"{mark}{title} {short_count(self._counts.get(type_, 0))} "
