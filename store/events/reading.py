"""Reading of events: one by one, by number, or by a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from peewee import ModelSelect

from domain.event_types import EventType
from store.errors import NotFound
from store.events.adding import LOOKUP_CHUNK
from store.models import EventRow, HeadRow, rows
from store.records import StoredEvent

if TYPE_CHECKING:
    from domain.filters import Term

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
