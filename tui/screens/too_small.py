"""Cover of all screens while the terminal is too small for them."""

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
    """Cover the screen that is seen, or take the cover away again."""
    is_small = size.width < LEAST.width or size.height < LEAST.height
    if is_small and _is_covered(app):
        return
    for cover in [screen for screen in app.screen_stack if isinstance(screen, TooSmallScreen)]:
        remove_screen(app, cover)
    if is_small:
        app.push_screen(TooSmallScreen())


def _is_covered(app: App[Any]) -> bool:
    """Return True if the cover is on top, or below a dialog alone."""
    has_dialog = isinstance(app.screen, DialogScreen)
    return any(isinstance(screen, TooSmallScreen) for screen in app.screen_stack[-1 - has_dialog :])


class TooSmallScreen(ModalScreen[None]):
    """The size that is needed; the screens below keep all they hold, and deliveries go on."""

    def compose(self) -> ComposeResult:
        yield Static()

    def on_screen_resume(self) -> None:
        """Go if the terminal has grown while another screen was above this one."""
        cover_while_small(self.app, self.app.size)

    def on_screen_suspend(self) -> None:
        """Cover also what comes above this screen, such as the panel of a bug."""
        if self.app.is_running:
            cover_while_small(self.app, self.app.size)

    def on_resize(self, event: events.Resize) -> None:
        size = f"{event.size.width}x{event.size.height}"
        needed = f"Tocsin needs {LEAST.width}x{LEAST.height}, this is {size}."
        self.query_one(Static).update(Text(f"{needed} Enlarge the window.", justify="center"))
