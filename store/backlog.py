"""Which of a webhook's queued events a skip of its backlog drops."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from store import models
from store.models import Delivery, Head, rows
from store.stretch import left_out
from store.webhook_rows import Redo, redo_of


@dataclass(frozen=True, slots=True)
class Cut:
    """The events to drop, and the place where the webhook goes on after them."""

    from_queue: int
    from_redo: int
    redo: Redo | None
    """What is left of the range that is to be sealed anew."""

    @property
    def events(self) -> int:
        """How many events are dropped."""
        return self.from_queue + self.from_redo


def cut_before(row: models.Webhook, before_ms: int) -> Cut:
    """The queued events accepted before a time, in the order in which they would be sent.

    The first event accepted later ends the cut, so that clocks which jumped never drop a newer one.
    """
    redo = redo_of(row)
    left = _redo_left(row, redo, before_ms) if redo else None
    from_redo = (redo.count if redo else 0) - (left.count if left else 0)
    from_queue = 0 if left else _queue_cut(row, before_ms)
    return Cut(from_queue, from_redo, left)


def undelivered(row: models.Webhook) -> int:
    """How many events a webhook has yet to deliver: its queue and its pending delivery."""
    pending = Delivery.get_or_none(Delivery.webhook == row.id, Delivery.state == "pending")
    queued = head_of(row.type) - int(row.cursor) + row.redo_count + row.released
    return queued + (pending.count if pending is not None else 0)


def first_since(
    type_: str, after: int, until: int, since_ms: int, *, without: Collection[int] = ()
) -> int | None:
    """The first event between two places of a type's sequence that was accepted since a time."""
    query = models.Event.select(models.Event.seq).where(
        models.Event.type == type_,
        models.Event.seq > after,
        models.Event.seq <= until,
        models.Event.received_ms >= since_ms,
        models.Event.seq.not_in(list(without)),
    )
    first = rows(query.order_by(models.Event.seq).limit(1))
    return int(first[0][0]) if first else None


def head_of(type_: str) -> int:
    """The number of the newest event of a type."""
    return int(Head.get_by_id(type_).seq)


def _redo_left(row: models.Webhook, redo: Redo, before_ms: int) -> Redo | None:
    without = left_out(row, redo)
    kept = first_since(redo.type, redo.next - 1, redo.last, before_ms, without=without)
    if kept is None:
        return None
    dropped = set(range(redo.next, kept)) - without
    return replace(redo, next=kept, count=redo.count - len(dropped))


def _queue_cut(row: models.Webhook, before_ms: int) -> int:
    head = head_of(row.type)
    kept = first_since(row.type, row.cursor, head, before_ms)
    return (head if kept is None else kept - 1) - int(row.cursor)
