"""The request of a delivery as it is shown: header values and URL masked, no signature."""

from __future__ import annotations

from shlex import quote

import msgspec

from delivery.request import request_headers
from domain.safe import mask_value, safe
from domain.urls import mask_url
from store.records import Attempt, Delivery, Webhook

SIGNED = "v1,…"
NOWHERE = "nothing tells where this was to go"

INLINE = 16_384
"""The most bytes of a body that go into the command itself."""


class ShownRequest(msgspec.Struct, frozen=True):
    """Where to, with which headers; `note` says what may have been otherwise."""

    url: str
    headers: tuple[tuple[str, str], ...]
    note: str = ""


def shown_request(
    one: Delivery, webhook: Webhook | None, attempt: Attempt | None, now_ms: int
) -> ShownRequest:
    """What is known of a request: headers are kept only as they are now."""
    admin = webhook.fields.headers if webhook is not None else ()
    at_ms = attempt.started_ms if attempt is not None else now_ms
    headers = request_headers(
        one.id,
        b"",
        admin_headers=[(name, mask_value(value)) for name, value in admin],
        secrets=(),
        now_ms=at_ms,
    )
    if webhook is not None and webhook.secrets is not None:
        headers.append(("webhook-signature", SIGNED))
    url = attempt.url if attempt is not None else webhook.fields.url if webhook else ""
    return ShownRequest(mask_url(url), tuple(headers), _note(webhook, attempt))


def _note(webhook: Webhook | None, attempt: Attempt | None) -> str:
    if webhook is None:
        return "its webhook is deleted: the headers are not known any more"
    if not webhook.readable:
        return "its headers cannot be read: put the right key file back"
    if attempt is not None and attempt.revision != webhook.revision:
        return f"edited since (revision {attempt.revision}): the headers are those of now"
    return ""


def curl(request: ShownRequest, one: Delivery, body: bytes) -> str:
    """A command that makes the same request, but for the masked values."""
    headers = [f"-H {quote(f'{name}: {value}')}" for name, value in request.headers]
    data = quote(body.decode()) if is_inline(body) else f"@{body_file(one)}"
    return " \\\n  ".join(["curl -sS", *headers, f"--data-binary {data}", quote(request.url)])


def is_inline(body: bytes) -> bool:
    """Whether a body goes into the command itself: a short one that a terminal shows as it is."""
    return len(body) <= INLINE and safe(body, INLINE, keep_newlines=True).encode() == body


def body_file(one: Delivery) -> str:
    """The file from which such a command takes a body that does not go into it."""
    return f"{one.id}.json"
