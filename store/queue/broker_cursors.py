"""Cursors of brokers: the number of the last event of each type that a broker has read.

Later events are not pruned.
"""

from __future__ import annotations

from peewee import fn

from domain.event_types import EventType
from store.events import reading
from store.models import BrokerCursorRow, HeadRow, database, rows
from store.records import StoredEvent


def begin(broker: str) -> None:
    """Set a broker's cursors to the heads: it will read what is accepted from now on."""
    for type_, seq in reading.heads().items():
        BrokerCursorRow.insert(client=broker, type=type_.value, seq=seq).execute()


def forget(broker: str) -> None:
    """Remove a broker's cursors, and give up all that it has yet to read."""
    BrokerCursorRow.delete().where(BrokerCursorRow.client == broker).execute()


def read_on(
    broker: str, type_: EventType, read_to: int | None, *, limit: int, max_bytes: int
) -> list[StoredEvent]:
    """Move a broker's cursor of a type to `read_to`, and return the events after it.

    At most so many events and bytes, but one event if there is one.
    """
    with database.atomic():
        if read_to is not None:
            here = (BrokerCursorRow.client == broker) & (BrokerCursorRow.type == type_.value)
            BrokerCursorRow.update(seq=read_to).where(here, BrokerCursorRow.seq < read_to).execute()
        cursor = _cursor(broker, type_)
        if cursor is None:
            return []
        return _within(reading.after(type_, cursor, limit=limit), max_bytes)


def queued() -> dict[str, dict[EventType, int]]:
    """Count the events that each broker has yet to read, by its name and the type."""
    query = BrokerCursorRow.select(
        BrokerCursorRow.client, BrokerCursorRow.type, HeadRow.seq - BrokerCursorRow.seq
    ).join(HeadRow, on=(HeadRow.type == BrokerCursorRow.type))
    found: dict[str, dict[EventType, int]] = {}
    for broker, type_, count in rows(query):
        found.setdefault(broker, {})[EventType(type_)] = count
    return found


def lowest_cursor(type_: str) -> int | None:
    """Return the lowest cursor of all brokers in a type, None without brokers."""
    lowest = (
        BrokerCursorRow.select(fn.MIN(BrokerCursorRow.seq))
        .where(BrokerCursorRow.type == type_)
        .scalar()
    )
    return None if lowest is None else int(lowest)


def _cursor(broker: str, type_: EventType) -> int | None:
    here = (BrokerCursorRow.client == broker) & (BrokerCursorRow.type == type_.value)
    seq = BrokerCursorRow.select(BrokerCursorRow.seq).where(here).scalar()
    return None if seq is None else int(seq)


def _within(found: list[StoredEvent], max_bytes: int) -> list[StoredEvent]:
    taken = 0
    for number, event in enumerate(found):
        taken += len(event.body)
        if number and taken > max_bytes:
            return found[:number]
    return found
