"""A choice of a few options, by letter also while it is closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Select
from textual.widgets._select import SelectCurrent, SelectOverlay

Options = list[tuple[str, str]]
"""What each option is called, and its value."""


class OpenList(SelectOverlay):
    """The open list; its key says what it does in the words of the other screens.

    Keys open and close it at once: those that were typed behind them are not to overtake that.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close the list", id="choice.close"),
    ]

    def __init__(self, close: Callable[[int | None], None]) -> None:
        super().__init__()
        self._close_with = close

    def focus(self, scroll_visible: bool = True) -> Self:
        self.screen.set_focus(self, scroll_visible)
        return self

    def action_select(self) -> None:
        """Choose the option under the cursor."""
        self._close_with(self.highlighted)

    def action_dismiss(self) -> None:
        """Choose nothing."""
        self._close_with(None)


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
        yield OpenList(self._close).data_bind(compact=Select.compact)

    def watch_expanded(self, expanded: bool) -> None:
        """Begin the list under the box and end it where the form ends, over whole fields."""
        form = next((one for one in self.ancestors if isinstance(one, VerticalScroll)), None)
        if expanded and form is not None:
            width = form.content_region.right - self.region.x
            self.query_one(OpenList).styles.width = max(self.size.width, width)

    def _close(self, index: int | None) -> None:
        """Close the open list, with this option chosen if there is one."""
        if index is not None:
            self.value = self._names[index][1]
        self.expanded = False
        self.screen.set_focus(self)

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
