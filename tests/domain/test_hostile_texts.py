"""Texts that break a reader: each is an event, or the refusal of that text alone."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event_input import read_text
from domain.events import Event, EventError, read_array, read_document, read_event
from tests.support.program import ROOT

NOW_MS = 1_795_507_200_000
LONG = b"9" * 5_000
SAMPLES = [
    json.dumps(json.loads(file.read_bytes()), separators=separators).encode()
    for file in sorted((ROOT / "tests/data/samples").glob("*.json"))
    for separators in ((",", ":"), (", ", ": "))
]
PIECES = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b" ", b"0", b"-", b".", b"e"),
    *(b"NaN", b"Infinity", b"null", b"1e999", b"1e-99999", b"-0", LONG, b"-" + LONG),
    *(b"\\u0000", b"\\ud800", b"\\udc00", b"\\ud83d\\udd14", b"\0", b"\xff", b"\xed\xa0\x80"),
    *(b"\xef\xbb\xbf", b"[" * 70, b'{"a":' * 70, b'"id":""', b'"created":', b'"type":"alerts",'),
)


def _read_event(data: bytes) -> list[Event]:
    return [read_event(data, now_ms=NOW_MS, random64=lambda: 7)]


def _read_text(data: bytes) -> Sequence[Event]:
    return read_text(data, now_ms=NOW_MS, random64=lambda: 7).events


def _read_array(data: bytes) -> list[Event]:
    return read_array(data, now_ms=NOW_MS, random64=lambda: 7)


def _read_document(data: bytes) -> list[Event]:
    return read_document(data, now_ms=NOW_MS, random64=lambda: 7)


READERS = (_read_event, _read_text, _read_array, _read_document)


def check(data: bytes) -> None:
    """Each reader gives events, or says where and why not, and never that it has a bug."""
    for read in READERS:
        try:
            events = read(data)
        except EventError as error:
            if not (error.place and error.reason) or "bug" in error.reason:
                raise
            continue
        assert all(_read_event(event.body)[0].body == event.body for event in events)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("after", [b"x", b"}}", b"]]", b",", b' {"'])
def test_a_number_of_thousands_of_digits_before_a_fault_is_a_refusal(
    read: Callable[[bytes], object], after: bytes
) -> None:
    for data in (b'{"a":' + LONG + after, b'[{"a":' + LONG + b"}" + after, LONG + after):
        with pytest.raises(EventError) as caught:
            read(data)
        assert "bug" not in caught.value.reason


@pytest.mark.parametrize("data", [b'{"type":"alerts","attributes":{}}'])
def test_whatever_goes_wrong_while_an_event_is_read_is_its_refusal(data: bytes) -> None:
    def broken() -> int:
        raise RuntimeError("hunter2")

    for text in (data, b"[" + data + b"]", b"[" + data + b" ]"):
        with pytest.raises(EventError) as caught:
            read_text(text, now_ms=NOW_MS, random64=broken)
        assert "RuntimeError while it was read, which is a bug" in caught.value.reason
        assert "hunter2" not in str(caught.value)


def damaged(dice: random.Random) -> bytes:
    """A sample that was cut, repeated and filled with what readers stumble over."""
    data = bytearray(dice.choice(SAMPLES))
    for _ in range(dice.randint(1, 6)):
        start = dice.randint(0, len(data))
        end = min(len(data), start + dice.choice((0, 0, 1, 1, 2, 9)))
        piece = dice.choice((*PIECES, bytes([dice.randrange(256)]), bytes(data[start : end + 40])))
        data[start:end] = piece
    return bytes(data)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_samples_are_read_or_refused(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(250):
        check(damaged(dice))


@settings(max_examples=300)
@given(st.lists(st.sampled_from((*PIECES, *SAMPLES)), max_size=12).map(b"".join))
def test_pieces_in_any_order_are_read_or_refused(data: bytes) -> None:
    check(data)
