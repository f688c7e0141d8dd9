"""A choice of a few options, by letter also while it is closed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Select
from textual.widgets._select import SelectCurrent, SelectOverlay

Options = list[tuple[str, str]]
"""What each option is called, and its value."""


class OpenList(SelectOverlay):
    """The open list; its key says what it does in the words of the other screens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close the list", id="choice.close"),
    ]


class Dropdown(Select[str]):
    """Of a name of several lines the first is what the closed box shows.

    A letter goes to the next option that begins with it.
    """

    def __init__(self, options: Options, value: str, *, id: str) -> None:
        super().__init__(
            [(_prompt(name), value) for name, value in options],
            allow_blank=False,
            value=value,
            compact=True,
            id=id,
        )
        self._names = options

    def compose(self) -> ComposeResult:
        yield SelectCurrent(self.prompt)
        yield OpenList().data_bind(compact=Select.compact)

    def on_key(self, event: events.Key) -> None:
        """The open list looks for what is typed by itself."""
        if self.expanded or event.character is None:
            return
        found = self._next_with(event.character.lower())
        if found is not None:
            event.stop()
            self.value = found

    def _next_with(self, letter: str) -> str | None:
        """The value of the next option with that first letter, after the last from the first on."""
        values = [value for _, value in self._names]
        after = values.index(str(self.value)) + 1
        around = self._names[after:] + self._names[:after]
        return next((value for name, value in around if name[:1].lower() == letter), None)


def _prompt(name: str) -> Text:
    title, _, more = name.partition("\n")
    return Text(title).append(f"\n{more}", "dim") if more else Text(title)
