"""What is shown while the terminal is too small for anything else."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

LEAST = Size(60, 15)


class TooSmallScreen(ModalScreen[None]):
    """Says what is needed; the screens below keep all they hold, and deliveries go on."""

    def compose(self) -> ComposeResult:
        yield Static()

    def on_resize(self, event: events.Resize) -> None:
        size = f"{event.size.width}x{event.size.height}"
        needed = f"Tocsin needs {LEAST.width}x{LEAST.height}, this is {size}."
        self.query_one(Static).update(Text(f"{needed} Enlarge the window.", justify="center"))
