"""The request as it will be sent: everything on it, and nothing secret."""

from __future__ import annotations

from msgspec.structs import replace

from delivery.request import request_headers
from domain.settings import DEFAULTS
from domain.webhooks import WebhookFields
from store.records import Secrets, Webhook
from tests.support.stores import ALERTS, NOW
from tui.webhook_form.preview import NO_URL, request_line, request_text

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
FIELDS = WebhookFields(
    ALERTS,
    "https://example.com/hook?token=abcdefghijklmnop",
    headers=(("Authorization", "Bearer abcdefgh3f9a"),),
    extra_fields=(("source", "tocsin\u202e"),),
)


def webhook(fields: WebhookFields = FIELDS, secret: str | None = SECRET) -> Webhook:
    return Webhook(0, 0, fields, Secrets(secret) if secret else None, True, NOW, NOW, None)


def test_the_line_says_where_how_many_and_whether_signed() -> None:
    assert request_line(webhook(), DEFAULTS) == (
        "Next request: 1 header, signed, up to 1,000 events: POST example.com/hook?••••"
    )
    fields = replace(FIELDS, headers=(), max_events=1, url="http://[fd00::1]:8080/")
    assert request_line(webhook(fields, None), DEFAULTS) == (
        "Next request: 0 headers, up to 1 event: POST http://[fd00::1]:8080/"
    )


def test_the_text_has_every_header_that_is_sent() -> None:
    text = request_text(webhook(), DEFAULTS, NOW).plain
    sent = request_headers(
        "msg_1", b"[]", admin_headers=FIELDS.headers, secrets=[SECRET], now_ms=NOW
    )
    assert all(f"\n{name}: " in text for name, _ in [*sent, ("Host", "")])
    assert text.startswith("POST /hook?••••\nHost: example.com\n")
    assert '"source": "tocsin\\u202e"' in text


def test_nothing_secret_is_in_it() -> None:
    text = request_text(webhook(), DEFAULTS, NOW).plain
    assert "abcdefgh" not in text
    assert SECRET not in text
    assert "v1,..." in text


def test_a_url_without_a_path_has_a_slash() -> None:
    fields = replace(FIELDS, url="https://example.com?a=b")
    assert request_text(webhook(fields), DEFAULTS, NOW).plain.startswith("POST /?••••")


def test_without_a_url_it_says_what_to_do() -> None:
    nowhere = webhook(replace(FIELDS, url=""))
    assert NO_URL in request_line(nowhere, DEFAULTS)
    assert request_text(nowhere, DEFAULTS, NOW).plain == NO_URL
