"""The next request of a webhook, as it will be sent, with everything secret masked."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from rich.text import Text

from delivery.request import request_headers
from delivery.trial import body_of_test
from domain.masks import mask_value
from domain.safe import safe
from domain.settings import Settings
from domain.urls import mask_url, receiver
from domain.webhooks import WebhookFields
from domain.words import counted
from store.records import Webhook

NO_URL = "write a URL to see the request"
_CHANGING = {
    "webhook-id": "msg_... (kept on every attempt)",
    "webhook-timestamp": "... (seconds since 1970)",
    "webhook-signature": "v1,... (HMAC-SHA256)",
}


def request_line(webhook: Webhook, settings: Settings) -> str:
    """ "Next request: 3 headers, up to 1,000 events: POST example.com/hook".

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
    """Method, path, headers and the body with one example event."""
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
    events = json.loads(body_of_test(webhook, now_ms - now_ms % 1000, _example_bytes))
    del events[0]["attributes"]["test"]
    return json.dumps(events, indent=1, ensure_ascii=False)


def _example_bytes(count: int) -> bytes:
    return bytes(range(1, count + 1))


def _most_events(fields: WebhookFields, settings: Settings) -> int:
    return settings.max_events if fields.max_events is None else fields.max_events
