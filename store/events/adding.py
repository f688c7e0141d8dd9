"""Adding of events to the queue.

Adding costs the same with one webhook or a thousand: nothing is written per webhook. Sequence
numbers are dense, so that a list of a million events needs no list of their keys. An event is a
repeat if its type, its id and its given `created` are known: the index of these is in the order of
time, so that it grows at its end, and adding costs the same however many events are kept.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from peewee import IntegrityError

from store import data_version
from store.events import keys
from store.events.future_times import TOLERATED_MS, note_event_ahead
from store.models import database
from store.records import AppendResult

if TYPE_CHECKING:
    from domain.event_types import EventType
    from domain.events import Event

    Id = tuple[EventType, str]

# Prepared statements: Peewee takes longer to write them than SQLite to run them, and would give
# the second one a RETURNING.
_MOVE_HEAD = """
    UPDATE head SET seq = seq + :count
    WHERE type = :type RETURNING seq, (
        SELECT received_ms FROM event WHERE event.key = head.seq - :count + :start
    )
"""
"""Returns the last number, and the time of the event that was last until now."""

_ADD = "INSERT INTO event (key, moment, id, received_ms, body) VALUES (?, ?, ?, ?, ?)"
_AT_ONCE = 150
"""Events of one statement; they have 750 variables, and old builds of SQLite take 999."""

_ADD_MANY = _ADD + ", (?, ?, ?, ?, ?)" * (_AT_ONCE - 1)
_KNOWN = "SELECT body FROM event WHERE moment = ? AND id = ?"
_ANY = "SELECT 1 FROM event WHERE moment = ? LIMIT 1"
_FORMER = "SELECT id, body FROM event WHERE moment = ? AND id IN (SELECT value FROM json_each(?))"


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
        by_type = _by_type(chain.from_iterable(lists))
        if _insert_new(by_type, _former_bodies(by_type), now_ms):
            return [AppendResult(len(events), 0) for events in lists]
        return [_append(events, now_ms) for events in lists]


def _append(events: Sequence[Event], now_ms: int) -> AppendResult:
    data_version.check_schema()
    by_type = _by_type(events)
    former = _former_bodies(by_type)
    if _insert_new(by_type, former, now_ms):
        return AppendResult(len(events), 0)
    new, conflicts = _sift(events, former)
    for type_, fresh in _by_type(new).items():
        _insert(type_, fresh, now_ms)
    repeated = len(events) - len(new) - len(conflicts)
    return AppendResult(len(new), repeated, tuple(conflicts))


def _by_type(events: Iterable[Event]) -> dict[EventType, list[Event]]:
    """Return the events of each type, in their order."""
    found: dict[EventType, list[Event]] = {}
    for type_, neighbours in groupby(events, attrgetter("type")):
        found.setdefault(type_, []).extend(neighbours)
    return found


def _insert_new(
    by_type: Mapping[EventType, list[Event]], former: Mapping[Id, bytes], now_ms: int
) -> bool:
    """Add events that are all new, as most are; False, with none added, if one is known.

    The unique index has to be searched at each insert anyway, so nothing is searched twice.
    """
    events = chain.from_iterable(by_type.values())
    if former and any(_former_body(event, former) is not None for event in events):
        return False
    try:
        with database.atomic():
            for type_, of_type in by_type.items():
                _insert(type_, of_type, now_ms)
    except (IntegrityError, sqlite3.IntegrityError):
        return False
    return True


def _sift(events: Sequence[Event], former: Mapping[Id, bytes]) -> tuple[list[Event], list[int]]:
    """Return the events that are new, and the indexes of those known with another body."""
    from domain.event_input import same_event  # reading bodies is for those who add events

    fresh: dict[tuple[EventType, int | None, str], Event] = {}
    conflicts = []
    for index, event in enumerate(events):
        known_by = event.type, event.created_s, event.id
        first = fresh.get(known_by)
        body = first.body if first else _known_body(event, former)
        if body is None:
            fresh[known_by] = event
        elif not same_event(body, event):
            conflicts.append(index)
    return list(fresh.values()), conflicts


def _known_body(event: Event, former: Mapping[Id, bytes]) -> bytes | None:
    """Return the body of the kept event that this one is known as, None of a new one."""
    moment = keys.moment_of(event.type, keys.slot_of(event.created_s))
    known = database.connection().execute(_KNOWN, (moment, event.id)).fetchone()
    return _former_body(event, former) if known is None else known[0]


def _former_body(event: Event, former: Mapping[Id, bytes]) -> bytes | None:
    """Return the body of the event from before schema 4 that this one is known as, or None.

    These are known by type and id alone; but whatever their `created` was, given or not, an event
    that was given another one is another event.
    """
    from domain.event_input import created_second

    known = former.get((event.type, event.id))
    if known is None or event.created_s is None or event.created_s == created_second(known):
        return known
    return None


def _former_bodies(by_type: Mapping[EventType, list[Event]]) -> dict[Id, bytes]:
    """Return the bodies of the events from before schema 4 with these ids.

    They are looked for in the order of their index: one after the other would take seven times as
    long. Where none is left, that takes one search.
    """
    execute = database.connection().execute
    found = {}
    for type_, events in by_type.items():
        moment = keys.moment_of(type_, keys.FORMER)
        if execute(_ANY, (moment,)).fetchone() is not None:
            ids = json.dumps([event.id for event in events])
            found.update({(type_, id_): body for id_, body in execute(_FORMER, (moment, ids))})
    return found


def _insert(type_: EventType, events: list[Event], now_ms: int) -> None:
    if not events:
        return
    name, count = type_.value, len(events)  # once: an enum is slow to say it
    start = keys.key_of(name, 0)
    moves = {"type": name, "count": count, "start": start}
    connection = database.connection()
    ((last, before_ms),) = connection.execute(_MOVE_HEAD, moves)
    first = last - count + 1
    if before_ms is not None and before_ms > now_ms + TOLERATED_MS:
        note_event_ahead(name, first - 1, before_ms)
    not_given = keys.moment_of(name, keys.NOT_GIVEN)
    epoch = keys.moment_of(name, keys.EPOCH_SLOT)
    rows = [
        (
            key,
            not_given if event.created_s is None else epoch + event.created_s,
            event.id,
            now_ms,
            event.body,
        )
        for key, event in enumerate(events, start + first)
    ]
    whole = count - count % _AT_ONCE
    for index in range(0, whole, _AT_ONCE):
        connection.execute(_ADD_MANY, list(chain.from_iterable(rows[index : index + _AT_ONCE])))
    connection.executemany(_ADD, rows[whole:])
