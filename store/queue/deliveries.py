"""Deliveries as commands and screens read them, with their attempts, bodies and quarantine."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
from peewee import ModelSelect

from domain.event_types import EventType
from store import models, workers
from store.errors import NotFound
from store.events import reading
from store.models import AttemptRow, DeliveryRow, QuarantineRow, WebhookRow, rows
from store.queue import sealing
from store.records import Attempt, Delivery, QuarantinedEvent, record_from
from store.webhook_rows import redo_of

if TYPE_CHECKING:
    from domain.event_summary import Distinction
    from domain.filters import Terms

Held = Literal["queued", "in quarantine", "released"]
"""State of an event that a webhook has not been sent; a released one is queued again."""

PAGE = 200


class DeliveryFilter(msgspec.Struct, frozen=True):
    """Choice of deliveries; None is any. Times are when they were sealed, in milliseconds.

    Every term must hold, too.
    """

    webhook_id: int | None = None
    state: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    terms: Terms = ()


def newest(
    which: DeliveryFilter, *, limit: int = PAGE, before: str | None = None
) -> list[Delivery]:
    """Return the newest deliveries, newest first; a page goes on with the last id of the former."""
    query = _filtered(which).order_by(DeliveryRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(DeliveryRow.id < _delivery_row(before).id)
    return [delivery_of(row) for row in list(query)]


def after(which: DeliveryFilter, last: str | None, *, limit: int) -> list[Delivery]:
    """Return the deliveries sealed after a given one, oldest first, for lists that follow."""
    query = _filtered(which).order_by(DeliveryRow.id).limit(limit)
    if last is not None:
        query = query.where(DeliveryRow.id > _delivery_row(last).id)
    return [delivery_of(row) for row in list(query)]


def matches(which: DeliveryFilter, public_id: str) -> bool:
    """Return True if a delivery is among these."""
    return _filtered(which).where(DeliveryRow.public_id == public_id).exists()


def find(public_id: str) -> Delivery:
    """Return one delivery. Raises NotFound."""
    return delivery_of(_delivery_row(public_id))


def attempts(public_id: str, *, limit: int = PAGE) -> list[Attempt]:
    """Return the newest attempts of a delivery, newest first."""
    row = _delivery_row(public_id)
    query = (
        AttemptRow.select()
        .where(AttemptRow.delivery == row.id)
        .order_by(AttemptRow.number.desc(), AttemptRow.id.desc())
        .limit(limit)
    )
    return [attempt_of(attempt) for attempt in list(query)]


def body(public_id: str) -> bytes:
    """Return the exact body of a delivery. Raises NotFound if its events were pruned since."""
    row = _delivery_row(public_id)
    joined = sealing.body_of(row)
    if row.state != "pending" and hashlib.sha256(joined).hexdigest() != row.sha256:
        raise NotFound(f"the events of delivery {public_id} are no longer kept")
    return joined


def quarantine(webhook_id: int | None = None) -> list[QuarantinedEvent]:
    """Return the events that reseals left out and that were not sent since, oldest first."""
    query = QuarantineRow.select().where(QuarantineRow.sent_in.is_null())
    if webhook_id is not None:
        query = query.where(QuarantineRow.webhook == webhook_id)
    found = list(query.order_by(QuarantineRow.id))
    apart = _distinctions(found)
    return [
        record_from(
            QuarantinedEvent,
            row,
            webhook_id=row.webhook_id,
            type=EventType(row.type),
            delivery_id=row.delivery_public_id,
            apart=apart.get(row.id),
        )
        for row in found
    ]


def _distinctions(held: Sequence[QuarantineRow]) -> dict[int, Distinction | None]:
    """Return what tells events that share webhook and id from each other, by their row ids."""
    groups: dict[tuple[int, str], list[QuarantineRow]] = defaultdict(list)
    for row in held:
        groups[row.webhook_id, row.event_id].append(row)
    found = {}
    for group in (group for group in groups.values() if len(group) > 1):
        apart = _apart([(row.type, row.seq) for row in group])
        found.update({row.id: apart.get((row.type, row.seq)) for row in group})
    return found


def _apart(named: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Distinction | None]:
    """Return what tells events with one id from each other, of those that are kept."""
    from domain.event_summary import distinctions

    events = reading.load_named(named)
    apart = distinctions([(event.type, event.seq, event.body) for event in events])
    return {(event.type.value, event.seq): one for event, one in zip(events, apart, strict=True)}


def carriers(type_: EventType, seq: int) -> list[Delivery]:
    """Return the deliveries that carried or carry an event, oldest first."""
    query = (
        DeliveryRow.select()
        .where(
            DeliveryRow.type == type_.value,
            DeliveryRow.first_seq <= seq,
            DeliveryRow.last_seq >= seq,
        )
        .order_by(DeliveryRow.id)
    )
    return [delivery_of(row) for row in list(query) if seq in sealing.numbers_of(row)]


def holders(type_: EventType, seq: int) -> dict[int, Held]:
    """Return the ids of webhooks that have yet to be sent an event, each with its state there."""
    with models.database.atomic("DEFERRED"):
        found: dict[int, Held] = {}
        webhook = WebhookRow
        queued = (webhook.type == type_.value) & (webhook.cursor < seq)
        again = (webhook.redo_type == type_.value) & (webhook.redo_last >= seq)
        for row in list(webhook.select().where(webhook.deleted_ms.is_null(), queued | again)):
            redo = redo_of(row)
            is_again = redo is not None and redo.type == type_ and seq in redo.numbers
            if is_again or (row.type == type_ and row.cursor < seq):
                found[row.id] = "queued"
        aside = QuarantineRow.select().where(
            QuarantineRow.type == type_.value,
            QuarantineRow.seq == seq,
            QuarantineRow.sent_in.is_null(),
        )
        for event in list(aside):
            found[event.webhook_id] = "in quarantine" if event.released_ms is None else "released"
        return found


def last_results(webhook_id: int, *, limit: int = 20) -> list[int | None]:
    """Return the statuses of a webhook's newest attempts, oldest first; None if no answer came."""
    newest = (
        DeliveryRow.select(DeliveryRow.id)
        .where(DeliveryRow.webhook == webhook_id)
        .order_by(DeliveryRow.id.desc())
        .limit(limit)
    )
    query = (
        AttemptRow.select(AttemptRow.status)
        .where(AttemptRow.delivery.in_(newest))
        .order_by(AttemptRow.id.desc())
        .limit(limit)
    )
    return [status for (status,) in reversed(rows(query))]


def _filtered(which: DeliveryFilter) -> ModelSelect[DeliveryRow]:
    query = DeliveryRow.select()
    if which.webhook_id is not None:
        query = query.where(DeliveryRow.webhook == which.webhook_id)
    if which.state is not None:
        query = query.where(DeliveryRow.state == which.state)
    if which.since_ms is not None:
        query = query.where(DeliveryRow.sealed_ms >= which.since_ms)
    if which.until_ms is not None:
        query = query.where(DeliveryRow.sealed_ms < which.until_ms)
    if which.terms:
        from store.filters import delivery_conditions  # nothing that the first screen waits for

        query = query.where(*delivery_conditions(which.terms))
    return query


def _delivery_row(public_id: str) -> DeliveryRow:
    row: DeliveryRow | None = DeliveryRow.get_or_none(DeliveryRow.public_id == public_id)
    if row is None:
        raise NotFound(f"no delivery {public_id}; `tocsin delivery list` shows what there is")
    return row


def delivery_of(row: DeliveryRow) -> Delivery:
    """Make the record of a row."""
    pending = row.state == "pending"
    begun = row.sending_since_ms is not None
    under_way = begun and workers.is_anyone_sending()
    return record_from(
        Delivery,
        row,
        id=row.public_id,
        webhook_id=row.webhook_id,
        type=EventType(row.type),
        events=row.count,
        next_attempt_ms=row.next_attempt_ms if pending else None,
        sending_since_ms=row.sending_since_ms if under_way else None,
        asked=json.loads(row.asked)["do"] if row.asked else None,
        cut_off=begun and not under_way,
    )


def attempt_of(row: AttemptRow) -> Attempt:
    """Make the record of a row."""
    headers = tuple((name, value) for name, value in json.loads(row.answer_headers))
    return record_from(Attempt, row, answer_headers=headers, answer_body=bytes(row.answer_body))
