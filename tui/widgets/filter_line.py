"""Filter of a list: the box that it is typed into, and below it the number found or the error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from domain.safe import safe
from tui.key_names import ENTER
from tui.widgets.inputs import VisibleInput
from tui.widgets.lines import StaticText

BETWEEN = " · "
TEXT_LIMIT = 300


class FilterBox(VisibleInput):
    """Input of a filter, with the key that ends it in the last line of the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "submit",
            "find",
            key_display=ENTER,
            id="filter.find",
            tooltip="go to what is found, or on to the next",
        ),
    ]
    before_find: Callable[[], None] | None = None
    """Function that is called at Enter, before the next key is handled."""

    async def action_submit(self) -> None:
        """Find the text that is typed."""
        if self.before_find is not None:
            self.before_find()
        await super().action_submit()


class FilterLine(Vertical):
    """Line of a filter, hidden until it is opened.

    `hints` are the words that it takes, the most useful first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape",
            "screen.back",
            "show all",
            id="filter.leave",
            tooltip="empty the filter and show all rows again",
        ),
    ]

    def __init__(self, hints: Sequence[str], *, id: str) -> None:
        super().__init__(id=id)
        self._hints = hints
        self.display = False

    def compose(self) -> Iterable[Widget]:
        yield FilterBox(id=f"{self.id}-box")
        yield StaticText(id=f"{self.id}-found", classes="found")

    def on_mount(self) -> None:
        self.refuse("")

    def on_resize(self) -> None:
        self.box.placeholder = fitting(self._hints, self.size.width - 1)

    @property
    def box(self) -> FilterBox:
        """The input."""
        return self.query_one(FilterBox)

    def open(self) -> None:
        """Show the line and put the keyboard into it."""
        self.display = True
        self.screen.set_focus(self.box)  # at once: what is typed next belongs there

    def close(self) -> None:
        """Empty and hide the line."""
        self.box.value = ""
        self.refuse("")
        self.display = False

    def refuse(self, reason: str) -> None:
        """Show an error and its cure; "" takes it away."""
        self._say(reason, wrong=True)

    def show_text(self, words: str) -> None:
        """Show a text in place of an error, such as the number of rows found."""
        self._say(words, wrong=False)

    def _say(self, words: str, *, wrong: bool) -> None:
        line = self.query_one(StaticText)
        line.display = bool(words)
        line.set_class(wrong, "wrong")
        line.show_text(Text(safe(words, TEXT_LIMIT)))


def fitting(hints: Sequence[str], width: int) -> str:
    """Return as many of the hints as fit into a line."""
    shown = ""
    for hint in hints:
        longer = f"{shown}{BETWEEN}{hint}" if shown else hint
        if len(longer) > width:
            break
        shown = longer
    return shown
