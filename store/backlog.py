"""Backlogs: the queued events of a webhook that a skip drops."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from store.models import DeliveryRow, EventRow, HeadRow, WebhookRow, rows
from store.ranges import gaps
from store.webhook_rows import Redo, redo_of


class BacklogCut(msgspec.Struct, frozen=True):
    """Events to drop from a backlog, and what the webhook goes on with after them."""

    from_queue: int
    from_redo: int
    redo: Redo | None
    """The rest of the range that is to be sealed anew."""

    @property
    def events(self) -> int:
        """Number of events that are dropped."""
        return self.from_queue + self.from_redo


def cut_before(row: WebhookRow, before_ms: int) -> BacklogCut:
    """Return the queued events accepted before a time, in the order in which they would be sent.

    The first event accepted later ends the cut, so that clocks which jumped never drop a newer one.
    """
    redo = redo_of(row)
    left = _redo_left(redo, before_ms) if redo else None
    from_redo = (len(redo.numbers) if redo else 0) - (len(left.numbers) if left else 0)
    from_queue = 0 if left else _queue_cut(row, before_ms)
    return BacklogCut(from_queue, from_redo, left)


def undelivered(row: WebhookRow) -> int:
    """Count the events that a webhook has yet to deliver: its queue and its pending delivery."""
    queued = head_of(row.type) - int(row.cursor) + row.redo_count + row.released
    return queued + pending_events(row.id)


def pending_events(webhook_id: int) -> int:
    """Count the events in a webhook's pending delivery."""
    pending = DeliveryRow.get_or_none(
        DeliveryRow.webhook == webhook_id, DeliveryRow.state == "pending"
    )
    return int(pending.count) if pending is not None else 0


def first_since(
    type_: str, after: int, until: int, since_ms: int, *, without: Collection[int] = ()
) -> int | None:
    """Return the first event of `after` < number <= `until` accepted since a time, or None."""
    query = EventRow.select(EventRow.seq).where(
        EventRow.type == type_,
        EventRow.seq > after,
        EventRow.seq <= until,
        EventRow.received_ms >= since_ms,
    )
    # `without` may be longer than the list of values that a statement takes.
    found = rows(query.order_by(EventRow.seq).limit(len(without) + 1))
    return next((int(seq) for (seq,) in found if seq not in without), None)


def head_of(type_: str) -> int:
    """Return the number of the newest event of a type."""
    return int(HeadRow.get_by_id(type_).seq)


def _redo_left(redo: Redo, before_ms: int) -> Redo | None:
    first, last = redo.numbers[0], redo.numbers[-1]
    without = set(gaps(redo.numbers))
    kept = first_since(redo.type, first - 1, last, before_ms, without=without)
    return None if kept is None else redo.since(kept)


def _queue_cut(row: WebhookRow, before_ms: int) -> int:
    head = head_of(row.type)
    kept = first_since(row.type, row.cursor, head, before_ms)
    return (head if kept is None else kept - 1) - int(row.cursor)
