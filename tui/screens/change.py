"""One line of the audit trail in full."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from store.records import Change
from tui.change_rows import full_text
from tui.keys import key_of, keys_do


class ChangeScreen(ModalScreen[None]):
    """When, who, what, and each thing that it changed on a line of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "dismiss(None)", "close", id="change.close"),
    ]

    def __init__(self, change: Change) -> None:
        super().__init__()
        self._change = change

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(full_text(self._change))

    def on_mount(self) -> None:
        dialog = self.query_one(VerticalScroll)
        dialog.border_subtitle = keys_do((key_of(self, "change.close"), "closes"))
        dialog.focus()
