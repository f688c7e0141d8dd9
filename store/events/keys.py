"""Keys of events: one integer is type and number, another is type and the time that was given.

Both are in every store and never change. A file of its own, since all that asks for events by
their numbers asks by a range of keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from peewee import SQL, Expression

from domain.event_types import EventType
from store.models import EventRow

SEQ_BITS = 48
MOST_SEQ = (1 << SEQ_BITS) - 1
SLOT_BITS = 40
NOT_GIVEN = 0
"""Slot of the events that came without `created`."""

FORMER = (1 << SLOT_BITS) - 1
"""Slot of the events from before schema 4: it is not known whether `created` was given."""

EPOCH_SLOT = 719_162 * 86_400 + 2 * 86_400 + 1
"""Slot of 1970-01-01T00:00:00Z; slot 1 is two days before the year 1, further than any offset."""

_NUMBERS = {
    EventType.ALERTS.value: 1,
    EventType.ENDPOINT_STATS.value: 2,
    EventType.LOG_AUTHN.value: 3,
    EventType.LOG_CHANGES.value: 4,
}
_TYPES = {number: EventType(name) for name, number in _NUMBERS.items()}


def number_of(type_: str) -> int:
    """Return the number that stands for a type in keys and moments."""
    return _NUMBERS[type_]


def key_of(type_: str, seq: int) -> int:
    """Return the key of an event; of a number that none has, the nearest key of its type."""
    return _NUMBERS[type_] << SEQ_BITS | min(max(seq, 0), MOST_SEQ)


def key_sql(type_: str, seq: str) -> str:
    """Return the SQL of `key_of` for two columns."""
    numbers = " ".join(f"WHEN '{name}' THEN {number}" for name, number in _NUMBERS.items())
    return f"((CASE {type_} {numbers} END << {SEQ_BITS}) + {seq})"


def seq_of(key: int) -> int:
    """Return the number within its type of the event with this key."""
    return key & MOST_SEQ


def type_of(key: int) -> EventType:
    """Return the type of the event with this key."""
    return _TYPES[key >> SEQ_BITS]


def keys_of(type_: str, first: int = 0, last: int = MOST_SEQ) -> tuple[int, int]:
    """Return the first and the last key of a range of numbers, all of the type if none is named."""
    return key_of(type_, first), key_of(type_, last)


def within(type_: str, first: int = 0, last: int = MOST_SEQ) -> Expression:
    """Return the condition that an event is of a type, and its number in a range."""
    return EventRow.key.between(*keys_of(type_, first, last))


def among(keys: Sequence[int]) -> Expression:
    """Return the condition that an event has one of these keys, however many they are."""
    return EventRow.key.in_(SQL("(SELECT value FROM json_each(?))", (json.dumps(keys),)))


def moment_of(type_: str, slot: int) -> int:
    """Return the moment of a type and a slot: what an event is recognised by, beside its id."""
    return _NUMBERS[type_] << SLOT_BITS | slot


def slot_of(created_s: int | None) -> int:
    """Return the slot of a given `created`, in seconds since 1970; of None that of none given."""
    return NOT_GIVEN if created_s is None else created_s + EPOCH_SLOT
