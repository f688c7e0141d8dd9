"""How an attempt reads as a row, and what was answered to it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from delivery.outcome import is_success
from delivery.shown_request import ShownRequest
from domain.safe import safe
from domain.words import error_word, span_text, status_words
from store.records import Attempt, Delivery
from tui.delivery_copy import answer_text
from tui.delivery_rows import moment
from tui.widgets.columns import Cell, Column, Row, Tone
from tui.words import coarse_age

BAR = 6
COLUMNS = (
    Column("number", "#", 5, right=True, sortable=False),
    Column("at", "UTC", 11, sortable=False),
    Column("took", "Took", 5, right=True, sortable=False),
    Column("bar", "", BAR, sortable=False),
    Column("result", "Result", 0, sortable=False),
)


def row_of(attempt: Attempt, longest_ms: int, now_ms: int) -> Row:
    """The cells of an attempt that is over; its bar is measured by the longest."""
    good = attempt.status is not None and is_success(attempt.status)
    tone: Tone = "good" if good else "bad"
    return (
        Cell(f"{attempt.number:,}"),
        Cell(moment(attempt.started_ms, now_ms), "dim"),
        Cell(span_text(attempt.duration_ms)),
        Cell(bar(attempt.duration_ms, longest_ms), tone),
        Cell(f"{'✓' if good else '✗'} {_short(attempt)}", tone),
    )


def sending_row(one: Delivery, now_ms: int) -> Row:
    """The cells of the attempt that is under way."""
    since_ms = one.sending_since_ms or now_ms
    then = f", then {one.asked}" if one.asked else ""
    return (
        Cell(f"{one.attempts:,}"),
        Cell(moment(since_ms, now_ms), "dim"),
        Cell(coarse_age(now_ms - since_ms)),
        Cell(""),
        Cell(f"↑ sending{then}", "busy"),
    )


def bar(duration_ms: int, longest_ms: int) -> str:
    """A bar of blocks, the longest of them all BAR wide."""
    return "▇" * max(1, -(-duration_ms * BAR // max(longest_ms, 1)))


def words_of(attempt: Attempt) -> str:
    """What came of it, in plain words."""
    return attempt.detail or _short(attempt)


def _short(attempt: Attempt) -> str:
    if attempt.status is not None:
        return status_words(attempt.status)
    return attempt.detail or error_word(attempt.error)


def longest(attempts: Sequence[Attempt]) -> int:
    """How long the longest of them took, milliseconds."""
    return max((one.duration_ms for one in attempts), default=1)


def answer(attempt: Attempt, cure: str = "") -> Text:
    """The whole words, what can be done, and what the receiver said, harmless."""
    said = answer_text(attempt)
    told = Text(safe(words_of(attempt)), style="bold")
    if cure:
        told.append(f"\n{safe(cure)}")
    return told.append(f"\n{said}" if said else "\n(no answer)", style="not bold")


def request_text(request: ShownRequest) -> Text:
    """Where to and with which headers, one a line, harmless."""
    shown = [f"POST {request.url}", *(f"{name}: {value}" for name, value in request.headers)]
    text = Text("\n".join(safe(line, 400) for line in shown), no_wrap=True, overflow="ellipsis")
    if request.note:
        text.append(f"\n{safe(request.note)}", style="italic")
    return text
