"""The events that the next delivery of a webhook takes, and the move of its cursor past them.

In this order: what a reseal put back, then an event released from quarantine, then the queue up to
the end of the current run.
"""

from __future__ import annotations

import sys
from bisect import bisect_right

import msgspec
from msgspec.structs import replace
from peewee import fn

from domain import bodies
from store import ranges
from store.models import EventRow, QuarantineRow, WebhookRow, rows
from store.records import Limits
from store.webhook_rows import Redo, redo_of, set_redo


class NextEvents(msgspec.Struct, frozen=True):
    """Sequence numbers of one type, ascending, for one request.

    `last` is where the webhook goes on from; `lost` events up to there are no longer in the store,
    perhaps all of them.
    """

    type: str
    seqs: tuple[int, ...]
    last: int
    lost: int
    origin: str
    """`redo`, `released` or `queue`."""


def next_events(row: WebhookRow, limits: Limits, splice_length: int) -> NextEvents | None:
    """Return the events of the next request: as many as the limits allow, at least one."""
    most = Limits(row.max_events or limits.max_events, row.max_bytes or limits.max_bytes)
    redo = redo_of(row)
    if redo is not None:
        return _redo(redo, most, splice_length)
    released = _released(row) if row.released else None
    if released is not None:
        return released
    row.released = 0  # a wrong count must not keep the queue back
    return _queued(row, most, splice_length) if row.cursor < row.run_until else None


def move_past(row: WebhookRow, events: NextEvents, delivery_id: int | None) -> None:
    """Move the webhook's cursor past these events; saving the row is the caller's.

    `delivery_id` is the delivery that they were sealed into, None if none of them is left.
    """
    redo = redo_of(row)
    if events.origin == "queue":
        row.cursor = events.last
    elif events.origin == "released":
        row.released -= 1
        _take_from_quarantine(row, events, delivery_id)
    elif redo is not None:
        set_redo(row, redo.since(events.last + 1))


def _take_from_quarantine(row: WebhookRow, events: NextEvents, delivery_id: int | None) -> None:
    event = (
        (QuarantineRow.webhook == row.id)
        & (QuarantineRow.type == events.type)
        & (QuarantineRow.seq == events.last)
    )
    if delivery_id is None:
        QuarantineRow.delete().where(event).execute()
    else:
        QuarantineRow.update(sent_in=delivery_id).where(event).execute()


def _queued(row: WebhookRow, limits: Limits, splice_length: int) -> NextEvents:
    seqs = _fitting(row.type, row.cursor, row.run_until, set(), limits, splice_length)
    last = seqs[-1] if seqs else int(row.run_until)
    return NextEvents(row.type, seqs, last, last - row.cursor - len(seqs), "queue")


def _redo(redo: Redo, limits: Limits, splice_length: int) -> NextEvents:
    most = replace(limits, max_events=min(limits.max_events, redo.max_events or sys.maxsize))
    first, last = redo.numbers[0], redo.numbers[-1]
    without = set(ranges.gaps(redo.numbers))
    seqs = _fitting(redo.type, first - 1, last, without, most, splice_length)
    end = seqs[-1] if seqs else last
    passed = bisect_right(redo.numbers, end)
    return NextEvents(redo.type, seqs, end, passed - len(seqs), "redo")


def _released(row: WebhookRow) -> NextEvents | None:
    event = (
        QuarantineRow.select()
        .where(
            QuarantineRow.webhook == row.id,
            QuarantineRow.released_ms.is_null(False),
            QuarantineRow.sent_in.is_null(),
        )
        .order_by(QuarantineRow.released_ms, QuarantineRow.id)
        .first()
    )
    if event is None:
        return None
    kept = EventRow.get_or_none(EventRow.type == event.type, EventRow.seq == event.seq)
    seqs = (event.seq,) if kept is not None else ()
    return NextEvents(event.type, seqs, event.seq, 1 - len(seqs), "released")


def _fitting(
    type_: str, after: int, until: int, without: set[int], limits: Limits, splice_length: int
) -> tuple[int, ...]:
    """Return the longest run of events within both limits; one that is too large goes alone.

    Bytes are counted before an event is added, so a request never exceeds the limit by one.
    """
    usual = range(after + 1, min(until, after + limits.max_events) + 1)
    if not without and usual and _fit_all(type_, usual, limits.max_bytes, splice_length):
        return tuple(usual)
    seqs: list[int] = []
    total = 0
    for seq, length in _lengths(type_, after, until, limits.max_events + len(without)):
        if seq in without:
            continue
        total += length
        too_large = bodies.body_length(total, len(seqs) + 1, splice_length) > limits.max_bytes
        if len(seqs) == limits.max_events or (seqs and too_large):
            break
        seqs.append(seq)
    return tuple(seqs)


def _fit_all(type_: str, seqs: range, max_bytes: int, splice_length: int) -> bool:
    """Return True if all of these events are there and fit, as they mostly do: one row to fetch."""
    query = EventRow.select(fn.COUNT(EventRow.seq), fn.SUM(fn.LENGTH(EventRow.body)))
    query = query.where(EventRow.type == type_, EventRow.seq >= seqs[0], EventRow.seq <= seqs[-1])
    [(count, total)] = rows(query)
    return count == len(seqs) and bodies.body_length(int(total), count, splice_length) <= max_bytes


def _lengths(type_: str, after: int, until: int, limit: int) -> list[tuple[int, int]]:
    """Return numbers and body lengths; SQLite knows a blob's length without reading it."""
    query = (
        EventRow.select(EventRow.seq, fn.LENGTH(EventRow.body))
        .where(EventRow.type == type_, EventRow.seq > after, EventRow.seq <= until)
        .order_by(EventRow.seq)
        .limit(limit)
    )
    return rows(query)
