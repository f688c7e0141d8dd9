"""What is shown while the terminal is too small for anything else."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.terminal.overlays import DialogScreen, remove_screen

LEAST = Size(60, 15)


def cover_while_small(app: App[Any], size: Size) -> None:
    """Cover what is seen with a word of what is needed, or take that away again."""
    is_small = size.width < LEAST.width or size.height < LEAST.height
    if is_small and _is_covered(app):
        return
    for cover in [one for one in app.screen_stack if isinstance(one, TooSmallScreen)]:
        remove_screen(app, cover)
    if is_small:
        app.push_screen(TooSmallScreen())


def _is_covered(app: App[Any]) -> bool:
    """Above the cover is only what is asked there, such as whether to quit."""
    asked = isinstance(app.screen, DialogScreen)
    return any(isinstance(one, TooSmallScreen) for one in app.screen_stack[-1 - asked :])


class TooSmallScreen(ModalScreen[None]):
    """Says what is needed; the screens below keep all they hold, and deliveries go on."""

    def compose(self) -> ComposeResult:
        yield Static()

    def on_screen_resume(self) -> None:
        """What covered it is gone; the terminal may have grown meanwhile."""
        cover_while_small(self.app, self.app.size)

    def on_screen_suspend(self) -> None:
        """What comes above it, as a bug's panel does, is covered with the rest."""
        if self.app.is_running:
            cover_while_small(self.app, self.app.size)

    def on_resize(self, event: events.Resize) -> None:
        size = f"{event.size.width}x{event.size.height}"
        needed = f"Tocsin needs {LEAST.width}x{LEAST.height}, this is {size}."
        self.query_one(Static).update(Text(f"{needed} Enlarge the window.", justify="center"))
