"""Ranges behave as the sets of their numbers do, and come back from a row as they went in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.ranges import Ranges

NUMBERS = st.sets(st.integers(1, 30)).map(sorted)
NUMBER = st.integers(0, 31)


def numbers(ranges: Ranges) -> list[int]:
    return [number for first, last in ranges for number in range(first, last + 1)]


def are_apart(ranges: Ranges) -> bool:
    """True if each range has numbers, and a gap before it."""
    ends = [end for one in ranges for end in one]
    return ends == sorted(ends) and all(
        before + 1 < after for before, after in zip(ends[1::2], ends[2::2], strict=False)
    )


@given(NUMBERS)
def test_ranges_are_the_numbers_that_they_were_made_of(kept: list[int]) -> None:
    ranges = Ranges.of(kept)

    assert are_apart(ranges)
    assert numbers(ranges) == kept
    assert ranges.count == len(kept)
    assert bool(ranges) == bool(kept)
    assert [number for number in range(32) if number in ranges] == kept


@given(NUMBERS.filter(bool))
def test_a_row_keeps_them_as_two_numbers_and_a_text(kept: list[int]) -> None:
    ranges = Ranges.of(kept)

    assert (ranges.first, ranges.last) == (kept[0], kept[-1])
    assert Ranges.kept(ranges.first, ranges.last, ranges.text) == ranges
    assert (ranges.text == "") == (kept == list(range(kept[0], kept[-1] + 1)))
    if ranges.text:
        lengths = json.loads(ranges.text)
        assert sum(lengths) == kept[-1] - kept[0] + 1
        assert sum(lengths[::2]) == len(kept)
        assert all(length > 0 for length in lengths)


@given(NUMBERS, NUMBER, st.integers(0, 31))
def test_a_part_of_them(kept: list[int], number: int, count: int) -> None:
    ranges = Ranges.of(kept)

    assert numbers(ranges.since(number)) == [one for one in kept if one >= number]
    assert numbers(ranges.until(number)) == [one for one in kept if one <= number]
    assert numbers(ranges.without(number)) == [one for one in kept if one != number]
    assert numbers(ranges.lowest(count)) == kept[:count]
    parts = (
        ranges.since(number),
        ranges.until(number),
        ranges.without(number),
        ranges.lowest(count),
    )
    assert all(map(are_apart, parts))


@given(NUMBERS, NUMBERS)
def test_joined_they_have_the_numbers_of_both(one: list[int], other: list[int]) -> None:
    joined = Ranges.of(one).joined(Ranges.of(other))

    assert are_apart(joined)
    assert numbers(joined) == sorted({*one, *other})


@pytest.mark.parametrize(
    ("first", "last", "text", "kept"),
    [
        (5, 7, "", [5, 6, 7]),
        (5, 5, "", [5]),
        (5, 10, "[3,1,2]", [5, 6, 7, 9, 10]),
        (5, 8, "[3,1,2]", [5, 6, 7]),
        (5, 4, "", []),
    ],
)
def test_the_text_of_a_row(first: int, last: int, text: str, kept: list[int]) -> None:
    assert numbers(Ranges.kept(first, last, text)) == kept


def test_a_million_numbers_are_one_range() -> None:
    ranges = Ranges.kept(1, 1_000_000, "[499999,1,500000]")

    assert ranges.count == 999_999
    assert 500_000 not in ranges
    assert ranges.lowest(500_000).last == 500_001
    assert ranges.since(500_000).joined(Ranges.of([500_000])).ranges == ((500_000, 1_000_000),)
