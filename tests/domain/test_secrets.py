"""Signing secrets are read and written as Standard Webhooks does it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldError
from domain.signing import format_secret, generate_secret, parse_secret


def test_a_generated_secret_holds_the_random_bytes_it_was_handed() -> None:
    asked: list[int] = []

    def random_bytes(count: int) -> bytes:
        asked.append(count)
        return bytes(range(count))

    secret = generate_secret(random_bytes)
    assert asked == [32]
    assert secret.startswith("whsec_")
    assert parse_secret(secret) == bytes(range(32))


@given(st.binary(min_size=24, max_size=64))
def test_secrets_read_back(secret: bytes) -> None:
    assert parse_secret(format_secret(secret)) == secret
    assert parse_secret(f"  {format_secret(secret)}\n") == secret


def encoded(length: int) -> str:
    return base64.b64encode(b"\xfb" * length).decode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not start with whsec_"),
        (encoded(32), "does not start with whsec_"),
        (f"WHSEC_{encoded(32)}", "does not start with whsec_"),
        ("whsec_not base64!", "is not Base64"),
        (f"whsec_{encoded(32)[:-1]}", "is not Base64"),
        (f"whsec_{encoded(32)}\u00e9", "is not Base64"),
        (f"whsec_{encoded(33).replace('+', '-')}", "is not Base64"),
        ("whsec_", "it has 0 bytes"),
        (f"whsec_{encoded(23)}", "it has 23 bytes"),
        (f"whsec_{encoded(65)}", "it has 65 bytes"),
    ],
)
def test_a_bad_secret_is_refused_and_not_shown(text: str, reason: str) -> None:
    with pytest.raises(FieldError, match=reason) as caught:
        parse_secret(text)
    assert caught.value.field == "secret"
    assert "Base64 of 24 to 64 random bytes" in caught.value.cure
    assert encoded(23)[:8] not in str(caught.value)
