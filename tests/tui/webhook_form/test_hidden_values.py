"""Header values behind dots: nothing is lost by hiding, and dots are never taken for a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldErrors
from domain.pairs import pairs_text
from domain.safe import DOTS, mask_value
from tui.webhook_form.hidden_values import (
    hide_headers,
    known_headers,
    read_headers,
    rebase_headers,
    reveal_headers,
    with_typed_headers,
)

VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=0, max_size=30)
HEADERS = st.dictionaries(st.from_regex(r"X-[a-z]{1,6}", fullmatch=True), VALUES, max_size=5).map(
    lambda found: tuple(found.items())
)
LINES = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.builds(lambda name, dots: f"{name}: {dots}", st.sampled_from("abc"), st.text("\u2022x")),
    )
).map("\n".join)
STORED = (("Authorization", "Bearer abcdefghijkl3f9a"), ("X-Short", "abc"))
KNOWN = known_headers(STORED)
HIDDEN = "Authorization: ••••3f9a\nX-Short: ••••"


def errors_of(text: str) -> list[str]:
    with pytest.raises(FieldErrors) as caught:
        read_headers(text, KNOWN)
    return [f"{error.reason}; {error.cure}" for error in caught.value.errors]


def test_hidden_lines_show_dots_and_little_more() -> None:
    assert hide_headers(pairs_text(STORED), KNOWN) == HIDDEN


@given(HEADERS)
def test_hiding_loses_nothing(headers: tuple[tuple[str, str], ...]) -> None:
    known = known_headers(headers)
    text = pairs_text(headers)
    assert reveal_headers(hide_headers(text, known), known) == text
    assert read_headers(hide_headers(text, known), known) == headers


@given(LINES, HEADERS)
def test_dots_are_never_a_value(text: str, headers: tuple[tuple[str, str], ...]) -> None:
    try:
        found = read_headers(text, known_headers(headers))
    except FieldErrors:
        return
    assert not any(DOTS[0] in value for _, value in found)


def test_other_lines_can_come_and_go_around_hidden_ones() -> None:
    text = f"X-New: 1\n{HIDDEN}"
    assert read_headers(text, KNOWN) == (("X-New", "1"), *STORED)
    assert read_headers(HIDDEN.split("\n")[1], KNOWN) == STORED[1:]


def test_the_name_may_be_spelled_in_other_letters() -> None:
    assert read_headers("authorization:••••3f9a", KNOWN) == (
        ("authorization", "Bearer abcdefghijkl3f9a"),
    )


def test_a_mask_under_another_name_is_an_error() -> None:
    assert errors_of("X-Token: ••••3f9a") == [
        "line 1: dots stand for the hidden value of another header; "
        "write the value of X-Token; reveal shows the hidden ones"
    ]


def test_a_mask_that_was_typed_into_is_an_error() -> None:
    assert errors_of("X-Short: 1\nAuthorization: ••••3f9b\nno colon") == [
        "line 2: the dots of Authorization were changed; "
        "write the whole value, or take the line back with ctrl+z",
        "line 3 has no colon; write it as `X-Foo: bar`",
    ]


def test_what_was_typed_is_hidden_once_it_is_taken_in() -> None:
    text = "Authorization: ••••3f9a\nX-New: secretsecret\nX-Short: other"
    known = with_typed_headers(text, KNOWN)
    hidden = hide_headers(reveal_headers(text, KNOWN), known)
    assert hidden == f"Authorization: ••••3f9a\nX-New: {mask_value('secretsecret')}\nX-Short: ••••"
    assert read_headers(hidden, known) == (
        STORED[0],
        ("X-New", "secretsecret"),
        ("X-Short", "other"),
    )


def test_a_second_line_of_a_name_brings_no_hidden_value_into_the_open() -> None:
    text = f"{HIDDEN}\nAuthorization: Bearer newvalue-long-99999\nX-Short: other"
    known = with_typed_headers(text, KNOWN)
    hidden = hide_headers(reveal_headers(text, KNOWN), known)
    assert hidden == f"{HIDDEN}\nAuthorization: ••••9999\nX-Short: other"
    assert reveal_headers(hidden, known) == reveal_headers(text, KNOWN)


@given(HEADERS, st.lists(st.tuples(st.from_regex(r"X-[a-b]", fullmatch=True), VALUES)))
def test_what_was_hidden_stays_hidden_and_nothing_is_lost(
    stored: tuple[tuple[str, str], ...], typed: list[tuple[str, str]]
) -> None:
    known = known_headers(stored)
    again = [(name, f"{value}a") for name, value in stored]
    hidden = hide_headers(pairs_text(stored), known)
    text = f"{pairs_text(tuple(again + typed))}\n{hidden}"
    taken = with_typed_headers(text, known)
    assert hide_headers(reveal_headers(text, known), taken).endswith(hidden)
    assert reveal_headers(
        hide_headers(reveal_headers(text, known), taken), taken
    ) == reveal_headers(text, known)


def test_untouched_values_follow_what_somebody_else_saved() -> None:
    plain = "Authorization: Bearer abcdefghijkl3f9a\nX-Short: mine\nX-New: 1"
    theirs = {"authorization": ("Bearer theirs",), "x-short": ("theirs",)}
    assert (
        rebase_headers(plain, KNOWN, theirs)
        == "Authorization: Bearer theirs\nX-Short: mine\nX-New: 1"
    )
