"""Table of minutes: what was accepted, delivered and failed in each minute of seven days.

The worker that sends writes it, from the attempts and numbers that the store has anyway. It notes
in the same transaction up to which ones it has counted, so that neither a crash nor a takeover
loses or doubles anything. A row grows when an outcome is recorded late or the clock went back.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from functools import partial, reduce
from operator import add
from typing import Any

import msgspec
from peewee import JOIN, SQL, Case, ModelSelect, fn

from domain.event_types import EventType
from domain.times import LATENCIES_MS, MINUTE_MS
from store import data_version
from store.engine import each_of
from store.events import keys
from store.models import (
    AttemptRow,
    DeliveryRow,
    FactRow,
    HeadRow,
    TypeMinuteRow,
    WebhookMinuteRow,
    WebhookRow,
    database,
    rows,
)
from store.records import TypeMinute, WebhookMinute

KEPT_MINUTES = 7 * 24 * 60
SLICE = 1_000
"""Attempts that one step counts, in some milliseconds."""

MOST_SPANS = 100
"""Minutes of accepted events that one step tells apart, each by some twenty searches."""

TIMELY_MS = 15_000
"""Time from the end of a minute for which what waits is taken for what waited then."""

MOST_GAPS = 2_100
"""More than a worker leaves that is started each five minutes of seven days."""

PRUNED_WEBHOOKS = 20
PRUNED_MINUTES = 200

_NOTED = "minutes_counted"
_BUCKETS = len(LATENCIES_MS) + 1
_FAILED, _DELIVERED = _BUCKETS, _BUCKETS + 1  # what follows the buckets while it is counted
_ACCEPTED = """
    SELECT received_ms FROM event WHERE key BETWEEN ? AND ? ORDER BY key LIMIT 1
"""
_SET_COUNTS = """
    INSERT INTO webhook_minute (webhook_id, minute, delivered, failed, latency)
    VALUES (?, ?, ?, ?, ?) ON CONFLICT (webhook_id, minute) DO UPDATE SET
    delivered = excluded.delivered, failed = excluded.failed, latency = excluded.latency
"""
_SET_WAITING = """
    INSERT INTO webhook_minute (webhook_id, minute, waiting, delivered, failed, latency)
    VALUES (?, ?, ?, 0, 0, '[]')
    ON CONFLICT (webhook_id, minute) DO UPDATE SET waiting = excluded.waiting
"""
_ADD_ACCEPTED = """
    INSERT INTO type_minute (type, minute, accepted) VALUES (?, ?, ?)
    ON CONFLICT (type, minute) DO UPDATE SET accepted = accepted + excluded.accepted
"""


class MinutesCounted(msgspec.Struct):
    """Attempts and events that are counted in the table.

    attempt: id of the last attempt
    heads:   by type, the number of the last event
    minute:  the last minute at whose end a worker read what waits, None if there is none yet
    gaps:    first and last minute of the spans before it at whose ends none did; the oldest may
             hold minutes at whose end one did
    """

    attempt: int = 0
    heads: dict[str, int] = {}
    minute: int | None = None
    gaps: list[tuple[int, int]] = []


def count_some(now_ms: int) -> bool:
    """Count what is new in one short transaction; True if there is more of it."""
    with database.atomic():
        data_version.check_schema()
        counted = _counted_of_late(now_ms)
        more = _count_attempts(counted) or _count_events(counted)
        if not more:
            _read_waiting(counted, now_ms)
        _note(counted)
        return more


class MinuteCounter:
    """Counter of a worker that sends, which counts once in each minute."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._minute: int | None = None
        """The last minute in which nothing more was left to count."""

    def count_some(self) -> bool:
        """Count what is new in one short transaction; True if there is more in this minute."""
        now_ms = self._now_ms()
        minute = now_ms // MINUTE_MS
        if minute == self._minute:
            return False
        if count_some(now_ms):
            return True
        self._minute = minute
        return False


def read_counted() -> MinutesCounted:
    """Return what is counted."""
    fact = FactRow.get_or_none(FactRow.name == _NOTED)
    return msgspec.json.decode(fact.value, type=MinutesCounted) if fact else MinutesCounted()


def of_webhooks(first: int, last: int, webhook_id: int | None = None) -> list[WebhookMinute]:
    """Return the rows of these minutes by webhook and minute, of one webhook or of all.

    In a minute without a row nothing ended and, unless it lies in a gap, nothing waited.
    """
    webhook, row = WebhookRow, WebhookMinuteRow
    query = (
        webhook.select(*row._meta.sorted_fields)
        .join(row, on=(row.webhook_id == webhook.id))
        .where(row.minute.between(first, last))
        .order_by(webhook.id, row.minute)
    )
    if webhook_id is not None:
        query = query.where(webhook.id == webhook_id)
    return [
        WebhookMinute(id_, minute, delivered, failed, waiting, _counts(latency))
        for id_, minute, delivered, failed, waiting, latency in rows(query)
    ]


def of_types(first: int, last: int) -> list[TypeMinute]:
    """Return the rows of these minutes by type and minute; none where nothing was accepted."""
    row = TypeMinuteRow
    query = row.select().where(row.minute.between(first, last)).order_by(row.type, row.minute)
    return [TypeMinute(EventType(type_), *facts) for type_, *facts in rows(query)]


def prune(now_ms: int) -> int:
    """Forget some of the minutes that are no longer kept, also of deleted webhooks; count them."""
    before = now_ms // MINUTE_MS - KEPT_MINUTES
    row = WebhookMinuteRow
    gone = TypeMinuteRow.delete().where(TypeMinuteRow.minute < before).execute()
    oldest = row.select(fn.MIN(row.minute)).where(row.webhook_id == WebhookRow.id)
    held = WebhookRow.select(WebhookRow.id, oldest).where(oldest < before).limit(PRUNED_WEBHOOKS)
    for webhook_id, minute in rows(held):
        old = row.minute < min(before, minute + PRUNED_MINUTES)
        gone += row.delete().where(row.webhook_id == webhook_id, old).execute()
    return int(gone)


def count_again_after(attempt: int) -> None:
    """Note that the attempts behind this one are gone: SQLite gives their ids to the next ones."""
    counted = read_counted()
    if counted.attempt > attempt:
        counted.attempt = attempt
        _note(counted)


def last_attempt() -> int:
    """Return the id of the newest attempt that is kept, 0 if there is none."""
    return AttemptRow.select(fn.MAX(AttemptRow.id)).scalar() or 0


def _note(counted: MinutesCounted) -> None:
    value = msgspec.json.encode(counted).decode()
    FactRow.insert(name=_NOTED, value=value).on_conflict("REPLACE").execute()


def _counted_of_late(now_ms: int) -> MinutesCounted:
    """Return what is counted; what is older than the kept minutes is taken for counted."""
    since_ms = now_ms - KEPT_MINUTES * MINUTE_MS
    counted = read_counted()
    if counted.minute is None or counted.minute * MINUTE_MS < since_ms:
        counted.attempt += _earlier(counted.attempt, last_attempt(), since_ms, _attempt_ended_ms)
        for type_, head, pruned in _heads():
            number = max(pruned, counted.heads.get(type_, 0))
            time_of = partial(_accepted_ms, type_)
            counted.heads[type_] = number + _earlier(number, head, since_ms, time_of)
    return counted


def _earlier(after: int, last: int, since_ms: int, time_of: Callable[[int], int]) -> int:
    """Count the numbers behind one that have times before `since_ms`, as far as times ascend."""
    return bisect_left(range(after + 1, last + 1), since_ms, key=time_of)


def _heads() -> list[tuple[str, int, int]]:
    return rows(HeadRow.select(HeadRow.type, HeadRow.seq, HeadRow.pruned))


def _attempt_ended_ms(id_: int) -> int:
    """Return when an attempt ended, or the next one that is kept."""
    ended_ms = AttemptRow.started_ms + AttemptRow.duration_ms
    next_kept = AttemptRow.select(ended_ms).where(AttemptRow.id >= id_).order_by(AttemptRow.id)
    return int(next_kept.limit(1).scalar())


def _accepted_ms(type_: str, seq: int) -> int:
    """Return when an event was accepted, or the next one that is kept; 0 if there is none."""
    found = database.execute_sql(_ACCEPTED, keys.keys_of(type_, seq)).fetchone()
    return int(found[0]) if found else 0


def _count_attempts(counted: MinutesCounted) -> bool:
    """Count some of the attempts that are new; True if there are more."""
    last = last_attempt()
    until = min(last, counted.attempt + SLICE)
    if until <= counted.attempt:
        return False
    found: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * (_BUCKETS + 2))
    for webhook_id, minute, place, attempts, events in rows(_ends(counted.attempt, until)):
        if place is None:
            continue
        counts = found[webhook_id, minute]
        counts[place] += attempts
        counts[_DELIVERED] += events if place < _BUCKETS else 0
    for key, before in _counts_before(found):
        found[key] = list(map(add, found[key], before))
    database.connection().executemany(
        _SET_COUNTS,
        [
            (*key, counts[_DELIVERED], counts[_FAILED], _latency(counts[:_BUCKETS]))
            for key, counts in found.items()
        ],
    )
    counted.attempt = until
    return until < last


def _ends(after: int, until: int) -> ModelSelect[AttemptRow]:
    """Select attempts by webhook, minute and place among the counts, with number and events.

    The first attempt of a delivery that was answered 2XX delivered it. A later one, by a worker
    that had lost the lock, has no place.
    """
    attempt, delivery, earlier = AttemptRow, DeliveryRow, AttemptRow.alias()
    is_later = fn.EXISTS(
        earlier.select(earlier.id).where(
            earlier.delivery == attempt.delivery, earlier.id < attempt.id, _succeeded(earlier)
        )
    )
    delivered = _succeeded(attempt) & (delivery.state == "delivered") & ~is_later
    bucket = reduce(add, [(attempt.duration_ms > bound) for bound in LATENCIES_MS])
    place = Case(None, [(delivered, bucket), (_succeeded(attempt), None)], _FAILED)
    minute = (attempt.started_ms + attempt.duration_ms) / MINUTE_MS
    events = fn.SUM(delivery.count)
    return (
        attempt.select(delivery.webhook, minute, place, fn.COUNT(attempt.id), events)
        .join(delivery)
        .where(attempt.id > after, attempt.id <= until)
        .group_by(SQL("1"), SQL("2"), SQL("3"))
    )


def _succeeded(attempt: Any) -> Any:
    return attempt.status.between(200, 299)


def _counts_before(
    wanted: Collection[tuple[int, int]],
) -> list[tuple[tuple[int, int], list[int]]]:
    """Return the counts of the rows that are there already."""
    if not wanted:
        return []
    row = WebhookMinuteRow
    webhooks, minutes = (sorted(set(values)) for values in zip(*wanted, strict=True))
    query = row.select(row.webhook_id, row.minute, row.delivered, row.failed, row.latency).where(
        row.webhook_id.in_(each_of(webhooks)), row.minute.in_(each_of(minutes))
    )
    return [
        ((webhook_id, minute), [*_counts(latency), failed, delivered])
        for webhook_id, minute, delivered, failed, latency in rows(query)
        if (webhook_id, minute) in wanted
    ]


def _latency(counts: Sequence[int]) -> str:
    """Write the counts of the buckets without the zeros behind the last one."""
    used = max((place for place, count in enumerate(counts, 1) if count), default=0)
    return json.dumps(counts[:used], separators=(",", ":"))


def _counts(latency: str) -> tuple[int, ...]:
    """Return the counts of all buckets."""
    counts = json.loads(latency)
    return (*counts, *[0] * (_BUCKETS - len(counts)))


def _count_events(counted: MinutesCounted) -> bool:
    """Count some of the events that are new, without reading each; True if there are more."""
    spans = MOST_SPANS
    for type_, head, pruned in _heads():
        number = max(pruned, counted.heads.get(type_, 0))
        while number < head and spans:
            minute = _accepted_ms(type_, number + 1) // MINUTE_MS
            left = partial(_is_in_another_minute, type_, minute)
            accepted = bisect_left(range(number + 1, head + 1), True, key=left)
            database.execute_sql(_ADD_ACCEPTED, (type_, minute, accepted))
            number += accepted
            spans -= 1
        counted.heads[type_] = number
    return not spans


def _is_in_another_minute(type_: str, minute: int, seq: int) -> bool:
    return _accepted_ms(type_, seq) // MINUTE_MS != minute


def _read_waiting(counted: MinutesCounted, now_ms: int) -> None:
    """Write what waits as what waited when the last minute ended, unless that is too long ago."""
    minute, since_ms = now_ms // MINUTE_MS - 1, now_ms % MINUTE_MS
    before = counted.minute
    if since_ms > TIMELY_MS or minute == before:
        return
    database.connection().executemany(_SET_WAITING, rows(_waiting(minute)))
    if before is None or minute > before + 1:
        counted.gaps.append((0 if before is None else before + 1, minute - 1))
    kept = [gap for gap in counted.gaps if gap[1] >= minute - KEPT_MINUTES]
    counted.gaps, counted.minute = _bounded(kept), minute


def _bounded(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join the oldest gaps if they are too many.

    None is left out: a minute without a row in no gap is taken for one in which nothing waited.
    """
    excess = len(gaps) - MOST_GAPS
    if excess <= 0:
        return gaps
    starts, ends = zip(*gaps[: excess + 1], strict=True)
    return [(min(starts), max(ends)), *gaps[excess + 1 :]]


def _waiting(minute: int) -> ModelSelect[WebhookRow]:
    """Select the events that wait for each webhook; also none, if it has a row of this minute."""
    webhook, delivery, row = WebhookRow, DeliveryRow, WebhookMinuteRow
    sealed = fn.COALESCE(delivery.count, 0)
    waiting = HeadRow.seq - webhook.cursor + webhook.redo_count + webhook.released + sealed
    has_row = fn.EXISTS(
        row.select(row.minute).where(row.webhook_id == webhook.id, row.minute == minute)
    )
    is_pending = (delivery.webhook == webhook.id) & (delivery.state == "pending")
    return (
        webhook.select(webhook.id, SQL("?", (minute,)), waiting)
        .join(HeadRow, on=(HeadRow.type == webhook.type))
        .switch(webhook)
        .join(delivery, JOIN.LEFT_OUTER, on=is_pending)
        .where(webhook.deleted_ms.is_null(), (waiting > 0) | has_row)
    )
