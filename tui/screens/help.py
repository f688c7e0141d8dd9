"""Every key that works on a screen, with what it does and the id by which it gets another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.keys import OF_EVERY_SCREEN, key_of

HERE, MOVING, EVERYWHERE = "This screen", "Moving in it", "Everywhere"
GROUPS = (HERE, MOVING, EVERYWHERE)
ROOM_FOR_IDS = 100
"""The width of the terminal from which ids have a column of their own."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is said of one id."""

    group: str
    keys: str
    words: str
    id: str


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below: its own first, then those of its lists, then all others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,question_mark", "dismiss(None)", "close", id="help.close"),
    ]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._of = screen
        self._actives = list(screen.active_bindings.values())

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog tall help"):
            close = key_of(self, "help.close")
            yield Static(Text(f"Keys of this screen   ({close} closes)", style="bold"))
            yield Static(id="help-keys")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        keys = self.query_one("#help-keys", Static)
        keys.update(_table(self._lines(), own_column=self.app.size.width >= ROOM_FOR_IDS))

    def _lines(self) -> list[Line]:
        """One for each id; what has none is Textual's own and changes nothing here."""
        keys: dict[str, list[str]] = {}
        for active in self._actives:
            if active.binding.id and active.binding.description:
                display = self.app.get_key_display(active.binding)
                keys.setdefault(active.binding.id, []).append(display)
        first = {one.binding.id: one for one in reversed(self._actives)}
        lines = [
            Line(
                self._group_of(first[id_]), " ".join(dict.fromkeys(shown)), _words(first[id_]), id_
            )
            for id_, shown in keys.items()
        ]
        return sorted(lines, key=lambda line: GROUPS.index(line.group))

    def _group_of(self, active: ActiveBinding) -> str:
        if active.node is self.app or active.binding.id in OF_EVERY_SCREEN:
            return EVERYWHERE
        return HERE if active.node is self._of else MOVING


def _table(lines: Iterable[Line], *, own_column: bool) -> Table:
    table = Table.grid(padding=(0, 2))
    for cells in _rows(lines, own_column=own_column):
        table.add_row(*cells)
    return table


def _rows(lines: Iterable[Line], *, own_column: bool) -> Iterator[tuple[Text, ...]]:
    id_title = "id for [keys]"
    for group, members in groupby(lines, attrgetter("group")):
        yield (Text(), Text())
        if own_column:
            yield (Text(), Text(group, "bold underline"), Text(id_title, "dim"))
        else:
            yield (Text(), Text.assemble((group, "bold underline"), ("   " + id_title, "dim")))
        for one in members:
            keys, id_ = Text(one.keys, "bold", no_wrap=True), Text(one.id, "dim", no_wrap=True)
            if own_column:
                yield (keys, Text(one.words), id_)
            else:
                yield (keys, Text.assemble(one.words, "   ", id_))


def _words(active: ActiveBinding) -> str:
    name, told = active.binding.description, active.binding.tooltip
    return f"{name}: {told}" if told and not told.startswith(name) else told or name
