"""Help: every key that works on a screen, what it does, and its id in the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, ClassVar

import msgspec
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from tui.key_names import OF_EVERY_SCREEN, key_of, keys_do, with_key
from tui.terminal.bindings import class_bindings
from tui.terminal.overlays import ModalPanel

HERE, MOVING, EVERYWHERE = "This screen", "Moving in it", "Everywhere"
GROUPS = (HERE, MOVING, EVERYWHERE)
ROOM_FOR_IDS = 80
"""Columns of a terminal from which ids have a column of their own."""
MOST_FOR_KEYS = 12
BOLD = Style(bold=True)


class HelpLine(msgspec.Struct, frozen=True):
    """A line of the help: an id with its keys and its explanation."""

    group: str
    keys: str
    words: str
    id: str
    active: ActiveBinding


class HelpScreen(ModalPanel[ActiveBinding]):
    """The keys of the screen below: its own first, then those of its lists, then all others.

    Ends with the key that was clicked.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,question_mark", "dismiss(None)", "close", id="help.close"),
    ]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._of = screen
        self._actives = list(screen.active_bindings.values())

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog tall help"):
            close = keys_do((key_of(self, "help.close"), "closes"))
            yield Static(
                Text(
                    with_key("Keys of this screen; a click does what a line says  ", close),
                    style="bold",
                )
            )
            yield Static(id="help-keys")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        keys = self.query_one("#help-keys", Static)
        keys.update(_table(self._lines(), self.app.size.width))

    def _lines(self) -> list[HelpLine]:
        """Return a line for each id; bindings without an id are Textual's own."""
        keys: dict[str, list[str]] = {}
        for active in self._actives:
            if active.binding.id and active.binding.description:
                display = self.app.get_key_display(active.binding)
                keys.setdefault(active.binding.id, []).append(display)
        first = {active.binding.id: active for active in reversed(self._actives)}
        places = _in_order(self._actives)
        lines = [
            HelpLine(
                self._group_of(first[id_]),
                " ".join(dict.fromkeys(shown)),
                _words(first[id_]),
                id_,
                first[id_],
            )
            for id_, shown in keys.items()
        ]
        return sorted(lines, key=lambda line: (GROUPS.index(line.group), places.index(line.id)))

    def action_choose(self, id_: str) -> None:
        """Close, and do what the key of this id does."""
        self.dismiss(next(line.active for line in self._lines() if line.id == id_))

    def _group_of(self, active: ActiveBinding) -> str:
        if active.node is self.app or active.binding.id in OF_EVERY_SCREEN:
            return EVERYWHERE
        return HERE if active.node is self._of else MOVING


def _in_order(actives: Iterable[ActiveBinding]) -> list[str]:
    """Return ids as they are declared: an action that got another key keeps its place."""
    kinds = dict.fromkeys(type(active.node) for active in actives)
    declared = [binding for kind in kinds for _, binding in class_bindings(kind)]
    return list(dict.fromkeys(binding.id for binding in declared if binding.id))


def _table(lines: Sequence[HelpLine], width: int) -> Table:
    """Return the lines in columns of fixed widths, so that no text runs into the next column."""
    own_column = width >= ROOM_FOR_IDS
    table = Table.grid(padding=(0, 2))
    table.add_column(width=min(MOST_FOR_KEYS, max((len(line.keys) for line in lines), default=0)))
    table.add_column(ratio=1)
    if own_column:
        table.add_column(width=max((len(line.id) for line in lines), default=0))
    table.expand = True
    for cells in _rows(lines, own_column=own_column):
        table.add_row(*cells)
    return table


def _rows(lines: Iterable[HelpLine], *, own_column: bool) -> Iterator[tuple[Text, ...]]:
    """Return a row for each key; where ids have no column, each stands below the explanation."""
    for group, members in groupby(lines, attrgetter("group")):
        yield (Text(), Text())
        title, id_title = Text(group, "bold underline"), Text("id for [keys]", "dim")
        yield (Text(), title, id_title) if own_column else (Text(), title + Text("   ") + id_title)
        for line in members:
            click = Style.from_meta({"@click": f"screen.choose('{line.id}')"})
            keys, id_ = Text(line.keys, BOLD + click), Text(line.id, "dim", no_wrap=True)
            if own_column:
                yield (keys, Text(line.words, click), id_)
            else:
                yield (keys, Text(f"{line.words}\n", click).append_text(id_))


def _words(active: ActiveBinding) -> str:
    name, tooltip = active.binding.description, active.binding.tooltip
    return f"{name}: {tooltip}" if tooltip and not tooltip.startswith(name) else tooltip or name
