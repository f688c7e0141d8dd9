"""The request as it will be sent, in full beside the form or as one line below it; and its test."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from domain.settings import Settings
from store.records import Webhook
from tui.webhook_form.request_text import request_line, request_text

BEFORE = "before your last change: "


class RequestPanel(Vertical):
    """The stylesheet chooses between the line and the full text."""

    def __init__(self) -> None:
        super().__init__(id="request-panel")
        self._shown: object = None
        self._tested: object = None
        self._outcome = Text()

    def compose(self) -> ComposeResult:
        yield Static(id="request-line")
        with VerticalScroll(classes="panel", id="request-scroll") as scroll:
            scroll.border_title = "Next request"
            yield Static(id="request-text")
        tested = Static(id="test-result")
        tested.display = False
        yield tested

    def show(self, webhook: Webhook, settings: Settings, now_ms: int) -> None:
        """Show the next request of a webhook; nothing is painted if it is the same as before."""
        shown = (webhook.fields, webhook.secrets, settings)
        if shown == self._shown:
            return
        self._shown = shown
        if self._outcome:
            self._put_outcome()
        line = Text(request_line(webhook, settings))
        self.query_one("#request-line", Static).update(line)
        self.query_one("#request-text", Static).update(request_text(webhook, settings, now_ms))

    def begin_test(self) -> None:
        """Say that the request that is shown now is being tested."""
        self._tested = self._shown
        self.end_test(Text("testing ..."))

    def end_test(self, outcome: Text) -> None:
        """Show what became of the test; it is marked while the request is another one."""
        self._outcome = outcome
        self._put_outcome()

    def _put_outcome(self) -> None:
        mark = Text("" if self._tested == self._shown else BEFORE, "dim")
        result = self.query_one("#test-result", Static)
        result.update(Text.assemble(mark, self._outcome))
        result.display = True
