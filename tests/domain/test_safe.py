from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.safe import plain_bytes, safe

UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ~100%", "plain text, ~100%"),
        ("C:\\temp", "C:\\temp"),
        ("Zürich 東京 🔔", "Zürich 東京 🔔"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("\x9b2J \x7f", "\\x9b2J \\x7f"),
        ("pay\u202egnp.exe", "pay\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028page\u2029", "line\\u2028page\\u2029"),
        ("\ud800 half", "\\ud800 half"),
        ("\ue000 private, \U000e0041 tag", "\\ue000 private, \\U000e0041 tag"),
        (b"bytes \xff\x1b", "bytes \\xff\\x1b"),
        ("ü".encode(), "ü"),
    ],
)
def test_what_is_shown(text: str | bytes, shown: str) -> None:
    assert safe(text) == shown


def test_newlines_can_be_kept_and_nothing_else() -> None:
    assert safe("a\nb\rc\x1b", keep_newlines=True) == "a\nb\\x0dc\\x1b"


@pytest.mark.parametrize("text", ["x" * 10, b"x" * 10, "ü" * 10, ("ü" * 10).encode()])
def test_text_of_exactly_the_limit_is_whole(text: str | bytes) -> None:
    assert len(safe(text, 10)) == 10
    assert "…" not in safe(text, 10)
    assert safe(text, 9) == safe(text)[:8] + "…"


def test_bytes_are_cut_between_characters() -> None:
    assert safe(("🔔" * 100).encode(), 5) == "🔔🔔🔔🔔…"


def test_a_limit_of_nothing_shows_nothing_but_the_cut() -> None:
    assert safe("text", 1) == "…"


@given(st.one_of(st.text(st.characters()), st.binary()), st.integers(1, 60), st.booleans())
def test_nothing_unsafe_comes_out_and_nothing_too_long(
    text: str | bytes, limit: int, keep_newlines: bool
) -> None:
    shown = safe(text, limit, keep_newlines=keep_newlines)
    assert len(shown) <= limit
    unsafe = {character for character in shown if unicodedata.category(character) in UNSAFE}
    assert unsafe <= ({"\n"} if keep_newlines else set())
    shown.encode("utf-8")


safe_characters = st.characters().filter(lambda each: unicodedata.category(each) not in UNSAFE)


@given(st.text(safe_characters))
def test_safe_text_stays_as_it_is(text: str) -> None:
    assert safe(text, len(text) or 1) == text
    assert safe(text.encode(), len(text) or 1) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("illegal status line: bytearray(b'SSH-2.0-x')", 'illegal status line: "SSH-2.0-x"'),
        ("a bytearray(b\"it's\") b bytearray(b'\\xff\\x1b\\'')", 'a "it\'s" b "\\xff\x1b\'"'),
        ("Server disconnected", "Server disconnected"),
        ("bytearray(b'open", "bytearray(b'open"),
    ],
)
def test_bytes_stand_in_a_sentence_as_people_write_them(text: str, plain: str) -> None:
    assert plain_bytes(text) == plain
