"""The headers of a request, as the delivery contract has them."""

from __future__ import annotations

from collections.abc import Sequence

from domain.signing import parse_secret, signature_header
from domain.version import VERSION

Headers = list[tuple[str, str]]


def request_headers(
    message_id: str,
    body: bytes,
    *,
    admin_headers: Sequence[tuple[str, str]],
    secrets: Sequence[str],
    now_ms: int,
) -> Headers:
    """Ours, overridden by the admin's of the same name, and the Standard Webhooks triple.

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
