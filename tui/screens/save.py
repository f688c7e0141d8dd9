"""A question for the name of a file."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from tui.keys import ENTER, key_of, keys_do
from tui.over import OverScreen
from tui.widgets.visible_input import VisibleInput


class SaveScreen(OverScreen[str]):
    """Ends with a path, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="save.cancel"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._suggested = name

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            keys = keys_do((ENTER, "writes"), (key_of(self, "save.cancel"), "cancels"))
            yield Static(Text(f"Write to which file?   ({keys})", style="bold"))
            yield VisibleInput(self._suggested, max_length=4096, id="save-path")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip() or None)
