"""A frame around what belongs together."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content


class Panel(Vertical):
    """Its frame is painted anew only when the title changed: a frame is a whole screen of bytes."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self._told = ""

    def tell_title(self, title: str) -> None:
        """Set the title, a text that is harmless already."""
        if title != self._told:
            self._told = title
            self.border_title = Content(title)
