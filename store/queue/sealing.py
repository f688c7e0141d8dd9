"""Sealing: freezing the next events of a webhook's queue into a delivery, and its bytes again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from domain import bodies
from domain.actors import Actor
from store import audit
from store.events import reading
from store.events.keys import within
from store.models import DeliveryRow, EventRow, HeadRow, QuarantineRow, WebhookRow
from store.ranges import Ranges
from store.records import Limits
from store.webhook_rows import Redo, pairs, redo_of, set_redo

NewId = Callable[[], str]
TOCSIN = Actor("tocsin")
"""Actor of what Tocsin does by itself."""


class NextEvents(msgspec.Struct, frozen=True):
    """Numbers of events of one type for one request.

    `last` is where the webhook goes on from; `lost` events up to there are no longer in the store,
    perhaps all of them.
    """

    type: str
    numbers: Ranges
    last: int
    lost: int
    origin: str
    """`redo`, `released` or `queue`."""


def next_events(row: WebhookRow, limits: Limits, splice_length: int) -> NextEvents | None:
    """Return the events of the next request: as many as the limits allow, at least one.

    First come those that a reseal put back, then one released from quarantine, then the queue up to
    the end of the current run.
    """
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
    queued = Ranges(((row.cursor + 1, row.run_until),))
    return _fitting(row.type, queued, limits, splice_length, "queue")


def _redo(redo: Redo, limits: Limits, splice_length: int) -> NextEvents:
    most = replace(limits, max_events=min(limits.max_events, redo.max_events or sys.maxsize))
    return _fitting(redo.type, redo.numbers, most, splice_length, "redo")


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
    kept = EventRow.select().where(within(event.type, event.seq, event.seq)).exists()
    numbers = Ranges.of((event.seq,) if kept else ())
    return NextEvents(event.type, numbers, event.seq, 1 - numbers.count, "released")


def _fitting(
    type_: str, waiting: Ranges, limits: Limits, splice_length: int, origin: str
) -> NextEvents:
    """Return the first of the events that wait, within both limits; one too large goes alone.

    Bytes are counted before an event is added, so a request never exceeds the limit by one.
    """
    usual = waiting.lowest(limits.max_events)
    if _fit_all(type_, usual, limits.max_bytes, splice_length):
        return NextEvents(type_, usual, usual.last, 0, origin)
    seqs: list[int] = []
    total = 0
    for seq, length in reading.lengths(type_, waiting, limits.max_events):
        total += length
        too_large = bodies.body_length(total, len(seqs) + 1, splice_length) > limits.max_bytes
        if seqs and too_large:
            break
        seqs.append(seq)
    last = seqs[-1] if seqs else waiting.last
    lost = waiting.until(last).count - len(seqs)
    return NextEvents(type_, Ranges.of(seqs), last, lost, origin)


def _fit_all(type_: str, numbers: Ranges, max_bytes: int, splice_length: int) -> bool:
    """Return True if all of these events are there and fit, as they mostly do: one row to fetch."""
    count, total = reading.sizes(type_, numbers)
    return count == numbers.count and bodies.body_length(total, count, splice_length) <= max_bytes


def seal(
    row: WebhookRow, limits: Limits, new_id: NewId, now_ms: int, new_run: bool
) -> tuple[DeliveryRow, bytes] | None:
    """Freeze the next events after the webhook's cursor into a delivery; save the webhook."""
    if new_run:
        row.run_until = HeadRow.get_by_id(row.type).seq
        row.last_run_ms = now_ms
    splice = bodies.splice(pairs(row.extra_fields))
    events = _next_kept(row, limits, len(splice), now_ms)
    sealed = None
    if events is not None:
        body = bodies.join_body(reading.bodies(events.type, events.numbers), splice)
        delivery = _freeze(row, events, splice, body, new_id(), now_ms)
        move_past(row, events, delivery.id)
        sealed = delivery, body
    row.save()
    return sealed


def _next_kept(
    row: WebhookRow, limits: Limits, splice_length: int, now_ms: int
) -> NextEvents | None:
    """Return the next events that are still in the store; what is gone is counted and left behind.

    Only damage makes events go before they are sent: waiting for them would stop the queue.
    """
    while (events := next_events(row, limits, splice_length)) is not None:
        if events.lost:
            row.skipped_events += events.lost
            audit.note(TOCSIN, "webhook.lost", now_ms, row.id, type=events.type, events=events.lost)
        if events.numbers:
            return events
        move_past(row, events, None)
    return None


def _freeze(
    row: WebhookRow, events: NextEvents, splice: bytes, body: bytes, public_id: str, now_ms: int
) -> DeliveryRow:
    return DeliveryRow.create(
        public_id=public_id,
        webhook=row.id,
        type=events.type,
        first_seq=events.numbers.first,
        last_seq=events.numbers.last,
        numbers=events.numbers.text,
        count=events.numbers.count,
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        splice=splice,
        layout=bodies.LAYOUT,
        sealed_ms=now_ms,
        next_attempt_ms=now_ms,
        reason="attempt 1",
    )


def numbers_of(delivery: DeliveryRow) -> Ranges:
    """Return the numbers of a delivery's events."""
    return Ranges.kept(delivery.first_seq, delivery.last_seq, delivery.numbers)


def body_of(delivery: DeliveryRow) -> bytes:
    """Join the body of a delivery again from its events, as it was frozen."""
    events = reading.bodies(delivery.type, numbers_of(delivery))
    return bodies.join_body(events, bytes(delivery.splice))


def frozen_body(delivery: DeliveryRow) -> bytes | None:
    """Return the body if it is still the one that was sealed; otherwise block the delivery."""
    body = body_of(delivery)
    if hashlib.sha256(body).hexdigest() == delivery.sha256:
        return body
    blocked = (
        "its events no longer give the bytes that were sealed (SHA-256 differs): it is not sent; "
        "reseal it to send what is there now, or skip it"
    )
    DeliveryRow.update(blocked=blocked).where(DeliveryRow.id == delivery.id).execute()
    return None
