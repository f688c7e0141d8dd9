"""Adding of events to the queue.

Adding costs the same with one webhook or a thousand: nothing is written per webhook. Sequence
numbers are dense, so that a list of a million events needs no list of their keys.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from peewee import IntegrityError

from domain.event_types import EventType
from store import data_version
from store.events.future_times import TOLERATED_MS, note_event_ahead
from store.models import database
from store.records import AppendResult

if TYPE_CHECKING:
    from domain.events import Event

_MOVE_HEAD = """
    UPDATE head SET seq = seq + ?
    WHERE type = ? RETURNING seq, (
        SELECT received_ms FROM event WHERE event.type = head.type AND event.seq = head.seq - ?
    )
"""
"""Returns the last number, and the time of the event that was last until now."""

LOOKUP_CHUNK = 500
"""Ids in one statement; SQLite's limit on variables is 999 in old builds."""


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
