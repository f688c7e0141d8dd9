"""What is shown when Tocsin itself has failed: where it is written down, and no local value."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from delivery.report import Report
from domain.safe import safe
from tui.keys import and_key, key_of


class BugScreen(ModalScreen[None]):
    """A short panel; the screens below go on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "dismiss(None)", "close", id="bug.close"),
    ]

    def __init__(self, sentence: str, report: Report | None, place: str = "") -> None:
        """`place` is where it failed, by which a bug is known."""
        super().__init__()
        self.place = place
        self._sentence = sentence
        self._sends = report is not None and report.worker_alive

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text("Something went wrong inside Tocsin.", style="bold"))
            yield Static(Text(safe(self._sentence, 600)))
            sending = "Deliveries go on." if self._sends else "Nobody is sending."
            close = key_of(self, "bug.close")
            yield Static(Text(and_key(sending, close, "closes this panel.", " ")))
