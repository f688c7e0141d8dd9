"""Cutting input into lines, and telling a document from lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.event.input import Lines
from cli.json_shapes import ascii_json
from domain.event_input import is_document

EVENT = b'{"type":"alerts","attributes":{}}'


@given(st.lists(st.binary(max_size=12)), st.data())
def test_lines_are_the_same_however_they_come(texts: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(texts)
    cuts = data.draw(st.lists(st.integers(0, len(whole))).map(sorted))
    lines = Lines()
    given_lines: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        given_lines += lines.feed(whole[start:end])
        assert lines.number == len(given_lines)
    given_lines += lines.last()
    expected = whole.split(b"\n")
    assert given_lines == (expected if expected[-1] else expected[:-1])
    assert lines.number == len(given_lines)


@pytest.mark.parametrize(
    ("beginning", "ended", "document"),
    [
        (b"[", False, True),
        (b"\n [" + EVENT + b"]\n", True, True),
        (b'{\n"type":', False, True),
        (b'{\r\n"type":', False, True),
        (EVENT.replace(b",", b",\n"), True, True),
        (EVENT.replace(b",", b",\n"), False, False),
        (EVENT, True, False),
        (EVENT + b"\n", False, False),
        (EVENT + b"\n" + EVENT, True, False),
        (b"nope\n" + EVENT, True, False),
        (EVENT[:-1] + b"\n" + EVENT, True, False),
        (b"{", False, False),
        (b"", True, False),
        (b" \n\n", True, False),
    ],
)
def test_a_document_is_told_from_lines(beginning: bytes, ended: bool, document: bool) -> None:
    assert is_document(beginning, ended=ended) is document


@given(st.dictionaries(st.text(), st.text()))
def test_ascii_json_says_the_same_in_plain_ascii(value: dict[str, str]) -> None:
    try:
        body = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    text = ascii_json(body)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == value
