"""Times, sizes and counts in words."""

from __future__ import annotations

import pytest

from domain.wording import counted, error_word, second_text, size_text, span_text


@pytest.mark.parametrize(
    ("span_ms", "text"),
    [
        (-5, "0ms"),
        (35, "35ms"),
        (4_900, "4s"),
        (200_500, "3m20s"),
        (7_530_000, "2h5m"),
        (280_000_000, "3d5h"),
    ],
)
def test_spans_are_no_finer_than_of_use(span_ms: int, text: str) -> None:
    assert span_text(span_ms) == text


@pytest.mark.parametrize(
    ("size", "text"), [(512, "512 bytes"), (18_342, "18.3 kB"), (64_000_000, "64.0 MB")]
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "event", "1 event"),
        (0, "event", "0 events"),
        (12_000, "event", "12,000 events"),
        (1, "delivery", "1 delivery"),
        (2, "delivery", "2 deliveries"),
    ],
)
def test_numbers_with_their_nouns(count: int, noun: str, text: str) -> None:
    assert counted(count, noun) == text


def test_seconds_are_cut_not_rounded() -> None:
    assert second_text(1_999) == "1970-01-01T00:00:01Z"
    assert second_text(None) is None


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (None, "-"),
        ("ConnectionRefusedError", "refused"),
        ("AddressRefused", "policy"),
        ("ConnectTimeout", "timeout"),
        ("SSLCertVerificationError", "TLS"),
        ("gaierror", "DNS"),
        ("ConnectionClosed", "closed"),
        ("NoHttpAnswer", "not HTTP"),
        ("Unreachable", "no route"),
        ("OSError", "network"),
        ("InvalidURL", "URL"),
        ("KeyError", "error"),
    ],
)
def test_an_error_in_a_word(error: str | None, word: str) -> None:
    assert error_word(error) == word
