"""A choice among a few things, each with a key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, Static

from domain.safe import safe
from tui.over import OverScreen


@dataclass(frozen=True, slots=True)
class Choice:
    """A key, and what it chooses."""

    key: str
    text: str


class MenuScreen(OverScreen[str]):
    """Ends with the key that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss(None)", "close", id="menu.close"),
        Binding("down,j", "app.focus_next", "next", show=False, id="menu.next"),
        Binding("up,k", "app.focus_previous", "previous", show=False, id="menu.previous"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._asked = title
        self._choices = choices

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog menu"):
            yield Static(Text(safe(self._asked), style="bold"))
            for one in self._choices:
                yield Button(Text(f"{one.key}  {one.text}"), id=f"choice-{one.key}", compact=True)

    def on_key(self, event: events.Key) -> None:
        if event.key in [one.key for one in self._choices]:
            event.stop()
            self.dismiss(event.key)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss((event.button.id or "").removeprefix("choice-"))
