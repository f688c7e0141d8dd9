from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import (
    BASE58_ALPHABET,
    base58,
    event_id_from_facts,
    new_delivery_id,
    new_event_id,
    new_test_id,
    resource_id,
)


def number_of(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 58 + BASE58_ALPHABET.index(digit)
    return number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "1"),
        (57, "z"),
        (58, "21"),
        (0x0100000000000000, "Ahg1opVcGX"),
        (0x114A0F0000000000, "3tjDGN2gXpT"),
        (2**64 - 1, "jpXCZedGfVQ"),
    ],
)
def test_known_numbers(number: int, text: str) -> None:
    assert base58(number) == text


@given(st.integers(min_value=0, max_value=2**128))
def test_base58_reads_back(number: int) -> None:
    assert number_of(base58(number)) == number


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not -1"):
        base58(-1)


def test_an_event_id_is_the_start_of_the_hash_of_type_and_facts() -> None:
    digest = hashlib.sha256(b"alerts\0facts").digest()
    assert number_of(event_id_from_facts("alerts", b"facts")) == int.from_bytes(digest[:8], "big")


def test_an_event_id_changes_with_type_and_facts() -> None:
    ids = {
        event_id_from_facts("alerts", b"facts"),
        event_id_from_facts("alerts", b"other"),
        event_id_from_facts("log_authn", b"facts"),
    }
    assert len(ids) == 3


def test_a_resource_id_is_stable_and_tells_its_parts_apart() -> None:
    assert resource_id("endpoints", "hub", "wg0", "key") == resource_id(
        "endpoints", "hub", "wg0", "key"
    )
    ids = {
        resource_id("endpoints", "hub", "wg0"),
        resource_id("interfaces", "hub", "wg0"),
        resource_id("endpoints", "hubw", "g0"),
        resource_id("endpoints", "hub"),
    }
    assert len(ids) == 4


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_new_event_id_writes_all_of_the_dice(number: int) -> None:
    assert number_of(new_event_id(lambda: number)) == number


@given(st.binary(min_size=16, max_size=16))
def test_a_delivery_id_has_a_fixed_length_and_keeps_every_bit(bits: bytes) -> None:
    delivery_id = new_delivery_id(lambda size: bits[:size])
    assert delivery_id.startswith("msg_")
    assert len(delivery_id) == len("msg_") + 22
    assert number_of(delivery_id.removeprefix("msg_")) == int.from_bytes(bits, "big")
    assert new_test_id(lambda size: bits[:size]) == "msg_test_" + delivery_id.removeprefix("msg_")
