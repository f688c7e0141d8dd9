"""Pruning: what was delivered long ago is forgotten. Nothing undelivered is ever pruned."""

from __future__ import annotations

import sys

import msgspec
from peewee import SQL, Expression, fn

from domain.event_types import EventType
from store import minutes, refusals
from store.engine import each_of
from store.events import keys
from store.events.future_times import deliveries_ended_by, next_event
from store.models import DeliveryRow, EventRow, HeadRow, QuarantineRow, WebhookRow, database, rows
from store.queue.broker_cursors import lowest_cursor
from store.queue.delivery_requests import end_skipped
from store.ranges import Ranges
from store.webhook_rows import set_redo
from store.webhooks import end_undelete, undelete_is_over

CHUNK = 500
"""Rows of one transaction, so that nobody waits for the lock."""

SLICE = 2_000
"""Events of one transaction: some milliseconds, since they lie one behind the other."""

PAGES = 2_000
"""Pages given back to the disk in one short transaction."""


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


class Pruning:
    """One pass of pruning, made of short steps.

    A time later than now counts as that of what comes behind it: `store/events/future_times.py`.
    `uptime_ms` is the machine's monotonic clock, by which a deleted webhook's ten minutes go.
    """

    def __init__(self, retention: Retention, now_ms: int, uptime_ms: int | None = None) -> None:
        self._retention = retention
        self._now_ms = now_ms
        self._uptime_ms = uptime_ms
        self._rows_are_done = False
        self._types = list(EventType)
        self._needed: dict[EventType, tuple[int, int]] = {}
        """By type, the first event that may not go, and the newest delivery that was looked at."""

    def step(self) -> PruneResult:
        """Prune some rows in one short transaction; to be called again until it finds nothing."""
        while self._types:
            with database.atomic():
                if not self._rows_are_done and (gone := self._prune_rows()):
                    return gone
                self._rows_are_done = True
                events = self._prune_events(self._types[0])
            if events:
                return PruneResult(events=events)
            if events is None:
                self._types.pop(0)
        return PruneResult()

    def _prune_rows(self) -> PruneResult:
        """Forget what is small in number; what it held of events may go after it."""
        cutoff_ms = self._now_ms - self._retention.keep_events_ms
        return PruneResult(
            webhooks=_erase_webhooks(self._now_ms, self._uptime_ms),
            deliveries=_prune_deliveries(self._retention, self._now_ms),
            refused=refusals.prune_sent(cutoff_ms, CHUNK),
            minutes=minutes.prune(self._now_ms),
        )

    def _prune_events(self, type_: EventType) -> int | None:
        """Forget the next events of a type; behind the last, those that a quarantine had held.

        None if there are no more; 0 if all of these are held, and further ones may go.
        """
        cutoff_ms = self._now_ms - self._retention.keep_events_ms
        pruned = int(HeadRow.get_by_id(type_).pruned)
        until = min(self._first_needed(type_) - 1, pruned + SLICE)
        until = _before_kept(type_, pruned, until, cutoff_ms, self._now_ms)
        if until <= pruned:
            return _prune_spared(type_, cutoff_ms, self._now_ms) or None
        spared = [keys.key_of(type_, seq) for seq in _quarantined(type_, pruned, until)]
        within = keys.within(type_, pruned + 1, until)
        HeadRow.update(pruned=until).where(HeadRow.type == type_).execute()
        return int(EventRow.delete().where(within, ~keys.among(spared)).execute())

    def _first_needed(self, type_: EventType) -> int:
        """Return the number of the first event that may not go.

        What ended deliveries hold takes long to find, and is found once. After that those are
        looked at that were sealed meanwhile: a webhook may have been added from the start.
        """
        newest = int(DeliveryRow.select(fn.MAX(DeliveryRow.id)).scalar() or 0)
        if type_ in self._needed:
            first, seen = self._needed[type_]
            first = min(first, _first_sealed(type_, seen))
        else:
            cutoff_ms = self._now_ms - self._retention.keep_events_ms
            first = _first_kept(type_, cutoff_ms, self._now_ms)
        first = min(first, _first_undelivered(type_))
        self._needed[type_] = first, newest
        return first


def give_back() -> bool:
    """Give freed pages back to the disk; True if there may be more of them."""
    # A page goes with each step of this statement, and Python's execute() takes one step only.
    database.connection().executescript(f"PRAGMA incremental_vacuum({PAGES:d})")
    return int(database.execute_sql("PRAGMA freelist_count").fetchone()[0]) > 0


def _first_undelivered(type_: str) -> int:
    """Return the number of the first event that some webhook or broker has yet to get.

    A number behind the newest one if there is none.
    """
    living = WebhookRow.erased_ms.is_null()
    cursor = WebhookRow.select(fn.MIN(WebhookRow.cursor)).where(WebhookRow.type == type_, living)
    redo = WebhookRow.select(fn.MIN(WebhookRow.redo_next)).where(
        WebhookRow.redo_type == type_, living
    )
    pending = DeliveryRow.select(fn.MIN(DeliveryRow.first_seq)).where(
        DeliveryRow.type == type_, DeliveryRow.ended_ms.is_null()
    )
    gone_on_from = [cursor.scalar(), lowest_cursor(type_)]
    held = [redo.scalar(), pending.scalar(), int(HeadRow.get_by_id(type_).seq) + 1]
    numbers = [number + 1 for number in gone_on_from if number is not None]
    return int(min(numbers + [number for number in held if number is not None]))


def _first_sealed(type_: str, after: int) -> int:
    """Return the number of the first event in the deliveries that were sealed after a row id."""
    of_type = SQL("+type = ?", (type_,))  # the plus keeps SQLite from the index by type
    sealed = DeliveryRow.select(fn.MIN(DeliveryRow.first_seq)).where(
        DeliveryRow.id > after, of_type
    )
    return int(sealed.scalar() or sys.maxsize)


def _first_kept(type_: str, cutoff_ms: int, now_ms: int) -> int:
    """Return the number of the first event that a webhook got within the time of keeping."""
    kept = DeliveryRow.select(fn.MIN(DeliveryRow.first_seq)).where(
        *_ended_after(type_, cutoff_ms, now_ms)
    )
    return int(kept.scalar() or sys.maxsize)


def _ended_after(type_: str, cutoff_ms: int, now_ms: int) -> tuple[Expression, ...]:
    """Return the conditions that a delivery is of a type and ended after the cutoff."""
    ended = deliveries_ended_by(type_, cutoff_ms, now_ms)
    return (
        DeliveryRow.type == type_,
        DeliveryRow.ended_ms > cutoff_ms,
        DeliveryRow.id.not_in(each_of(ended)),
    )


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
    """Return the events in quarantine; one that was sent is held by its delivery."""
    query = QuarantineRow.select(QuarantineRow.seq).where(
        QuarantineRow.type == type_,
        QuarantineRow.seq > after,
        QuarantineRow.seq <= until,
        QuarantineRow.sent_in.is_null(),
    )
    return [seq for (seq,) in rows(query)]


def _prune_spared(type_: str, cutoff_ms: int, now_ms: int) -> int:
    """Forget some events that were spared for a quarantine and are needed no more."""
    pruned = int(HeadRow.get_by_id(type_).pruned)
    spared = EventRow.select(EventRow.key).where(keys.within(type_, last=pruned))
    found = [keys.seq_of(key) for (key,) in rows(spared)]
    if not found:
        return 0
    unsent = QuarantineRow.select(QuarantineRow.seq).where(
        QuarantineRow.type == type_, QuarantineRow.sent_in.is_null()
    )
    held = {seq for (seq,) in rows(unsent)}
    carried = _carried(type_, pruned, cutoff_ms, now_ms)
    gone = [seq for seq in found if seq not in held and seq not in carried][:SLICE]
    these = keys.among([keys.key_of(type_, seq) for seq in gone])
    return int(EventRow.delete().where(these).execute())


def _carried(type_: str, until: int, cutoff_ms: int, now_ms: int) -> Ranges:
    """Return the numbers up to one that deliveries hold: pending, or ended after the cutoff.

    They are found once for all events: each alone would take as long.
    """
    pending = DeliveryRow.type == type_, DeliveryRow.ended_ms.is_null()
    found: list[tuple[int, int]] = []
    for held in (pending, _ended_after(type_, cutoff_ms, now_ms)):
        query = DeliveryRow.select(DeliveryRow.first_seq, DeliveryRow.last_seq)
        found += rows(query.where(*held, DeliveryRow.first_seq <= until))
    return Ranges().joined(Ranges(tuple(found))).until(until)


def _prune_deliveries(retention: Retention, now_ms: int) -> int:
    cutoff_ms = now_ms - retention.keep_deliveries_ms
    ids = [id_ for type_ in EventType for id_ in _old_deliveries(type_, cutoff_ms, now_ms)][:CHUNK]
    if not ids:
        return 0
    gone = DeliveryRow.delete().where(DeliveryRow.id.in_(ids)).execute()
    minutes.count_again_after(minutes.last_attempt())
    return int(gone)


def _old_deliveries(type_: str, cutoff_ms: int, now_ms: int) -> list[int]:
    """Return some deliveries that ended before the cutoff, without reading those that did not."""
    old = (
        DeliveryRow.select(DeliveryRow.id)
        .where(DeliveryRow.type == type_, DeliveryRow.ended_ms < cutoff_ms)
        .order_by(DeliveryRow.ended_ms)
        .limit(CHUNK)
    )
    return [id_ for (id_,) in rows(old)] + deliveries_ended_by(type_, cutoff_ms, now_ms)


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
