"""Names that look alike, or like nothing."""

from __future__ import annotations

import pytest

from domain.errors import FieldError
from domain.names import alike, check_seen, doubtful, looks_empty


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("siem", "SIEM"),
        ("stra\xdfe", "STRASSE"),
        ("\xc9t\xe9", "e\u0301te\u0301"),
        ("a b", "a  b"),
        ("a b", "a\xa0b"),
        ("a", "a\u200b"),
        ("a", "a\ufe0f"),
        ("a b", "a\u3164b"),
    ],
)
def test_names_that_look_alike(one: str, other: str) -> None:
    assert alike(one, ["x", one, other]) == other
    assert alike(other, [one]) == one
    assert doubtful([one, "x", other]) == [(one, other)]


@pytest.mark.parametrize(("one", "other"), [("siem", "siem2"), ("a b", "ab"), ("\u2764", "x")])
def test_names_that_do_not(one: str, other: str) -> None:
    assert alike(one, [other, one]) is None
    assert doubtful([one, other]) == []


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u3164", "\u2800 ", "\ufe0f", "\u0301"])
def test_names_that_look_empty(name: str) -> None:
    assert looks_empty(name)
    assert doubtful([name]) == [(name,)]
    with pytest.raises(FieldError, match=r"looks empty|looks like a blank"):
        check_seen(name)


@pytest.mark.parametrize("name", ["siem", "\u2764\ufe0f", "\u8b66\u62a5", "-", "e\u0301"])
def test_names_that_are_seen(name: str) -> None:
    check_seen(name)


def test_a_blank_of_another_script_is_named() -> None:
    with pytest.raises(FieldError, match=r"looks like a blank \(U\+3164\); take it out"):
        check_seen("siem\u3164")
