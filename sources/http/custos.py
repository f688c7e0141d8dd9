"""The scheme by which agents and brokers of Pro Custodibus say who they are, in one header.

    X-Custos user=^Ahg1opVcGXw, session=^cGqm5m91ObZIqkmY9ScYEKEcTrEvDn9A

A value after `^` stands as it is, one without is base64url. The broker leaves a comma out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping

SCHEME = "X-Custos"
CHALLENGE_S = 60
HEADER_LIMIT = 2_048
"""Characters of a header that are looked at; a real one has some 200."""

_PART = re.compile(r"\b(\w{1,32})=(\^?)([^\s,]*)")
_NONCE_BYTES = 16
_TIME_BYTES = 8


def read_header(header: str) -> Mapping[str, bytes]:
    """The values by name; nothing where the header is of another scheme."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != SCHEME.lower():
        return {}
    parts = _PART.findall(rest[:HEADER_LIMIT])
    return {name: _value(text, raw == "^") for name, raw, text in parts}


def _value(text: str, is_raw: bool) -> bytes:
    return text.encode() if is_raw else decode(text)


def encode(value: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of base64url, b"" for what is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


class Challenges:
    """Gives out challenges and knows its own again, and keeps none: nobody can fill it.

    A challenge is an id with the time it ends at, and a value that only this process can derive
    from it. So a signature over the value shows that its maker got it from here, lately. Only
    those that a signature was accepted for are remembered, until they end.
    """

    def __init__(
        self, monotonic: Callable[[], float], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._monotonic = monotonic
        self._random_bytes = random_bytes
        self._key = random_bytes(32)
        self._used: dict[bytes, float] = {}

    def new(self) -> tuple[str, str]:
        """The id and the value of a new challenge."""
        until_ms = int((self._monotonic() + CHALLENGE_S) * 1000)
        facts = until_ms.to_bytes(_TIME_BYTES, "big") + self._random_bytes(_NONCE_BYTES)
        return encode(facts), self._value(facts)

    def value_of(self, id_: str) -> str | None:
        """The value that has to be signed, or None for one that ended, was used or is no id."""
        facts = decode(id_)
        if len(facts) != _TIME_BYTES + _NONCE_BYTES or facts in self._used:
            return None
        is_over = _until(facts) <= self._monotonic()
        return None if is_over else self._value(facts)

    def use(self, id_: str) -> None:
        """Let it not be used again."""
        now = self._monotonic()
        self._used = {facts: until for facts, until in self._used.items() if until > now}
        facts = decode(id_)
        self._used[facts] = _until(facts)

    def _value(self, facts: bytes) -> str:
        return encode(hmac.digest(self._key, facts, hashlib.sha256))


def _until(facts: bytes) -> float:
    return int.from_bytes(facts[:_TIME_BYTES], "big") / 1000
