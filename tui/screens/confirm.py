"""A question before something is given up, with the numbers."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, Static

from domain.safe import safe
from tui.keys import key_of, with_key
from tui.over import OverScreen
from tui.questions import Question
from tui.widgets.buttons import Buttons


class ConfirmScreen(OverScreen[bool]):
    """Ends with True only if the admin said yes; Cancel has the focus."""

    YES_KEY: ClassVar[str] = "confirm.yes"
    NO_KEY: ClassVar[str] = "confirm.no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="confirm.yes"),
        Binding("n,q,escape", "answer(False)", "no", id="confirm.no"),
        Binding("left,right,h,l", "app.focus_next", "other button", show=False, id="confirm.other"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(safe(self._question.text), style="bold"))
            for line in self._question.lines:
                yield Static(Text(safe(line)))
            with Buttons():
                no = Text(safe(with_key(self._question.no, key_of(self, self.NO_KEY))))
                yield Button(no, id="no", compact=True)
                yes = Text(safe(with_key(self._question.yes, key_of(self, self.YES_KEY))))
                yield Button(yes, id="yes", variant="error", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by key."""
        self.dismiss(yes)
