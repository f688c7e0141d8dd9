"""Sealing: freezing the next events of a webhook's queue into a delivery, and its bytes again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

from domain import bodies
from domain.actors import Actor
from store import audit, ranges
from store.models import DeliveryRow, EventRow, HeadRow, WebhookRow, rows
from store.records import Limits
from store.stretch import NextEvents, move_past, next_events
from store.webhook_rows import pairs

NewId = Callable[[], str]

TOCSIN = Actor("tocsin")
"""Actor of what Tocsin does by itself."""


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
        body = bodies.join_body(_event_bodies(events.type, events.seqs), splice)
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
        if events.seqs:
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
        first_seq=events.seqs[0],
        last_seq=events.seqs[-1],
        without=json.dumps(ranges.gaps(events.seqs)),
        count=len(events.seqs),
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        splice=splice,
        layout=bodies.LAYOUT,
        sealed_ms=now_ms,
        next_attempt_ms=now_ms,
        reason="attempt 1",
    )


def _event_bodies(type_: str, seqs: Sequence[int]) -> list[bytes]:
    """Return the bodies of these events in order; fewer if some are gone from the store."""
    query = (
        EventRow.select(EventRow.seq, EventRow.body)
        .where(EventRow.type == type_, EventRow.seq >= seqs[0], EventRow.seq <= seqs[-1])
        .order_by(EventRow.seq)
    )
    wanted = set(seqs)
    return [body for seq, body in rows(query) if seq in wanted]


def body_of(delivery: DeliveryRow) -> bytes:
    """Join the body of a delivery again from its events, as it was frozen."""
    seqs = ranges.numbers(delivery.first_seq, delivery.last_seq, delivery.without)
    return bodies.join_body(_event_bodies(delivery.type, seqs), bytes(delivery.splice))


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
