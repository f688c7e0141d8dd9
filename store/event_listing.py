"""Events for long lists: the numbers that are kept, single rows, and searches.

Sequence numbers are dense, so that a list of a million events needs no list of their keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.event_types import EventType
from domain.filters import Term
from store.filters import event_conditions
from store.models import EventRow, HeadRow, rows
from store.records import StoredEvent

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


def extents() -> dict[EventType, Extent]:
    """Return the numbers of each type's kept events.

    Single older ones that a quarantine keeps from being pruned are not counted.
    """
    query = HeadRow.select(HeadRow.type, HeadRow.seq, HeadRow.pruned)
    return {EventType(type_): Extent(head, pruned) for type_, head, pruned in rows(query)}


def some(type_: EventType, seqs: Sequence[int]) -> list[StoredEvent]:
    """Return the events with these numbers, as far as they are kept, in no certain order."""
    found: list[StoredEvent] = []
    for start in range(0, len(seqs), 500):
        query = EventRow.select(
            EventRow.seq, EventRow.id, EventRow.received_ms, EventRow.body
        ).where(EventRow.type == type_.value, EventRow.seq.in_(list(seqs[start : start + 500])))
        found += [
            StoredEvent(type_, seq, id_, at, bytes(body)) for seq, id_, at, body in rows(query)
        ]
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
    within = (EventRow.type == type_.value) & (EventRow.seq > above) & (EventRow.seq <= up_to)
    query = EventRow.select(EventRow.seq).where(within, *event_conditions(terms))
    return [seq for (seq,) in rows(query.order_by(EventRow.seq.desc()))]


def newest(
    type_: EventType, terms: Sequence[Term], extent: Extent, *, limit: int
) -> list[StoredEvent]:
    """Return the newest matching events, newest first, however far back they are."""
    found: list[int] = []
    up_to = extent.head
    while up_to > extent.pruned and len(found) < limit:
        above = max(extent.pruned, up_to - SCANNED_ROWS)
        found += scan(type_, terms, above=above, up_to=up_to)
        up_to = above
    return sorted(some(type_, found[:limit]), key=lambda event: event.seq, reverse=True)
