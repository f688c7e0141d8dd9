"""A field of a form: its name, its control, and under it what is wrong or what it means."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from domain.safe import safe

LIMIT = 600
MARKS = {"wrong": "✗ ", "warned": "! "}
MOST_LINES = 3
"""Of the errors of one field, so that they never push the form away."""


class Field(Vertical):
    """Fields stand below each other; the message has a line only while there is one."""

    def __init__(self, label: str, *controls: Widget, id: str | None = None) -> None:
        super().__init__(id=id, classes="field")
        self._label = label
        self._controls = controls
        self._message = Static(classes="field-message")
        self._message.display = False
        self._told = ""

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field-row"):
            yield Static(Text(self._label), classes="field-label")
            yield from self._controls
        yield self._message

    def offer(self, is_offered: bool) -> None:
        """Show it only while it has a meaning; what comes up after a choice comes into view."""
        comes_up = is_offered and not self.display
        self.display = is_offered
        if comes_up:
            self.call_after_refresh(self.scroll_visible)

    def explain(self, text: str) -> None:
        """Say what the value means."""
        self._tell(text)

    def warn(self, text: str) -> None:
        """Say what will go wrong with a value that can be saved."""
        self._tell(text, "warned")

    def complain(self, errors: str) -> None:
        """Say what is wrong with it, an error a line; "" takes the message away."""
        lines = errors.split("\n")
        more = [f"... and {len(lines) - MOST_LINES + 1} more"]
        shown = lines if len(lines) <= MOST_LINES else lines[: MOST_LINES - 1] + more
        self._tell("\n".join(shown), "wrong")

    def _tell(self, text: str, tone: str = "") -> None:
        message = self._message
        message.set_classes(f"field-message {tone}".rstrip())
        told = MARKS.get(tone, "") + safe(text, LIMIT, keep_newlines=True) if text else ""
        if told == self._told:
            return
        self._told = told
        message.update(Text(told))
        message.display = bool(text)
        if text and self.has_focus_within:
            message.call_after_refresh(message.scroll_visible)
