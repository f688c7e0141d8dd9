"""Lines of text that are painted anew only when they changed."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Facts(Static):
    """A Static that compares first: an unchanged text costs the terminal nothing."""

    def __init__(self, *, id: str | None = None, classes: str = "facts") -> None:
        super().__init__(Text(""), id=id, classes=classes)
        self._told = Text("")

    def tell(self, text: Text) -> None:
        """Show a text that is harmless already."""
        if text != self._told:
            self._told = text
            self.update(text)
