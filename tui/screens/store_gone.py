"""The panel of a store that is gone: why, the cure, and nothing to do here but to quit."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from domain.safe import safe
from tui.key_names import key_of, keys_do
from tui.terminal.overlays import DialogScreen

LONGEST = 1_000
AFTERWARDS = "What is seen below is out of date. Start Tocsin again when that is done."


def cover_without_store(app: App[Any], sentence: str | None) -> None:
    """Lay the panel over what is seen, and over what came above it meanwhile."""
    if sentence is None or any(isinstance(one, StoreGoneScreen) for one in app.screen_stack):
        return
    while isinstance(app.screen, DialogScreen):
        app.pop_screen()  # a question that can have no answer any more
    app.push_screen(StoreGoneScreen(sentence))


class StoreGoneScreen(DialogScreen[None]):
    """It stays: whatever the screen below offers would be refused, and what it says is old."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "app.leave", "quit", id="gone.quit"),
    ]

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self._sentence = sentence

    def compose(self) -> ComposeResult:
        quits = keys_do((key_of(self, "gone.quit"), "quits"))
        with Vertical(classes="dialog"):
            yield Static(Text("The store is gone.", style="bold"))
            yield Static(Text(safe(self._sentence, LONGEST)))
            yield Static(Text(AFTERWARDS))
            yield Static(Text(quits))
