"""Reading of events: by number, by ranges of numbers, by id, or by a search.

Inside the program an event is named by its type and its number: several may have one id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from peewee import SQL, Expression, ModelSelect, fn

from domain.event_types import EventType
from store.errors import NotFound
from store.events import keys
from store.models import EventRow, HeadRow, database, rows
from store.ranges import Ranges
from store.records import StoredEvent

if TYPE_CHECKING:
    from domain.filters import Criterion, Term

SCANNED_ROWS = 20_000
"""Events that one step of a search reads: some hundredths of a second."""

_OF_RANGES = "FROM json_each(?) AS wanted CROSS JOIN event ON"
"""Reads nothing between the ranges, however many they are, and goes through them in order."""


class Extent(msgspec.Struct, frozen=True):
    """The kept events of a type have the numbers after `pruned`, up to `head`."""

    head: int = 0
    pruned: int = 0

    @property
    def count(self) -> int:
        """Number of kept events."""
        return self.head - self.pruned


class Namesakes(msgspec.Struct, frozen=True):
    """Events that share an id: how many they are, and the first of them by types and numbers."""

    count: int
    first: list[StoredEvent]


def heads() -> dict[EventType, int]:
    """Return the head of each type: how many events of it were ever accepted."""
    return {EventType(type_): seq for type_, seq in rows(HeadRow.select(HeadRow.type, HeadRow.seq))}


def extents() -> dict[EventType, Extent]:
    """Return the numbers of each type's kept events.

    Single older ones that a quarantine keeps from being pruned are not counted.
    """
    query = HeadRow.select(HeadRow.type, HeadRow.seq, HeadRow.pruned)
    return {EventType(type_): Extent(head, pruned) for type_, head, pruned in rows(query)}


def find(type_: EventType, seq: int) -> StoredEvent:
    """Return one event. Raises NotFound."""
    found = load(type_, [seq])
    if not found:
        raise NotFound(f"event {seq:,} of type {type_.value} is no longer kept")
    return found[0]


def with_id(
    id_: str,
    type_: EventType | None = None,
    *,
    limit: int,
    created_s: int | None = None,
    number: int | None = None,
) -> Namesakes:
    """Return the events with exactly this id, of which `limit` are read at most.

    `created_s` is the second of the `created` that they show, given or filled in. Without that and
    without a number the ids of all events are read, a tenth of a second for some millions.
    """
    types = list(EventType) if type_ is None else [type_]
    with database.atomic("DEFERRED"):
        if number is None and created_s is None:
            return _all_with_id(id_, types, limit)
        found = [event for one in types for event in _some_with_id(id_, one, created_s, number)]
    if created_s is not None:
        from domain.event_input import created_second

        found = [event for event in found if created_second(event.body) == created_s]
    return Namesakes(len(found), found[:limit])


def numbers_with_id(id_: str, type_: EventType, *, limit: int) -> list[int]:
    """Return the numbers of the newest events of a type with exactly this id, newest first."""
    return _numbers(keys.has_id(type_, id_), "+key DESC", limit)


def _all_with_id(id_: str, types: Sequence[EventType], limit: int) -> Namesakes:
    """Count them in the index, and read the first of them alone."""
    count, first = 0, list[StoredEvent]()
    for type_ in types:
        has_id = keys.has_id(type_, id_)
        count += EventRow.select(fn.COUNT(EventRow.key)).where(has_id).scalar()
        first += load(type_, _numbers(has_id, "+key", limit - len(first)))
    return Namesakes(count, first)


def _some_with_id(
    id_: str, type_: EventType, created_s: int | None, number: int | None
) -> list[StoredEvent]:
    """Return the one with this number, or the few that may have been created then."""
    if number is not None:
        return [event for event in load(type_, [number]) if event.id == id_]
    return load(type_, _numbers(keys.has_id(type_, id_, created_s), "+key", -1))


def _numbers(condition: Expression, order: str, limit: int) -> list[int]:
    """Return numbers from the index of ids; the plus keeps SQLite from the order of the table."""
    query = EventRow.select(EventRow.key).where(condition).order_by(SQL(order)).limit(limit)
    return [keys.seq_of(key) for (key,) in rows(query)]


def newest(
    type_: EventType, *, limit: int, since_ms: int | None = None, before_seq: int | None = None
) -> list[StoredEvent]:
    """Return the newest events of a type, newest first; a page goes on with `before_seq`."""
    last = keys.MOST_SEQ if before_seq is None else before_seq - 1
    query = _select().where(keys.within(type_, last=last))
    if since_ms is not None:
        query = query.where(EventRow.received_ms >= since_ms)
    return [_stored(row) for row in rows(query.order_by(keys.order().desc()).limit(limit))]


def after(type_: EventType, seq: int, *, limit: int) -> list[StoredEvent]:
    """Return the events of a type after a number, oldest first."""
    query = _select().where(keys.within(type_, seq + 1)).order_by(keys.order()).limit(limit)
    return [_stored(row) for row in rows(query)]


def load(type_: EventType, seqs: Sequence[int]) -> list[StoredEvent]:
    """Return the events with these numbers, as far as they are kept, in the order of numbers."""
    return load_named([(type_, seq) for seq in seqs])


def load_named(named: Iterable[tuple[str, int]]) -> list[StoredEvent]:
    """Return the events of these types and numbers, as far as they are kept.

    Those of one type are in the order of numbers.
    """
    query = _select().where(keys.among([keys.key_of(type_, seq) for type_, seq in named]))
    return [_stored(row) for row in rows(query.order_by(keys.order()))]


def load_ranges(type_: EventType, numbers: Ranges) -> list[StoredEvent]:
    """Return the events with these numbers, as far as they are kept, in order."""
    columns = "event.key, event.id, event.received_ms, event.body"
    return [_stored(row) for row in _of_ranges(columns, type_, numbers)]


def bodies(type_: str, numbers: Ranges) -> list[bytes]:
    """Return the bodies of these events in order; fewer if some are gone from the store."""
    return [body for (body,) in _of_ranges("event.body", type_, numbers)]


def lengths(type_: str, numbers: Ranges, limit: int) -> list[tuple[int, int]]:
    """Return number and body length of the first of these events that are there.

    SQLite knows a blob's length without reading it.
    """
    found = _of_ranges("event.key, length(event.body)", type_, numbers, limit)
    return [(keys.seq_of(key), length) for key, length in found]


def sizes(type_: str, numbers: Ranges) -> tuple[int, int]:
    """Return how many of these events are there, and the length of their bodies together."""
    columns = "count(*), coalesce(sum(length(event.body)), 0)"
    [(count, length)] = _of_ranges(columns, type_, numbers)
    return count, length


def scan(type_: EventType, terms: Sequence[Term], *, above: int, up_to: int) -> list[int]:
    """Return the numbers of matching events among `above` < number <= `up_to`, newest first.

    The caller asks for SCANNED_ROWS at most, and goes on from there.
    """
    query = EventRow.select(EventRow.key).where(
        keys.within(type_, above + 1, up_to), *event_conditions(terms)
    )
    return [keys.seq_of(key) for (key,) in rows(query.order_by(keys.order().desc()))]


def event_conditions(terms: Sequence[Term]) -> list[Any]:
    """Return what events must meet, as `domain.filters.event_passes` judges them."""
    from store.filters import conditions  # nothing that adding events needs

    return conditions(terms, _of_event)


def _of_event(criterion: Criterion) -> Any:
    from domain.filters import HasText, OfType, Since

    match criterion:
        case OfType(type_):
            return keys.within(type_)
        case Since(since_ms):
            return EventRow.received_ms >= since_ms
        case HasText(text):
            # No JSON holds a NUL, and LIKE would end there.
            return "\0" not in text and EventRow.body.cast("TEXT").contains(text)
        case _:
            raise ValueError(f"no event has a {type(criterion).__name__}")


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
    return load(type_, found[:limit])[::-1]


def _of_ranges(columns: str, type_: str, numbers: Ranges, limit: int = -1) -> list[Any]:
    wanted = json.dumps([keys.keys_of(type_, first, last) for first, last in numbers])
    statement = f"SELECT {columns} {_OF_RANGES} {keys.is_among_ranges()} LIMIT ?"
    return list(database.execute_sql(statement, (wanted, limit)).fetchall())


def _select() -> ModelSelect[EventRow]:
    return EventRow.select(EventRow.key, EventRow.id, EventRow.received_ms, EventRow.body)


def _stored(row: tuple[int, str, int, bytes]) -> StoredEvent:
    key, id_, received_ms, body = row
    return StoredEvent(keys.type_of(key), keys.seq_of(key), id_, received_ms, bytes(body))
