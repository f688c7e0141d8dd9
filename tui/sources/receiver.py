"""Question for the webhook that a refused event is sent to, by its name or id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from domain.safe import safe
from tui.key_names import ENTER, key_of, keys_do
from tui.terminal.overlays import DialogScreen
from tui.widgets.inputs import VisibleInput

LISTED = 8
LONGEST = 300


class ReceiverScreen(DialogScreen[int]):
    """The question; ends with the id, or None. `receivers` has the names by their ids."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="receiver.cancel"),
    ]

    def __init__(self, what: str, receivers: Mapping[int, str]) -> None:
        super().__init__()
        self._what = what
        self._receivers = receivers

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            keys = keys_do((ENTER, "sends"), (key_of(self, "receiver.cancel"), "cancels"))
            question = f"Send {self._what} to which webhook?   ({keys})"
            yield Static(Text(safe(question, LONGEST), style="bold"))
            yield VisibleInput(max_length=200, id="receiver-name")
            yield Static(Text(safe(self._names(), LONGEST)), classes="plain")
            yield Static(Text(""), id="receiver-error", classes="error")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        wanted = message.value.strip()
        found = [id_ for id_, name in self._receivers.items() if wanted in (name, str(id_))]
        if not wanted:
            self.dismiss(None)
        elif found:
            self.dismiss(found[0])
        else:
            error = f"there is no webhook {wanted}: give the name or the id of one"
            self.query_one("#receiver-error", Static).update(Text(safe(error, LONGEST)))

    def _names(self) -> str:
        named = [f"{id_} {name}".strip() for id_, name in self._receivers.items()]
        more = len(named) - LISTED
        names = " · ".join(named[:LISTED]) or "there is none yet"
        return f"{names} · and {more} more" if more > 0 else names
