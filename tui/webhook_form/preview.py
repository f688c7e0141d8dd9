"""Preview of the next request of a webhook, as it will be sent, with everything secret masked.

It stands in full beside the form or as one line below it; the outcome of a test follows it.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from delivery.request import request_headers
from delivery.testing import body_for_test
from domain.safe import mask_value, safe
from domain.settings import Settings
from domain.urls import mask_url, receiver
from domain.webhooks import WebhookFields
from domain.wording import counted
from store.records import Webhook

BEFORE = "before your last change: "
NO_URL = "write a URL to see the request"
_CHANGING = {
    "webhook-id": "msg_... (kept on every attempt)",
    "webhook-timestamp": "... (seconds since 1970)",
    "webhook-signature": "v1,... (HMAC-SHA256)",
}


class RequestPanel(Vertical):
    """Next request as a line and in full; the stylesheet chooses between them."""

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
        """Show the next request of a webhook; paint nothing if it is the same as before."""
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
        """Show the outcome of the test; it is marked while the request is another one."""
        self._outcome = outcome
        self._put_outcome()

    def _put_outcome(self) -> None:
        mark = Text("" if self._tested == self._shown else BEFORE, "dim")
        result = self.query_one("#test-result", Static)
        result.update(Text.assemble(mark, self._outcome))
        result.display = True


def request_line(webhook: Webhook, settings: Settings) -> str:
    """Return "Next request: 3 headers, up to 1,000 events: POST example.com/hook".

    The longest part stands last, where a narrow terminal cuts it.
    """
    fields = webhook.fields
    if not fields.url:
        return f"Next request: {NO_URL}"
    signed = ", signed" if webhook.secrets else ""
    return (
        f"Next request: {counted(len(fields.headers), 'header')}{signed}, "
        f"up to {counted(_most_events(fields, settings), 'event')}: "
        f"POST {safe(receiver(fields.url))}"
    )


def request_text(webhook: Webhook, settings: Settings, now_ms: int) -> Text:
    """Return method, path, headers and the body with one example event."""
    fields = webhook.fields
    if not fields.url:
        return Text(NO_URL, style="dim")
    body = _example(webhook, now_ms)
    url = urlsplit(mask_url(fields.url))
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    text = Text().append(f"POST {safe(target)}\n", "bold")
    for name, value in [("Host", url.netloc), *_headers(webhook, body, now_ms)]:
        text.append(f"{safe(name)}: ", style="dim")
        text.append(f"{safe(value)}\n")
    text.append("\n")
    text.append(safe(body, keep_newlines=True))
    text.append(f"\nup to {counted(_most_events(fields, settings), 'event')} in one list", "dim")
    return text


def _headers(webhook: Webhook, body: str, now_ms: int) -> list[tuple[str, str]]:
    masked = [(name, mask_value(value)) for name, value in webhook.fields.headers]
    headers = request_headers(
        "",
        body.encode(),
        admin_headers=masked,
        secrets=webhook.secrets.in_force(now_ms) if webhook.secrets else (),
        now_ms=now_ms,
    )
    return [(name, _CHANGING.get(name, value)) for name, value in headers]


def _example(webhook: Webhook, now_ms: int) -> str:
    """The event that a test sends, without what marks it as one."""
    events = json.loads(body_for_test(webhook, now_ms - now_ms % 1000, _example_bytes))
    del events[0]["attributes"]["test"]
    return json.dumps(events, indent=1, ensure_ascii=False)


def _example_bytes(count: int) -> bytes:
    return bytes(range(1, count + 1))


def _most_events(fields: WebhookFields, settings: Settings) -> int:
    return settings.max_events if fields.max_events is None else fields.max_events
