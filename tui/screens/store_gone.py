"""Panel of a store that is gone: why, and the cure. It is apart because it needs no store."""

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
    """Show the panel above all other screens, and close dialogs, if the store is gone."""
    if sentence is None or any(isinstance(screen, StoreGoneScreen) for screen in app.screen_stack):
        return
    while isinstance(app.screen, DialogScreen):
        app.pop_screen()  # a question that can have no answer any more
    app.push_screen(StoreGoneScreen(sentence))


class StoreGoneScreen(DialogScreen[None]):
    """The panel, which stays: the screens below are out of date and every change is refused."""

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
