"""A line to type into, whose cursor never blinks: a line over SSH has better things to carry."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class InputLine(Input):
    """Textual's own, with the keys for both ends that boxes of several lines have."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "home", "start", show=False),
        Binding("ctrl+end", "end", "end", show=False),
    ]

    def __init__(self, value: str = "", *, select_on_focus: bool = False, **more: Any) -> None:
        super().__init__(value, compact=True, select_on_focus=select_on_focus, **more)
        self.cursor_blink = False
