"""A choice of a few options, by letter also while it is closed."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.widgets import Select

Options = list[tuple[str, str]]
"""What each option is called, and its value."""


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
