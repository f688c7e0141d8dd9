"""Extra fields are text that may stand in any JSON object beside the event's own members."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldError, FieldErrors
from domain.extra_fields import (
    FIELD_LIMIT,
    KEY_LIMIT,
    VALUE_LIMIT,
    check_extra_field,
    check_extra_fields,
    parse_extra_fields,
)
from domain.pairs import pairs_text


def test_fields_are_read_one_a_line_in_order() -> None:
    text = "source: tocsin\r\n\nsite :Z\u00fcrich: main \nempty:\ndomain: example.com"
    assert parse_extra_fields(text) == (
        ("source", "tocsin"),
        ("site", "Z\u00fcrich: main"),
        ("empty", ""),
        ("domain", "example.com"),
    )


@pytest.mark.parametrize("key", ["type", "id", "attributes", "relationships", "meta", "links"])
def test_the_event_s_own_members_are_refused(key: str) -> None:
    with pytest.raises(FieldError, match=f"{key} is the event's own; choose another key"):
        check_extra_field(key, "x")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("", "x", "a key is 1 to 64 characters"),
        ("a:b", "x", "without a colon"),
        ("k" * (KEY_LIMIT + 1), "x", "a key is 1 to 64 characters"),
        ("a\0", "x", "a key has a control character"),
        ("\ud800", "x", "a key has a control character"),
        (" a", "x", "a key begins or ends with a blank"),
        ("a", "x\0", "the value of a has a control character"),
        ("a", "x\ny", "the value of a has a control character"),
        ("a", "\udfff", "the value of a has a control character"),
        ("a", "x ", "the value of a begins or ends with a blank"),
        ("a", "\u00e9" * (VALUE_LIMIT // 2 + 1), "the value of a has 4098 bytes"),
    ],
)
def test_a_bad_field_is_refused(key: str, value: str, reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        check_extra_field(key, value)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(FieldErrors) as caught:
        parse_extra_fields("source\nid: 7\nok: 1\nok: 2")
    assert [str(error) for error in caught.value.errors] == [
        "extra_fields: line 1 has no colon; write it as `source: tocsin`",
        "extra_fields: line 2: id is the event's own; choose another key",
    ]


def test_one_value_a_key() -> None:
    check_extra_fields([("a", "1"), ("A", "2")])
    with pytest.raises(FieldErrors, match="a is there more than once; keep one of them"):
        check_extra_fields([("a", "1"), ("a", "1")])


def test_the_number_of_fields_is_limited() -> None:
    fields = [(f"field-{number}", "") for number in range(FIELD_LIMIT)]
    check_extra_fields(fields)
    with pytest.raises(FieldErrors, match="there are 65 extra fields; keep 64 or fewer"):
        check_extra_fields([*fields, ("one-more", "")])


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=3))
def test_what_is_taken_is_valid_json_text_and_reads_back(fields: list[tuple[str, str]]) -> None:
    try:
        check_extra_fields(fields)
    except FieldErrors:
        return
    encoded = json.dumps(dict(fields), ensure_ascii=False).encode()
    assert json.loads(encoded) == dict(fields)
    assert parse_extra_fields(pairs_text(fields)) == tuple(fields)
