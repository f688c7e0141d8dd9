"""Pruning: what was delivered long ago is forgotten. Nothing undelivered is ever pruned."""

from __future__ import annotations

import json

import msgspec
from peewee import SQL, Expression, fn

from domain.event_types import EventType
from store import minutes, refusals
from store.broker_cursors import lowest_cursor
from store.events import keys
from store.events.future_times import deliveries_ended_by, next_event
from store.models import DeliveryRow, EventRow, HeadRow, QuarantineRow, WebhookRow, database, rows
from store.queue.delivery_requests import end_skipped
from store.webhook_rows import set_redo
from store.webhooks import end_undelete, undelete_is_over

CHUNK = 500
"""Rows of one transaction, so that nobody waits for the lock."""


class Retention(msgspec.Struct, frozen=True):
    """Times for which finished rows are kept, in milliseconds."""

    keep_events_ms: int
    keep_deliveries_ms: int


class PruneResult(msgspec.Struct, frozen=True):
    """Numbers of rows that were forgotten."""

    events: int = 0
    deliveries: int = 0
    webhooks: int = 0
    refused: int = 0
    minutes: int = 0

    def __bool__(self) -> bool:
        return self != PruneResult()

    def __add__(self, other: PruneResult) -> PruneResult:
        return PruneResult(
            self.events + other.events,
            self.deliveries + other.deliveries,
            self.webhooks + other.webhooks,
            self.refused + other.refused,
            self.minutes + other.minutes,
        )


def prune_some(retention: Retention, now_ms: int, uptime_ms: int | None = None) -> PruneResult:
    """Prune in one short transaction; to be called again until it finds nothing.

    A time later than now counts as that of what comes behind it: `store/events/future_times.py`.
    `uptime_ms` is the machine's monotonic clock, by which a deleted webhook's ten minutes go.
    """
    with database.atomic():
        return PruneResult(
            events=sum(
                _prune_events(type_, retention, now_ms) + _prune_spared(type_, retention, now_ms)
                for type_ in EventType
            ),
            deliveries=_prune_deliveries(retention, now_ms),
            webhooks=_erase_webhooks(now_ms, uptime_ms),
            refused=refusals.prune_sent(now_ms - retention.keep_events_ms, CHUNK),
            minutes=minutes.prune(now_ms),
        )


def give_back(pages: int = 2_000) -> bool:
    """Give freed pages back to the disk; True if there may be more of them."""
    # A page goes with each step of this statement, and Python's execute() takes one step only.
    database.connection().executescript(f"PRAGMA incremental_vacuum({pages:d})")
    return int(database.execute_sql("PRAGMA freelist_count").fetchone()[0]) > 0


def _prune_events(type_: str, retention: Retention, now_ms: int) -> int:
    head = HeadRow.get_by_id(type_)
    until = min(_needed_from(type_, retention, now_ms) - 1, head.pruned + CHUNK)
    until = _before_kept(type_, head.pruned, until, now_ms - retention.keep_events_ms, now_ms)
    if until <= head.pruned:
        return 0
    spared = _quarantined(type_, head.pruned, until)
    gone = (
        EventRow.delete()
        .where(
            keys.within(type_, head.pruned + 1, until),
            ~keys.among([keys.key_of(type_, seq) for seq in spared]),
        )
        .execute()
    )
    HeadRow.update(pruned=until).where(HeadRow.type == type_).execute()
    return int(gone)


def _needed_from(type_: str, retention: Retention, now_ms: int) -> int:
    """Return the number of the first event that some webhook or broker has yet to get.

    Or of the first that a webhook got within the time of keeping.
    """
    cutoff = now_ms - retention.keep_events_ms
    numbers = [int(HeadRow.get_by_id(type_).seq) + 1]
    living = WebhookRow.erased_ms.is_null()
    cursor = (
        WebhookRow.select(fn.MIN(WebhookRow.cursor))
        .where(WebhookRow.type == type_, living)
        .scalar()
    )
    redo = (
        WebhookRow.select(fn.MIN(WebhookRow.redo_next))
        .where(WebhookRow.redo_type == type_, living)
        .scalar()
    )
    kept = (
        DeliveryRow.select(fn.MIN(DeliveryRow.first_seq))
        .where(DeliveryRow.type == type_, _is_kept(type_, cutoff, now_ms))
        .scalar()
    )
    broker = lowest_cursor(type_)
    numbers += [number + 1 for number in (cursor, broker) if number is not None]
    numbers += [number for number in (redo, kept) if number is not None]
    return int(min(numbers))


def _is_kept(type_: str, cutoff_ms: int, now_ms: int) -> Expression:
    """Return the condition that a delivery of a type is pending, or ended after the cutoff."""
    ended = json.dumps(deliveries_ended_by(type_, cutoff_ms, now_ms))
    return DeliveryRow.ended_ms.is_null() | (
        (DeliveryRow.ended_ms > cutoff_ms) & DeliveryRow.id.not_in(_values(ended))
    )


def _values(ids: str) -> SQL:
    """Pass the numbers of a JSON array as one parameter, however many they are."""
    return SQL("(SELECT value FROM json_each(?))", (ids,))


def _before_kept(type_: str, after: int, until: int, cutoff_ms: int, now_ms: int) -> int:
    """Return the end of the run of events accepted before the cutoff."""
    query = (
        EventRow.select(EventRow.key, EventRow.received_ms)
        .where(keys.within(type_, after + 1, until), EventRow.received_ms > cutoff_ms)
        .order_by(EventRow.key)
    )
    passed = after
    for key, received_ms in rows(query):
        seq = keys.seq_of(key)
        if seq < passed:
            continue
        if received_ms > now_ms:
            passed, received_ms = next_event(type_, seq, now_ms)
        if received_ms > cutoff_ms:
            return int(seq) - 1
    return until


def _quarantined(type_: str, after: int, until: int) -> list[int]:
    query = QuarantineRow.select(QuarantineRow.seq).where(
        QuarantineRow.type == type_,
        QuarantineRow.seq > after,
        QuarantineRow.seq <= until,
        QuarantineRow.sent_in.is_null(),
    )
    return [seq for (seq,) in rows(query)]


def _prune_spared(type_: str, retention: Retention, now_ms: int) -> int:
    """Forget events that were spared for a quarantine and are needed no more."""
    start = keys.key_of(type_, 0)
    unsent = QuarantineRow.select(QuarantineRow.seq + start).where(
        QuarantineRow.type == type_, QuarantineRow.sent_in.is_null()
    )
    carrier = DeliveryRow.select(DeliveryRow.id).where(
        DeliveryRow.type == type_,
        DeliveryRow.first_seq <= EventRow.key - start,
        DeliveryRow.last_seq >= EventRow.key - start,
        _is_kept(type_, now_ms - retention.keep_events_ms, now_ms),
    )
    gone = EventRow.delete().where(
        keys.within(type_, last=HeadRow.get_by_id(type_).pruned),
        EventRow.key.not_in(unsent),
        ~fn.EXISTS(carrier),
    )
    return int(gone.execute())


def _prune_deliveries(retention: Retention, now_ms: int) -> int:
    cutoff_ms = now_ms - retention.keep_deliveries_ms
    ahead = [id_ for type_ in EventType for id_ in deliveries_ended_by(type_, cutoff_ms, now_ms)]
    old = (
        DeliveryRow.select(DeliveryRow.id)
        .where(
            DeliveryRow.state != "pending",
            (DeliveryRow.ended_ms < cutoff_ms) | DeliveryRow.id.in_(_values(json.dumps(ahead))),
        )
        .order_by(DeliveryRow.id)
        .limit(CHUNK)
    )
    ids = [id_ for (id_,) in rows(old)]
    if not ids:
        return 0
    gone = DeliveryRow.delete().where(DeliveryRow.id.in_(ids)).execute()
    minutes.count_again_after(minutes.last_attempt())
    return int(gone)


def _erase_webhooks(now_ms: int, uptime_ms: int | None) -> int:
    """Erase webhooks whose time for being brought back is over: secrets go, the row stays."""
    deleted = WebhookRow.select().where(
        WebhookRow.erased_ms.is_null(), ~WebhookRow.deleted_ms.is_null()
    )
    gone = [row for row in list(deleted) if undelete_is_over(row, now_ms, uptime_ms)]
    for row in gone:
        for delivery in list(
            DeliveryRow.select().where(
                DeliveryRow.webhook == row.id, DeliveryRow.state == "pending"
            )
        ):
            end_skipped(delivery, row, "the webhook was deleted", now_ms)
        QuarantineRow.delete().where(QuarantineRow.webhook == row.id).execute()
        row.target = row.secrets = None
        row.erased_ms = now_ms
        set_redo(row, None)
        row.released = 0
        row.save()
        end_undelete(row.id)
    return len(gone)
