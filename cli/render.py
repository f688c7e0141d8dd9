"""Lists and labelled lines, for people."""

from __future__ import annotations

from collections.abc import Sequence

from cli.output import width
from domain.safe import safe
from domain.wording import span_text


def columns(row: Sequence[object], widths: Sequence[int]) -> str:
    """One line of a list that goes on, in columns of fixed widths; None shows as "-"."""
    cells = ["-" if value is None else safe(str(value)) for value in row]
    padded = [cell + " " * (size - width(cell)) for cell, size in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def labelled(pairs: Sequence[tuple[str, object]]) -> str:
    """Lines of a label and its value, the values aligned; what has no value is left out."""
    given = [(label, value) for label, value in pairs if value is not None]
    widest = max(len(label) for label, _ in given)
    return "\n".join(f"{label:{widest}}  {safe(str(value))}" for label, value in given)


def ago_text(time_ms: int | None, now_ms: int) -> str | None:
    """A time in a list, as an age: short, so that what stands beside it fits into a terminal."""
    return None if time_ms is None else f"{span_text(now_ms - time_ms)} ago"
