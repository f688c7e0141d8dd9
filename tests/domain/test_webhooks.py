"""The form of a webhook tells everything that is wrong at once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from domain.errors import FieldError, FieldErrors
from domain.event_types import EventType
from domain.webhooks import (
    WebhookFields,
    check_ca_file,
    check_fields,
    check_name,
    clean_fields,
    parse_limit,
)

GOOD = WebhookFields(
    type=EventType.ALERTS,
    url="https://example.com/webhooks/123",
    name="siem",
    headers=(("Authorization", "Bearer abc"),),
    extra_fields=(("source", "tocsin"),),
    max_events=100,
    max_bytes=100_000,
    interval_ms=60_000,
    retry_interval_ms=20_000,
    ca_file="/etc/ssl/own.pem",
)


def test_a_good_webhook_passes_unchanged() -> None:
    assert clean_fields(GOOD) == GOOD
    bare = WebhookFields(EventType.LOG_AUTHN, "http://siem/")
    assert clean_fields(bare) == bare
    assert bare.active


def test_name_and_url_are_cleaned() -> None:
    fields = replace(GOOD, url=" HTTPS://Example.com:443/x", name="  siem ")
    cleaned = clean_fields(fields)
    assert (cleaned.url, cleaned.name) == ("https://example.com/x", "siem")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    fields = WebhookFields(
        type=EventType.ALERTS,
        url="ftp://example.com/",
        name="42",
        headers=(("Host", "a"), ("X-A", "1"), ("x-a", "2")),
        extra_fields=(("id", "1"),),
        max_events=0,
        max_bytes=999,
        interval_ms=999,
        retry_interval_ms=0,
        ca_file="own.pem",
    )
    with pytest.raises(FieldErrors) as caught:
        check_fields(fields)
    assert str(caught.value).splitlines() == [
        "url: ftp is not supported; write https:// or http://",
        "name: 42 would be taken for an id; add a letter",
        "headers: Host is set by Tocsin itself; leave it out",
        "headers: x-a is there more than once; keep one of them",
        "extra_fields: id is the event's own; choose another key",
        "max_events: 0 is out of range; write a whole number from 1 to 100000",
        "max_bytes: 999 is out of range; write a size from 1kB to 50MB, such as 1000000 or 64KiB",
        "interval: 999ms is out of range; "
        "write a duration of 0s or from 1s to 1d, such as 90s, 3m, 1h or 1d",
        "retry_interval: 0s is out of range; "
        "write a duration from 1s to 1d, such as 90s, 3m, 1h or 1d",
        "ca_file: 'own.pem' is not an absolute path; start it with /",
    ]
    assert [error.field for error in caught.value.errors][:2] == ["url", "name"]


def test_an_error_keeps_field_reason_and_cure() -> None:
    error = FieldError("url", "it is empty", "write one")
    assert (error.field, error.reason, error.cure) == ("url", "it is empty", "write one")
    assert str(error) == "url: it is empty; write one"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("siem", "siem"),
        (" a b ", "a b"),
        ("\u00fc" * 64, "\u00fc" * 64),
        ("7b", "7b"),
        ("7.0", "7.0"),
    ],
)
def test_a_good_name_is_trimmed(text: str, name: str) -> None:
    assert check_name(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has 0 characters"),
        ("   ", "it has 0 characters"),
        ("a" * 65, "it has 65 characters"),
        ("a\tb", "control or invisible"),
        ("a\x1b[31m", "control or invisible"),
        ("a\u202eb", "control or invisible"),
        ("a\ud800", "control or invisible"),
        ("42", "taken for an id"),
        ("\uff14\uff12", "taken for an id"),
        ("--yes", "taken for an option"),
    ],
)
def test_a_bad_name_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FieldError, match=reason) as caught:
        check_name(text)
    assert caught.value.field == "name"


@pytest.mark.parametrize("path", ["", "own.pem", "~/own.pem", "/etc/\0", "/etc/a\nb"])
def test_a_bad_ca_file_is_refused(path: str) -> None:
    with pytest.raises(FieldError) as caught:
        check_ca_file(path)
    assert caught.value.field == "ca_file"


@pytest.mark.parametrize(
    "limits",
    [
        {"max_events": 100_001},
        {"max_bytes": 50_000_001},
        {"interval_ms": 86_400_001},
        {"interval_ms": 1},
        {"retry_interval_ms": 999},
        {"retry_interval_ms": 86_400_001},
    ],
)
def test_limits_have_the_ranges_of_their_settings(limits: dict[str, int]) -> None:
    with pytest.raises(FieldErrors, match="out of range"):
        check_fields(replace(GOOD, **limits))


def test_an_interval_of_0_is_one_and_a_word_is_no_retry_interval() -> None:
    assert clean_fields(replace(GOOD, interval_ms=0)).interval_ms == 0
    assert (parse_limit("interval", "0s"), parse_limit("retry_interval", "5s")) == (0, 5_000)
    with pytest.raises(FieldError) as caught:
        parse_limit("retry_interval", "Interval")
    assert str(caught.value) == (
        'retry_interval: only the setting retry_interval may be "interval"; '
        "to follow that setting leave this empty ('', in JSON null), or write a duration such as 3m"
    )
