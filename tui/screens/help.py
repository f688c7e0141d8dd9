"""Every key that works on a screen, with what it does."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below, those of its footer first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,question_mark", "dismiss(None)", "close", id="help.close"),
    ]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._actives = list(screen.active_bindings.values())

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog tall"):
            yield Static(Text("Keys of this screen   (q closes)", style="bold"))
            yield Static(self._table())

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for keys, what in self._rows():
            table.add_row(Text(keys, style="bold"), Text(what))
        return table

    def _rows(self) -> list[tuple[str, str]]:
        keys: dict[str, list[str]] = {}
        words: dict[str, str] = {}
        for active in sorted(self._actives, key=lambda one: not one.binding.show):
            if not active.binding.description:
                continue
            keys.setdefault(active.binding.action, []).append(
                self.app.get_key_display(active.binding)
            )
            words.setdefault(active.binding.action, _words(active))
        return [(" ".join(dict.fromkeys(keys[action])), words[action]) for action in keys]


def _words(active: ActiveBinding) -> str:
    binding = active.binding
    return f"{binding.description}: {binding.tooltip}" if binding.tooltip else binding.description
