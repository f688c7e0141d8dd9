"""Adding events to the queue, and reading them: one by one, by number, or by a search.

Adding costs the same with one webhook or a thousand: nothing is written per webhook. Sequence
numbers are dense, so that a list of a million events needs no list of their keys.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
from peewee import IntegrityError, ModelSelect

from domain.event_types import EventType
from store import data_version
from store.errors import NotFound
from store.future_times import TOLERATED_MS, note_event_ahead
from store.models import EventRow, HeadRow, database, rows
from store.records import AppendResult, StoredEvent

if TYPE_CHECKING:
    from domain.events import Event
    from domain.filters import Term

_MOVE_HEAD = """
    UPDATE head SET seq = seq + ?
    WHERE type = ? RETURNING seq, (
        SELECT received_ms FROM event WHERE event.type = head.type AND event.seq = head.seq - ?
    )
"""
"""Returns the last number, and the time of the event that was last until now."""

LOOKUP_CHUNK = 500
"""Ids in one statement; SQLite's limit on variables is 999 in old builds."""

SCANNED_ROWS = 20_000
"""Events that one step of a search reads: some hundredths of a second."""


class Extent(msgspec.Struct, frozen=True):
    """The kept events of a type have the numbers after `pruned`, up to `head`."""

    head: int = 0
    pruned: int = 0

    @property
    def count(self) -> int:
        """Number of kept events."""
        return self.head - self.pruned


def append(events: Sequence[Event], now_ms: int) -> AppendResult:
    """Add the events in their order, in one transaction; they are durable when this returns.

    An event whose type and id are known is counted as repeated; one whose id is known with
    another body is left out, and its index is in `conflicts`.
    """
    with database.atomic():
        return _append(events, now_ms)


def append_each(lists: Sequence[Sequence[Event]], now_ms: int) -> list[AppendResult]:
    """Add several lists in one transaction, each as `append` does; return the result of each."""
    with database.atomic():
        data_version.check_schema()
        if _insert_new(list(chain.from_iterable(lists)), now_ms):
            return [AppendResult(len(events), 0) for events in lists]
        return [_append(events, now_ms) for events in lists]


def _append(events: Sequence[Event], now_ms: int) -> AppendResult:
    data_version.check_schema()
    if _insert_new(events, now_ms):
        return AppendResult(len(events), 0)
    new: dict[EventType, list[Event]] = {}
    conflicts: list[int] = []
    for type_ in dict.fromkeys(event.type for event in events):
        indexes = [index for index, event in enumerate(events) if event.type is type_]
        new[type_], taken = _sift(type_, events, indexes)
        conflicts += taken
    for type_, fresh in new.items():
        _insert(type_, fresh, now_ms)
    accepted = sum(len(fresh) for fresh in new.values())
    repeated = len(events) - accepted - len(conflicts)
    return AppendResult(accepted, repeated, tuple(sorted(conflicts)))


def _insert_new(events: Sequence[Event], now_ms: int) -> bool:
    """Add events that are all new, as most are; False, with none added, if one id is known.

    The unique index has to be searched at each insert anyway, so nothing is searched twice.
    """
    try:
        with database.atomic():
            for type_ in {event.type for event in events}:
                _insert(type_, [event for event in events if event.type is type_], now_ms)
    except (IntegrityError, sqlite3.IntegrityError):
        return False
    return True


def _sift(
    type_: EventType, events: Sequence[Event], indexes: list[int]
) -> tuple[list[Event], list[int]]:
    """Return the events that are new, and the indexes of those whose id has another body."""
    from domain.events import same_event  # reading bodies is for those who add events

    known = _known_bodies(type_, [events[index].id for index in indexes])
    fresh: dict[str, Event] = {}
    conflicts = []
    for index in indexes:
        event = events[index]
        first = fresh.get(event.id)
        body = first.body if first else known.get(event.id)
        if body is None:
            fresh[event.id] = event
        elif not same_event(body, event):
            conflicts.append(index)
    return list(fresh.values()), conflicts


def _known_bodies(type_: EventType, ids: list[str]) -> dict[str, bytes]:
    """Return the bodies kept under these ids. `type` is first in the condition as in the index."""
    bodies: dict[str, bytes] = {}
    for start in range(0, len(ids), LOOKUP_CHUNK):
        chunk = ids[start : start + LOOKUP_CHUNK]
        found = database.connection().execute(_lookup(len(chunk)), (type_.value, *chunk))
        bodies.update(found)
    return bodies


@lru_cache(maxsize=4)  # Peewee takes longer to write this statement than SQLite to run it
def _lookup(count: int) -> str:
    marks = ",".join("?" * count)
    return f"SELECT id, body FROM event WHERE type = ? AND id IN ({marks})"  # noqa: S608 - no data


def _insert(type_: EventType, events: list[Event], now_ms: int) -> None:
    if not events:
        return
    name = type_.value  # once: an enum is slow to say it
    # Prepared statements: Peewee takes longer to write them than SQLite to run them, and would
    # give the second one a RETURNING.
    connection = database.connection()
    ((last, before_ms),) = connection.execute(_MOVE_HEAD, (len(events), name, len(events)))
    first = last - len(events) + 1
    if before_ms is not None and before_ms > now_ms + TOLERATED_MS:
        note_event_ahead(name, first - 1, before_ms)
    connection.executemany(
        "INSERT INTO event (type, seq, id, received_ms, body) VALUES (?, ?, ?, ?, ?)",
        [(name, seq, event.id, now_ms, event.body) for seq, event in enumerate(events, first)],
    )


def heads() -> dict[EventType, int]:
    """Return the head of each type: how many events of it were ever accepted."""
    return {EventType(type_): seq for type_, seq in rows(HeadRow.select(HeadRow.type, HeadRow.seq))}


def find(type_: EventType, id_: str) -> StoredEvent:
    """Return one event. Raises NotFound."""
    row = _select().where(EventRow.type == type_.value, EventRow.id == id_).tuples().first()
    if row is None:
        raise NotFound(f"no event {id_} of type {type_.value} is kept")
    return _stored(row)


def of_any_type(id_: str) -> list[StoredEvent]:
    """Return the events with that id, at most one of each type."""
    types = [
        type_.value for type_ in EventType
    ]  # named, so that the index of types and ids is used
    query = _select().where(EventRow.type.in_(types), EventRow.id == id_)
    return [_stored(row) for row in rows(query)]


def newest(
    type_: EventType, *, limit: int, since_ms: int | None = None, before_seq: int | None = None
) -> list[StoredEvent]:
    """Return the newest events of a type, newest first; a page goes on with `before_seq`."""
    query = _select().where(EventRow.type == type_.value)
    if since_ms is not None:
        query = query.where(EventRow.received_ms >= since_ms)
    if before_seq is not None:
        query = query.where(EventRow.seq < before_seq)
    return [_stored(row) for row in rows(query.order_by(EventRow.seq.desc()).limit(limit))]


def after(type_: EventType, seq: int, *, limit: int) -> list[StoredEvent]:
    """Return the events of a type after a number, oldest first."""
    query = (
        _select()
        .where(EventRow.type == type_.value, EventRow.seq > seq)
        .order_by(EventRow.seq)
        .limit(limit)
    )
    return [_stored(row) for row in rows(query)]


def extents() -> dict[EventType, Extent]:
    """Return the numbers of each type's kept events.

    Single older ones that a quarantine keeps from being pruned are not counted.
    """
    query = HeadRow.select(HeadRow.type, HeadRow.seq, HeadRow.pruned)
    return {EventType(type_): Extent(head, pruned) for type_, head, pruned in rows(query)}


def load(type_: EventType, seqs: Sequence[int]) -> list[StoredEvent]:
    """Return the events with these numbers, as far as they are kept, in no certain order."""
    found: list[StoredEvent] = []
    for start in range(0, len(seqs), LOOKUP_CHUNK):
        chunk = list(seqs[start : start + LOOKUP_CHUNK])
        query = _select().where(EventRow.type == type_.value, EventRow.seq.in_(chunk))
        found += [_stored(row) for row in rows(query)]
    return found


def seq_of(type_: EventType, id_: str) -> int | None:
    """Return the number of the event with exactly this id, or None."""
    found = rows(
        EventRow.select(EventRow.seq).where(EventRow.type == type_.value, EventRow.id == id_)
    )
    return int(found[0][0]) if found else None


def scan(type_: EventType, terms: Sequence[Term], *, above: int, up_to: int) -> list[int]:
    """Return the numbers of matching events among `above` < number <= `up_to`, newest first.

    The caller asks for SCANNED_ROWS at most, and goes on from there.
    """
    from store.filters import event_conditions  # nothing that adding events needs

    within = (EventRow.type == type_.value) & (EventRow.seq > above) & (EventRow.seq <= up_to)
    query = EventRow.select(EventRow.seq).where(within, *event_conditions(terms))
    return [seq for (seq,) in rows(query.order_by(EventRow.seq.desc()))]


def newest_matching(
    type_: EventType, terms: Sequence[Term], extent: Extent, *, limit: int
) -> list[StoredEvent]:
    """Return the newest matching events, newest first, however far back they are."""
    found: list[int] = []
    up_to = extent.head
    while up_to > extent.pruned and len(found) < limit:
        above = max(extent.pruned, up_to - SCANNED_ROWS)
        found += scan(type_, terms, above=above, up_to=up_to)
        up_to = above
    return sorted(load(type_, found[:limit]), key=lambda event: event.seq, reverse=True)


def _select() -> ModelSelect[EventRow]:
    return EventRow.select(
        EventRow.type, EventRow.seq, EventRow.id, EventRow.received_ms, EventRow.body
    )


def _stored(row: tuple[str, int, str, int, bytes]) -> StoredEvent:
    type_, seq, id_, received_ms, body = row
    return StoredEvent(EventType(type_), seq, id_, received_ms, bytes(body))
