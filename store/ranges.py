"""Ascending numbers, kept as ranges: the numbers of a delivery, and those to be sealed anew.

A file of its own, since rows of webhooks and of deliveries keep numbers so. In a row they are a
first number, a last one and a text: "" where no number between them is left out, otherwise the JSON
list of the lengths of ranges and gaps in turn. From 5 on, "[3,1,2]" is 5, 6, 7, 9 and 10.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

Range = tuple[int, int]
"""The first and the last number."""


class Ranges(msgspec.Struct, frozen=True):
    """Numbers as ascending ranges, with a gap before each but the first."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def kept(cls, first: int, last: int, text: str) -> Ranges:
        """Return the numbers that a row keeps."""
        lengths = json.loads(text) if text else [last - first + 1]
        found = []
        for index, length in enumerate(lengths):
            if index % 2 == 0 and length > 0:
                found.append((first, first + length - 1))
            first += length
        return cls(tuple(found)).until(last)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Ranges:
        """Return these numbers, which ascend."""
        return cls(_joined((number, number) for number in numbers))

    @property
    def text(self) -> str:
        """The text that a row keeps beside the first and the last number."""
        if len(self.ranges) <= 1:
            return ""
        lengths = [self._length(self.ranges[0])]
        for (_, before), after in pairwise(self.ranges):
            lengths += [after[0] - before - 1, self._length(after)]
        return json.dumps(lengths, separators=(",", ":"))

    @property
    def first(self) -> int:
        """The lowest number."""
        return self.ranges[0][0]

    @property
    def last(self) -> int:
        """The highest number."""
        return self.ranges[-1][1]

    @property
    def count(self) -> int:
        """Count of the numbers."""
        return sum(map(self._length, self.ranges))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __iter__(self) -> Iterator[Range]:
        return iter(self.ranges)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.ranges, number, key=lambda one: one[0])
        return place > 0 and number <= self.ranges[place - 1][1]

    def since(self, number: int) -> Ranges:
        """Return those from a number on."""
        return self._clipped(number, None)

    def until(self, number: int) -> Ranges:
        """Return those up to a number, itself included."""
        return self._clipped(None, number)

    def without(self, number: int) -> Ranges:
        """Return the others."""
        if number not in self:
            return self
        return Ranges(self.until(number - 1).ranges + self.since(number + 1).ranges)

    def joined(self, other: Ranges) -> Ranges:
        """Return the numbers of both."""
        return Ranges(_joined(sorted(self.ranges + other.ranges)))

    def lowest(self, count: int) -> Ranges:
        """Return the lowest so many."""
        taken: list[Range] = []
        for first, last in self.ranges:
            if count <= 0:
                break
            taken.append((first, min(last, first + count - 1)))
            count -= last - first + 1
        return Ranges(tuple(taken))

    def _clipped(self, first: int | None, last: int | None) -> Ranges:
        clipped = (
            (low if first is None else max(low, first), high if last is None else min(high, last))
            for low, high in self.ranges
        )
        return Ranges(tuple((low, high) for low, high in clipped if low <= high))

    @staticmethod
    def _length(one: Range) -> int:
        return one[1] - one[0] + 1


def _joined(ascending: Iterable[Range]) -> tuple[Range, ...]:
    """Return ranges, sorted by their first numbers, without overlaps and with no two that touch."""
    found: list[Range] = []
    for first, last in ascending:
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)
