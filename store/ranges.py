"""Ascending numbers, kept as their first, their last and the JSON list of the gaps between them.

A file of its own, since rows of webhooks and of deliveries keep numbers so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence


def numbers(first: int, last: int, without: str | None) -> tuple[int, ...]:
    """Return the numbers of a range; `without` is the JSON list of those that are not in it."""
    left_out = set(json.loads(without)) if without else set()
    return tuple(number for number in range(first, last + 1) if number not in left_out)


def gaps(ascending: Sequence[int]) -> list[int]:
    """Return the numbers between the first and the last that are not among them."""
    return sorted(set(range(ascending[0], ascending[-1] + 1)).difference(ascending))
