"""Request of a delivery: its headers and signature; and the request as it is shown, masked."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

import msgspec

from domain.safe import mask_value, safe
from domain.signing import parse_secret, signature_header
from domain.urls import mask_url
from domain.version import VERSION
from store.records import Attempt, Delivery, Webhook

Headers = list[tuple[str, str]]

SIGNATURE_MASK = "v1,…"
NO_URL = "nothing tells where this was to go"

MOST_INLINE = 16_384
"""Bytes of the longest body that goes into the curl command itself."""


def request_headers(
    message_id: str,
    body: bytes,
    *,
    admin_headers: Sequence[tuple[str, str]],
    secrets: Sequence[str],
    now_ms: int,
) -> Headers:
    """Return our headers, overridden by those of the admin, and the Standard Webhooks triple.

    `secrets` are spelled `whsec_...`; with none of them there is no signature.
    """
    own = [("Content-Type", "application/json"), ("User-Agent", f"tocsin/{VERSION}")]
    given = {name.lower() for name, _ in admin_headers}
    timestamp_s = now_ms // 1000
    headers = [pair for pair in own if pair[0].lower() not in given]
    headers += admin_headers
    headers += [("webhook-id", message_id), ("webhook-timestamp", str(timestamp_s))]
    if secrets:
        keys = [parse_secret(secret) for secret in secrets]
        headers.append(("webhook-signature", signature_header(keys, message_id, timestamp_s, body)))
    return headers


class ShownRequest(msgspec.Struct, frozen=True):
    """Request as it is shown: URL and headers; `note` names what may have been different."""

    url: str
    headers: tuple[tuple[str, str], ...]
    note: str = ""


def shown_request(
    delivery: Delivery, webhook: Webhook | None, attempt: Attempt | None, now_ms: int
) -> ShownRequest:
    """Return the request of an attempt as far as it is known: headers are those of today."""
    admin = webhook.fields.headers if webhook is not None else ()
    at_ms = attempt.started_ms if attempt is not None else now_ms
    headers = request_headers(
        delivery.id,
        b"",
        admin_headers=[(name, mask_value(value)) for name, value in admin],
        secrets=(),
        now_ms=at_ms,
    )
    if webhook is not None and webhook.secrets is not None:
        headers.append(("webhook-signature", SIGNATURE_MASK))
    url = attempt.url if attempt is not None else webhook.fields.url if webhook else ""
    return ShownRequest(mask_url(url), tuple(headers), _note(webhook, attempt))


def _note(webhook: Webhook | None, attempt: Attempt | None) -> str:
    if webhook is None:
        return "its webhook is deleted: the headers are not known any more"
    if not webhook.readable:
        return "its headers cannot be read: put the right key file back"
    if attempt is not None and attempt.revision < webhook.target_revision:
        return f"edited since (revision {attempt.revision}): the headers are those of now"
    return ""


def curl(request: ShownRequest, delivery: Delivery, body: bytes) -> str:
    """Return a shell command that makes the same request, but for the masked values."""
    headers = [f"-H {quote(f'{name}: {value}')}" for name, value in request.headers]
    data = quote(body.decode()) if is_inline(body) else f"@{body_file(delivery)}"
    return " \\\n  ".join(["curl -sS", *headers, f"--data-binary {data}", quote(request.url)])


def is_inline(body: bytes) -> bool:
    """Return whether a body goes into the command: a short one that a terminal shows as it is."""
    return len(body) <= MOST_INLINE and safe(body, MOST_INLINE, keep_newlines=True).encode() == body


def body_file(delivery: Delivery) -> str:
    """Return the name of the file from which the command takes a body that is not inline."""
    return f"{delivery.id}.json"
