"""The official receiving side takes our signatures, and nothing that was changed under way."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from domain.signing import format_secret, parse_secret, sign, signature_header

BODY = b'[{"type":"alerts","id":"a","attributes":{"text":"\xc3\xbc"}}]'
OLD, NEW, OTHER = b"o" * 24, b"n" * 32, b"x" * 64


def verify(secret: bytes, headers: dict[str, str], body: bytes) -> None:
    Webhook(format_secret(secret)).verify(body, headers)


def signed(secrets: list[bytes], message_id: str = "msg_1", body: bytes = BODY) -> dict[str, str]:
    timestamp_s = int(time.time())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature_header(secrets, message_id, timestamp_s, body),
    }


def test_the_specification_s_example() -> None:
    # The test vector of the libraries at github.com/standard-webhooks/standard-webhooks.
    secret = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}') == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@given(st.binary(min_size=24, max_size=64), st.text(st.characters(codec="utf-8"), max_size=20))
def test_the_official_library_takes_our_signature(secret: bytes, text: str) -> None:
    body = f'["{text.encode().hex()}"]'.encode()
    verify(secret, signed([secret], body=body), body)


def test_while_a_secret_is_rotated_both_are_taken() -> None:
    headers = signed([NEW, OLD])
    assert headers["webhook-signature"].count("v1,") == 2
    verify(OLD, headers, BODY)
    verify(NEW, headers, BODY)
    with pytest.raises(WebhookVerificationError):
        verify(OTHER, headers, BODY)


def test_another_id_time_or_body_is_not_taken() -> None:
    headers = signed([NEW])
    an_hour_ago = str(int(headers["webhook-timestamp"]) - 3600)
    for changed in ({"webhook-id": "msg_2"}, {"webhook-timestamp": an_hour_ago}):
        with pytest.raises(WebhookVerificationError):
            verify(NEW, headers | changed, BODY)
    with pytest.raises(WebhookVerificationError):
        verify(NEW, headers, BODY + b" ")


def test_without_a_secret_there_is_no_signature() -> None:
    assert signature_header([], "msg_1", 0, BODY) == ""
