"""Signatures by which a receiver knows the sender (Standard Webhooks 1.0.0, "v1": HMAC-SHA256).

A file of its own, to be compared with the standard.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence

from domain.errors import FieldError

PREFIX = "whsec_"
GENERATED_BYTES = 32
_LEAST_BYTES = 24
_MOST_BYTES = 64


def sign(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Make one signature, "v1,BASE64", over the id, the seconds since 1970 and the body."""
    signature = hmac.new(secret, f"{message_id}.{timestamp_s}.".encode(), "sha256")
    signature.update(body)
    return "v1," + base64.b64encode(signature.digest()).decode()


def signature_header(
    secrets: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes
) -> str:
    """Make the value of webhook-signature: a signature for each secret, two during a rotation."""
    return " ".join(sign(secret, message_id, timestamp_s, body) for secret in secrets)


def generate_secret(random_bytes: Callable[[int], bytes]) -> str:
    """Make a secret, to be shown once and given to the receiver."""
    return format_secret(random_bytes(GENERATED_BYTES))


def format_secret(secret: bytes) -> str:
    """Write a secret in its usual spelling."""
    return PREFIX + base64.b64encode(secret).decode()


def parse_secret(text: str) -> bytes:
    """Return the bytes of a secret. Raises FieldError, which never shows any of it."""
    cure = "write whsec_ and the Base64 of 24 to 64 random bytes, or let Tocsin generate one"
    word = text.strip()
    if not word.startswith(PREFIX):
        raise FieldError("secret", "it does not start with whsec_", cure)
    try:
        secret = base64.b64decode(word.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise FieldError("secret", "what follows whsec_ is not Base64", cure) from None
    if not _LEAST_BYTES <= len(secret) <= _MOST_BYTES:
        raise FieldError("secret", f"it has {len(secret)} bytes", cure)
    return secret
