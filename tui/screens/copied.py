"""A text to be copied by hand, with the terminal's own selection."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from domain.safe import safe
from tui.keys import key_of

SHOWN = 20_000


class CopiedScreen(ModalScreen[None]):
    """The text without any border, so that a selection with the mouse takes nothing else along."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss(None)", "close", id="copied.close"),
    ]

    def __init__(self, text: str, reason: str) -> None:
        super().__init__()
        self._text = text
        self._reason = reason

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="bare"):
            close = key_of(self, "copied.close")
            yield Static(Text(f"{self._reason}: select it, then press {close}.\n"))
            yield Static(Text(safe(self._text, SHOWN, keep_newlines=True)))
