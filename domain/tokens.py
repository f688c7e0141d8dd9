"""The tokens by which programs are let in over HTTP; only their SHA-256 is kept.

A token has 256 random bits, which nobody can search, so a plain hash is enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from domain.ids import base58

PREFIX = "tocsin_"
_RANDOM_BYTES = 32
_SCHEME = "bearer"


def new_token(random_bytes: Callable[[int], bytes]) -> str:
    """A new token, ready to be shown once."""
    return PREFIX + base58(int.from_bytes(random_bytes(_RANDOM_BYTES), "big"))


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def bearer_token(authorization: str) -> str:
    """The token of an Authorization header, "" where it has none."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else ""
