"""JSON to look at, with a line below it in which a text is searched for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tui.keys import ENTER
from tui.widgets.filter_line import FilterLine
from tui.widgets.json_view import JsonView

HINTS = ("text", f"{ENTER} to the next line with it")


class SearchLine(FilterLine):
    """Escape leaves it and nothing else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "stay there", id="json.search-leave"),
    ]

    class Left(Message):
        """The search is over."""

    def action_leave(self) -> None:
        """Go back to what was found."""
        self.close()
        self.post_message(self.Left())


class JsonBox(Vertical):
    """`/` opens the search; it goes along while one types, and Enter goes on."""

    def __init__(self, view: JsonView) -> None:
        super().__init__(classes="json-box")
        self.view = view

    def compose(self) -> Iterable[Widget]:
        yield self.view
        yield SearchLine(HINTS, id="json-search")

    @property
    def _line(self) -> SearchLine:
        return self.query_one(SearchLine)

    @on(JsonView.SearchAsked)
    def open(self) -> None:
        """Ask for a text."""
        self._line.open()

    @on(SearchLine.Left)
    def _left(self) -> None:
        self.view.focus()

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        self._find(message.value)

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        self._find(message.value, further=True)

    def _find(self, text: str, *, further: bool = False) -> None:
        if not text:
            self._line.tell("")
        elif self.view.find(text, further=further):
            place, total = self.view.count(text)
            more = f" · {ENTER} goes on to the next" if total > 1 else ""
            self._line.tell(f"{place:,} of {total:,}{more}")
        else:
            self._line.refuse(f"no line holds {text}")
