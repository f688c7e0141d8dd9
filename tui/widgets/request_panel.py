"""The request as it will be sent, in full beside the form or as one line below it; and its test."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from domain.settings import Settings
from store.records import Webhook
from tui.request_text import request_line, request_text

BEFORE = "before your last change: "


class RequestPanel(Vertical):
    """The stylesheet chooses between the line and the full text."""

    def __init__(self) -> None:
        super().__init__(id="request-panel")
        self._shown: object = None
        self._tested = Text()

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
        if self._tested:
            self._put_test(Text(BEFORE, "dim").append_text(self._tested))
        line = Text(request_line(webhook, settings))
        self.query_one("#request-line", Static).update(line)
        self.query_one("#request-text", Static).update(request_text(webhook, settings, now_ms))

    def tell_test(self, text: Text) -> None:
        """Show what became of the test; it is marked once the request is another one."""
        self._tested = text
        self._put_test(text)

    def _put_test(self, text: Text) -> None:
        tested = self.query_one("#test-result", Static)
        tested.update(text)
        tested.display = True
