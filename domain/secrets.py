"""Signing secrets as Standard Webhooks writes them: "whsec_" and the Base64 of 24 to 64 bytes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from domain.field_errors import FieldError

PREFIX = "whsec_"
GENERATED_BYTES = 32
_LEAST_BYTES = 24
_MOST_BYTES = 64


def generate_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A new secret, ready to be shown once and given to the receiver."""
    return format_secret(random_bytes(GENERATED_BYTES))


def format_secret(secret: bytes) -> str:
    """The secret in its usual spelling."""
    return PREFIX + base64.b64encode(secret).decode()


def parse_secret(text: str) -> bytes:
    """The bytes of a secret. Raises FieldError, which never shows any of it."""
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
