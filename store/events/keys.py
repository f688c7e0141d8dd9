"""Keys of events: one integer is type and number, another is type and the time that was given.

Both are in every store and never change. A file of its own, since all that asks for events by
their numbers asks by a range of keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from peewee import SQL, Expression, Tuple

from domain.event_types import EventType
from store.engine import each_of
from store.models import EventRow, database

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

_older_type, _older_seq = SQL("type"), SQL("seq")
_PAIRS = "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"


def key_of(type_: str, seq: int) -> int:
    """Return the key of an event; of a number that none has, the nearest key of its type."""
    return _NUMBERS[type_] << SEQ_BITS | min(max(seq, 0), MOST_SEQ)


def is_at(type_: str, seq: str) -> str:
    """Return the SQL condition that `event` is the one of two columns."""
    if _has_older():
        return f"event.type = {type_} AND event.seq = {seq}"
    numbers = " ".join(f"WHEN '{name}' THEN {number}" for name, number in _NUMBERS.items())
    return f"event.key = (CASE {type_} {numbers} END << {SEQ_BITS}) + {seq}"


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
    if _has_older():
        return (_older_type == type_) & _older_seq.between(first, last)
    return EventRow.key.between(*keys_of(type_, first, last))


def among(keys: Sequence[int]) -> Expression:
    """Return the condition that an event has one of these keys, however many they are."""
    if _has_older():
        pairs = json.dumps([(type_of(key).value, seq_of(key)) for key in keys])
        numbered: Expression = Tuple(_older_type, _older_seq).in_(SQL(_PAIRS, (pairs,)))
        return numbered
    return EventRow.key.in_(each_of(keys))


def has_id(type_: str, id_: str, created_s: int | None = None) -> Expression:
    """Return the condition that an event is of a type and has an id.

    With `created_s` also that it may show this second as its `created`, given or filled in; older
    tables have it only in the bodies.
    """
    if _has_older():
        return (_older_type == type_) & (EventRow.id == id_)
    if created_s is None:
        whole = moment_of(type_, NOT_GIVEN), moment_of(type_, FORMER)
        return EventRow.moment.between(*whole) & (EventRow.id == id_)
    slots = NOT_GIVEN, slot_of(created_s), FORMER
    moments = [moment_of(type_, slot) for slot in slots]
    return EventRow.moment.in_(moments) & (EventRow.id == id_)


def order() -> Any:
    """Return that by which events of one type are in the order of their numbers."""
    return _older_seq if _has_older() else EventRow.key


def is_among_ranges() -> str:
    """Return the SQL condition that `event` is in the range of two keys in `wanted.value`."""
    if _has_older():
        first, last = (f"json_extract(wanted.value, '$[{place}]')" for place in (0, 1))
        types = " ".join(f"WHEN {number} THEN '{name}'" for name, number in _NUMBERS.items())
        return (
            f"event.type = CASE {first} >> {SEQ_BITS} {types} END"
            f" AND event.seq BETWEEN {first} & {MOST_SEQ} AND {last} & {MOST_SEQ}"
        )
    return (
        "event.key BETWEEN json_extract(wanted.value, '$[0]')"
        " AND json_extract(wanted.value, '$[1]')"
    )


def moment_of(type_: str, slot: int) -> int:
    """Return the moment of a type and a slot: what an event is recognised by, beside its id."""
    return _NUMBERS[type_] << SLOT_BITS | slot


def slot_of(created_s: int | None) -> int:
    """Return the slot of a given `created`, in seconds since 1970; of None that of none given."""
    return NOT_GIVEN if created_s is None else created_s + EPOCH_SLOT


def _has_older() -> bool:
    """Return True if events are to be asked for by type and number, as older tables have them.

    They are shown with keys too, but are not in the order of these.
    """
    return bool(database.connection().has_older_events)
