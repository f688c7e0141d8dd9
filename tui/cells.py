"""Columns and cells of a table, and fitting text into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.cells import cell_len, set_cell_size

from domain.safe import safe

Tone = Literal["plain", "good", "bad", "warning", "busy", "dim"]
"""What a cell says beside its words; colour only repeats what a glyph or word says already."""

GAP = 1


class Column(msgspec.Struct, frozen=True):
    """`width` 0 takes what the others leave; `from_width` is the table's width that shows it."""

    key: str
    label: str
    width: int
    right: bool = False
    from_width: int = 0
    sortable: bool = True


class Cell(msgspec.Struct, frozen=True):
    """Text, made harmless where it is drawn, and its tone."""

    text: str
    tone: Tone = "plain"


Row = tuple[Cell, ...]


class Placed(msgspec.Struct, frozen=True):
    """A column that is shown, with its place in the row and the width that it got."""

    index: int
    column: Column
    width: int


def place(columns: Sequence[Column], width: int) -> tuple[Placed, ...]:
    """The columns that a table of `width` shows; the elastic one takes what is left."""
    shown = [(i, column) for i, column in enumerate(columns) if width >= column.from_width]
    fixed = sum(column.width for _, column in shown) + GAP * (len(shown) - 1)
    left = max(8, width - fixed)
    return tuple(Placed(i, column, column.width or left) for i, column in shown)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly `width` columns of the terminal, harmless, with … where it was cut."""
    shown = cut(text, width)
    blanks = " " * (width - cell_len(shown))
    return blanks + shown if right else shown + blanks


def cut(text: str, width: int) -> str:
    """The text, harmless, in at most `width` columns of the terminal, with … where it was cut."""
    shown = safe(text, 1000)
    if cell_len(shown) <= width:
        return shown
    return set_cell_size(shown, max(0, width - 1)) + "…" if width > 0 else ""
