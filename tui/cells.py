"""Columns and cells of tables, and texts fitted into a width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.cells import cell_len, set_cell_size

from domain.safe import safe

Tone = Literal["plain", "good", "bad", "warning", "busy", "dim"]
"""The meaning of a cell's colour, which only repeats that of its glyph or word."""

GAP = 1


class Column(msgspec.Struct, frozen=True):
    """Column of a table. `width` 0 takes the width that the others leave.

    It is shown in tables from `from_width` on.
    """

    key: str
    label: str
    width: int
    right: bool = False
    from_width: int = 0
    sortable: bool = True


class Cell(msgspec.Struct, frozen=True):
    """Cell of a table: a text, made harmless where it is drawn, and its tone."""

    text: str
    tone: Tone = "plain"


Row = tuple[Cell, ...]


class ShownColumn(msgspec.Struct, frozen=True):
    """Column that is shown, with its index in the row and the width that it got."""

    index: int
    column: Column
    width: int


def fit_columns(columns: Sequence[Column], width: int) -> tuple[ShownColumn, ...]:
    """Return the columns that a table of `width` shows; the elastic one takes the rest."""
    shown = [(i, column) for i, column in enumerate(columns) if width >= column.from_width]
    fixed = sum(column.width for _, column in shown) + GAP * (len(shown) - 1)
    left = max(8, width - fixed)
    return tuple(ShownColumn(i, column, column.width or left) for i, column in shown)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return a text in exactly `width` columns of the terminal, harmless, with … for a cut."""
    shown = cut(text, width)
    blanks = " " * (width - cell_len(shown))
    return blanks + shown if right else shown + blanks


def cut(text: str, width: int) -> str:
    """Return a text in at most `width` columns of the terminal, harmless, with … for a cut."""
    shown = safe(text, 1000)
    if cell_len(shown) <= width:
        return shown
    return set_cell_size(shown, max(0, width - 1)) + "…" if width > 0 else ""
