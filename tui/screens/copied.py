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
from domain.words import counted
from tui.keys import key_of, keys_do
from tui.notices import tell

SHOWN = 20_000
"""Characters of the text; a terminal that is told more of them is slow to take a selection."""

FILE = "copied.txt"


class CopiedScreen(ModalScreen[None]):
    """The text without any border, so that a selection with the mouse takes nothing else along."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "write", "write to file", id="copied.write", tooltip="write the whole text"),
        Binding("q,escape", "dismiss(None)", "close", id="copied.close"),
    ]

    def __init__(self, text: str, reason: str) -> None:
        super().__init__()
        self._text = text
        self._reason = reason

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="bare"):
            yield Static(Text(f"{self._reason}: {self._cure()}.\n"))
            yield Static(Text(safe(self._text, SHOWN, keep_newlines=True)))

    def _cure(self) -> str:
        close, write = key_of(self, "copied.close"), key_of(self, "copied.write")
        if len(self._text) <= SHOWN:
            return f"select it{f', then press {close}' if close else ''}"
        shown = f"the first {SHOWN:,} of {counted(len(self._text), 'character')} stand here"
        keys = keys_do((write, "writes all of them to a file"), (close, "closes"))
        return f"only {shown}{f'; {keys}' if keys else ''}"

    def action_write(self) -> None:
        """Ask for a file, write the whole text to it, and close."""
        from tui.screens.save import SaveScreen  # nothing that the first screen waits for

        def answered(told: str | None) -> None:
            if told is not None:
                tell(self, told)
                self.dismiss(None)

        self.app.push_screen(SaveScreen(FILE, self._text.encode()), answered)
