"""Backlog of a webhook: what waits, sending it now, skipping what is old."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.actors import Actor
from store import audit
from store.events.keys import order, seq_of, within
from store.models import DeliveryRow, EventRow, HeadRow, WebhookRow, database, rows
from store.webhook_rows import Redo, live, redo_of, set_redo

FEW_EVENTS = 10_000
"""Events that a transaction may read: some thousandths of a second."""


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


class OlderEvents(msgspec.Struct, frozen=True):
    """Numbers after `after`, up to `last`, of events that all came before a time.

    That stays true, as no stored event changes: who searches before a transaction has to search
    within it only what came meanwhile.
    """

    type: str
    before_ms: int
    after: int
    last: int

    def first_newer(self, type_: str, after: int, until: int) -> int | None:
        """Return the first event of `after` < number <= `until` that came later, or None."""
        is_known = type_ == self.type and self.after <= after <= self.last
        return first_since(type_, self.last if is_known else after, until, self.before_ms)


def older_events(type_: str, after: int, before_ms: int) -> OlderEvents:
    """Search the events after a number for the first that did not come before a time.

    This is for before a transaction, since it reads all older ones: a sixth of a second a million.
    It ends where so few are left that a transaction may read them.
    """
    last = after
    while (head := head_of(type_)) - last > FEW_EVENTS:
        newer = first_since(type_, last, head, before_ms)
        if newer is not None:
            return OlderEvents(type_, before_ms, after, newer - 1)
        last = head
    return OlderEvents(type_, before_ms, after, last)


def cut_before(row: WebhookRow, older: OlderEvents) -> BacklogCut:
    """Return the queued events accepted before a time, in the order in which they would be sent.

    The first event accepted later ends the cut, so that clocks which jumped never drop a newer one.
    """
    redo = redo_of(row)
    left = _redo_left(redo, older.before_ms) if redo else None
    from_redo = (redo.numbers.count if redo else 0) - (left.numbers.count if left else 0)
    from_queue = 0 if left else _queue_cut(row, older)
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


def first_since(type_: str, after: int, until: int, since_ms: int) -> int | None:
    """Return the first event of `after` < number <= `until` accepted since a time, or None."""
    query = EventRow.select(EventRow.key).where(
        within(type_, after + 1, until), EventRow.received_ms >= since_ms
    )
    found = rows(query.order_by(order()).limit(1))
    return seq_of(found[0][0]) if found else None


def head_of(type_: str) -> int:
    """Return the number of the newest event of a type."""
    return int(HeadRow.get_by_id(type_).seq)


def heads() -> dict[str, int]:
    """Return the number of the newest event of each type."""
    return {type_: int(seq) for type_, seq in rows(HeadRow.select(HeadRow.type, HeadRow.seq))}


def _redo_left(redo: Redo, before_ms: int) -> Redo | None:
    for first, last in redo.numbers:
        kept = first_since(redo.type, first - 1, last, before_ms)
        if kept is not None:
            return redo.since(kept)
    return None


def _queue_cut(row: WebhookRow, older: OlderEvents) -> int:
    head = head_of(row.type)
    kept = older.first_newer(row.type, row.cursor, head)
    return (head if kept is None else kept - 1) - int(row.cursor)


class Run(msgspec.Struct, frozen=True):
    """Numbers of the events that a run sends: those queued, after those of the pending delivery."""

    queued: int
    pending: int

    @property
    def events(self) -> int:
        """Number of all events that are sent."""
        return self.queued + self.pending


def send_now(webhook_ids: Sequence[int], actor: Actor, now_ms: int) -> dict[int, Run]:
    """Start a run of each webhook, or of none: what is queued goes at once."""
    with database.atomic():
        return {webhook_id: _start_run(webhook_id, actor, now_ms) for webhook_id in webhook_ids}


def _start_run(webhook_id: int, actor: Actor, now_ms: int) -> Run:
    row = live(webhook_id)
    row.run_until = head_of(row.type)
    row.last_run_ms = now_ms
    row.save()
    retry_pending_now(webhook_id, now_ms, f"asked by {actor.text}")
    queued = int(row.run_until - row.cursor + row.redo_count + row.released)
    audit.note(actor, "webhook.send", now_ms, webhook_id, events=queued)
    return Run(queued, pending_events(webhook_id))


def backlog_before(webhook_id: int, before_ms: int) -> int:
    """Count the queued events that `skip_backlog` would drop."""
    row = live(webhook_id)
    return cut_before(row, older_events(row.type, row.cursor, before_ms)).events


def skip_backlog(webhook_id: int, before_ms: int, actor: Actor, now_ms: int) -> int:
    """Drop the queued events accepted before a time, and count them; the pending delivery stays.

    The first kept event ends the cut, so that clocks which jumped never drop a newer one.
    """
    row = live(webhook_id)
    older = older_events(row.type, row.cursor, before_ms)
    with database.atomic():
        row = live(webhook_id)
        cut = cut_before(row, older)
        row.cursor += cut.from_queue
        row.run_until = max(row.run_until, row.cursor)
        set_redo(row, cut.redo)
        row.skipped_events += cut.events
        row.save()
        audit.note(
            actor, "webhook.skip", now_ms, webhook_id, before_ms=before_ms, events=cut.events
        )
        return cut.events


def retry_pending_now(webhook_id: int, now_ms: int, why: str) -> None:
    """Make the pending delivery due, unless its attempt is in flight."""
    delivery = DeliveryRow.get_or_none(
        DeliveryRow.webhook == webhook_id,
        DeliveryRow.state == "pending",
        DeliveryRow.sending_since_ms.is_null(),
    )
    if delivery is not None:
        delivery.next_attempt_ms, delivery.wait_ms = now_ms, 0
        delivery.reason = f"attempt {delivery.attempts + 1}, {why}"
        delivery.save()
