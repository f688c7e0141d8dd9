"""A question for the name of a file."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from domain.safe import safe
from tui.keys import ENTER, key_of, keys_do
from tui.new_files import NotWritten, write_new
from tui.over import OverScreen
from tui.widgets.visible_input import VisibleInput

LONGEST = 300
"""Characters of a reason, with the path in it."""


class SaveScreen(OverScreen[str]):
    """Writes a new file; ends with what to tell of it, or None.

    A path that cannot be written to stays, to be mended.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="save.cancel"),
    ]

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__()
        self._suggested = name
        self._data = data

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            keys = keys_do((ENTER, "writes"), (key_of(self, "save.cancel"), "cancels"))
            yield Static(Text(f"Write to which file?   ({keys})", style="bold"))
            yield VisibleInput(self._suggested, max_length=4096, id="save-path")
            yield Static(Text(""), id="save-error", classes="error")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    async def _entered(self, message: Input.Submitted) -> None:
        path = message.value.strip()
        if not path:
            self.dismiss(None)
            return
        try:
            told = await write_new(path, self._data)
        except NotWritten as reason:
            self.query_one("#save-error", Static).update(Text(safe(str(reason), LONGEST)))
        else:
            self.dismiss(told)
