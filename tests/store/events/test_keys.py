"""Keys and moments: frozen numbers, apart from each other, and within SQLite's integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event_types import EventType
from domain.times import parse_rfc3339
from store.events import keys

TYPES = st.sampled_from(EventType)
SEQS = st.integers(0, keys.MOST_SEQ)
MOST_INTEGER = 2**63 - 1


def test_the_numbers_of_types_never_change() -> None:
    """They are in every store of schema 4."""
    numbers = {"alerts": 1, "endpoint_stats": 2, "log_authn": 3, "log_changes": 4}
    assert {type_.value: keys.key_of(type_, 0) >> 48 for type_ in EventType} == numbers
    assert {type_.value: keys.moment_of(type_, 0) >> 40 for type_ in EventType} == numbers


@given(type_=TYPES, seq=SEQS)
def test_a_key_is_type_and_number(type_: EventType, seq: int) -> None:
    key = keys.key_of(type_, seq)

    assert (keys.type_of(key), keys.seq_of(key)) == (type_, seq)
    assert 0 < key <= MOST_INTEGER


@given(one=st.tuples(TYPES, st.integers(-(2**64), 2**64)), other=TYPES)
def test_a_number_that_no_event_has_stays_within_its_type(
    one: tuple[EventType, int], other: EventType
) -> None:
    first, last = keys.keys_of(other)

    assert (first <= keys.key_of(*one) <= last) == (one[0] is other)


@pytest.mark.parametrize(
    "created",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T23:59:00+23:59",
        "1969-12-31T23:59:59Z",
        "2016-12-31T23:59:60Z",
        "9999-12-31T00:00:00-23:59",
        "9999-12-31T23:59:59Z",
    ],
)
def test_every_time_that_an_event_may_have_gets_a_slot_of_its_own(created: str) -> None:
    slot = keys.slot_of(parse_rfc3339(created) // 1000)

    assert keys.NOT_GIVEN < slot <= 1 << 39 < keys.FORMER


def test_slot_1_is_two_days_before_the_year_1() -> None:
    assert keys.slot_of(parse_rfc3339("0001-01-01T00:00:00Z") // 1000) == 2 * 86_400 + 1
    assert keys.slot_of(0) == keys.EPOCH_SLOT
    assert keys.slot_of(None) == keys.NOT_GIVEN


@given(
    one=st.tuples(TYPES, st.integers(0, keys.FORMER)),
    other=st.tuples(TYPES, st.integers(0, keys.FORMER)),
)
def test_a_moment_is_type_and_slot(
    one: tuple[EventType, int], other: tuple[EventType, int]
) -> None:
    assert (keys.moment_of(*one) == keys.moment_of(*other)) == (one == other)
    assert 0 < keys.moment_of(*one) <= MOST_INTEGER
