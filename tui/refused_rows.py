"""Rows of the list of refused events, and the question before one is dropped."""

from __future__ import annotations

from domain.words import counted, size_text, span_text
from store.records import StoredRefusal
from tui.questions import Question
from tui.widgets.columns import Cell, Column, Row
from tui.words import coarse_age

COLUMNS = (
    Column("state", "State", 12, sortable=False),
    Column("taken", "Taken", 6, right=True, sortable=False),
    Column("size", "Size", 9, right=True, sortable=False),
    Column("queue", "Queue", 14, from_width=72, sortable=False),
    Column("id", "Id", 12, from_width=100, sortable=False),
    Column("why", "Why it is not queued", 0, sortable=False),
)


def row_of(one: StoredRefusal, now_ms: int) -> Row:
    """A row of the list."""
    return (
        _state(one),
        Cell(coarse_age(now_ms - one.at_ms), "dim"),
        Cell(size_text(one.bytes)),
        Cell(one.queue),
        Cell(one.id),
        Cell(one.reason),
    )


def title_of(found: list[StoredRefusal]) -> str:
    """Return what the frame says of all of them."""
    sent = sum(one.sent_ms is not None for one in found)
    return f"Refused ── {len(found):,}{f', {sent:,} of them sent' if sent else ''}"


def facts_of(one: StoredRefusal, receiver: str, now_ms: int) -> str:
    """Why it is here, and what became of it; `receiver` is who it was sent to, if anybody."""
    tries = f"tried by hand {counted(one.attempts, 'time')}" if one.attempts else "never sent"
    if one.sent_ms is not None:
        tries = f"sent to {receiver} {span_text(now_ms - one.sent_ms)} ago"
    elif one.last_error is not None:
        tries += f", the last: {one.last_error}"
    return f"{one.id} of the queue {one.queue}: {tries}\n{one.reason}"


def drop_question(one: StoredRefusal) -> Question:
    """Return the question before one is forgotten."""
    sent = "It was sent to a webhook." if one.sent_ms is not None else "It went to no webhook."
    return Question(
        f"Forget the refused event {one.id}?",
        (sent, "There is no other copy of it here, nor where it came from."),
        yes="Forget",
    )


def _state(one: StoredRefusal) -> Cell:
    if one.sent_ms is not None:
        return Cell("✓ sent", "good")
    if one.last_error is not None:
        return Cell("✗ not sent", "bad")
    return Cell("○ waiting", "busy")
