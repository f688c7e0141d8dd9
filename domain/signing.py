"""Signatures by which a receiver knows the sender (Standard Webhooks 1.0.0, "v1": HMAC-SHA256)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence


def sign(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """One signature, "v1,BASE64", over the id, the seconds since 1970 and the body."""
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


def signature_header(
    secrets: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes
) -> str:
    """The value of webhook-signature: one signature a secret, two while a secret is rotated."""
    return " ".join(sign(secret, message_id, timestamp_s, body) for secret in secrets)
