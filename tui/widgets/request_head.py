"""First line and headers of a request, with the number of lines that have no room.

A file of its own since the screen of a delivery and the form of a webhook both show one.
"""

from __future__ import annotations

from rich.text import Text
from textual.message import Message

from tui.widgets.lines import StaticText


class RequestHead(StaticText):
    """Text that posts the number of its lines that are cut off, whenever that changes."""

    class Cut(Message):
        """`hidden` lines are cut off."""

        def __init__(self, hidden: int) -> None:
            super().__init__()
            self.hidden = hidden

    def __init__(self, *, id: str, classes: str) -> None:
        super().__init__(id=id, classes=classes)
        self._lines = 0
        self._hidden = 0

    def show_text(self, text: Text) -> None:
        super().show_text(text)
        self._lines = len(text.plain.split("\n"))
        self.call_after_refresh(self._measure)

    def on_resize(self) -> None:
        self._measure()

    def _measure(self) -> None:
        hidden = max(0, self._lines - self.size.height)
        if hidden != self._hidden:
            self._hidden = hidden
            self.post_message(self.Cut(hidden))
