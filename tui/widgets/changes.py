"""Which columns of a line have changed, so that no more than those go over the wire."""

from __future__ import annotations

from itertools import zip_longest

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

JOINED = 8
"""Unchanged columns that cost less than to begin anew behind them: a place and a style."""


def changed_regions(before: Strip, after: Strip, y: int) -> list[Region]:
    """The parts of line `y` to paint, from left to right; none if nothing changed."""
    if before == after:
        return []
    spans: list[tuple[int, int]] = []
    for x, (old, new) in enumerate(zip_longest(_cells(before), _cells(after))):
        if old == new:
            continue
        if spans and x - spans[-1][1] < JOINED:
            spans[-1] = (spans[-1][0], x + 1)
        else:
            spans.append((x, x + 1))
    return [Region(start, y, end - start, 1) for start, end in spans]


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    return [cell for segment in strip for cell in _cells_of(segment)]


def _cells_of(segment: Segment) -> list[tuple[str, Style | None]]:
    """What each column shows; a wide character stands in its first one, and takes both."""
    if segment.text.isascii():
        return [(character, segment.style) for character in segment.text]
    cells: list[tuple[str, Style | None]] = []
    for character in segment.text:
        width = get_character_cell_size(character)
        if not width and cells:
            cells[-1] = (cells[-1][0] + character, segment.style)
        cells += [(character, segment.style)] * width
    return cells
