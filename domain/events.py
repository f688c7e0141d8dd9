"""Events: JSON text from outside is read as events that Tocsin keeps and sends, or refused.

A complete event without blanks is taken as it is, when decoding and encoding it gives the same
bytes. Everything else goes through the strict reader, which also finds the place of a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import Any, NotRequired, TypedDict

import msgspec

from domain import strict_json
from domain.event_types import TOP_LEVEL_MEMBERS, EventType
from domain.ids import event_id_from_facts, new_event_id
from domain.safe import safe
from domain.strict_json import StrictJsonError
from domain.times import instant, rfc3339, rfc3339_second

MAX_EVENT_BYTES = 256 * 1024
MAX_TEXT_BYTES = 8 * MAX_EVENT_BYTES
"""Bytes of an event as it comes, with blanks and escapes, that are read at most."""

MAX_ID_LENGTH = 64

_TYPES = {event_type.value: event_type for event_type in EventType}
_TEXT_MEMBERS = frozenset({"type", "id"})
_OBJECT_MEMBERS = frozenset(TOP_LEVEL_MEMBERS) - _TEXT_MEMBERS
_BACKSLASH = ord("\\")
_LONGEST_USUAL_TIME = len("2026-11-24T08:00:00.123456789+00:00")

_MOST_COUNTED = 100_000
_FEW_BYTES = 1 << 20
_FEW_COMMAS = 1_000_000
"""Commas of an array that is split at once: each item takes about 60 bytes before it is read."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One accepted event. `body` is what is stored and sent, byte for byte.

    A Struct, because a frozen dataclass takes ten times as long to make, half as long as reading
    the event does.

    `created_s` is the second of the given `attributes.created`, since 1970: an event is known by
    its type, its id and this. It is None when `created` was filled in by us: a repeat of such an
    event comes with another time and is the same event all the same. `no_facts` names further
    attributes of which that is true, such as the name of what the event is about.
    """

    type: EventType
    id: str
    body: bytes
    created_s: int | None
    no_facts: tuple[str, ...] = ()


class SanitizedEvent(Event, frozen=True, gc=False):
    """An event with texts in which U+FFFD has replaced what is no text.

    A class, because one more member would make every event take longer.
    """


class RefusedText(msgspec.Struct, frozen=True):
    """A text that a source took from a queue elsewhere and that is no event here, whole."""

    queue: str
    body: bytes
    reason: str


class EventError(ValueError):
    """Refusal of an event. `place` is a path ("attributes.created"), "byte 17" or "event"."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class TooManyEvents(EventError):
    """The text holds more events than are taken at once."""

    def __init__(self, most: int) -> None:
        reason = f"one text holds at most {most:,} events: hand in several"
        super().__init__(f"event {most + 1:,}", reason)


def read_event(data: bytes, *, now_ms: int, random64: Callable[[], int]) -> Event:
    """Read one JSON object as an event, fill in what may be missing, or raise EventError."""
    try:
        return _read_compact(data) or _checked_event(_decoded(data), now_ms, random64)
    except EventError:
        raise
    except Exception as error:
        # A bug of the reader refuses this event, and does not stop those who read many.
        raise EventError("event", f"{type(error).__name__} {_UNREADABLE}") from None


def read_array(
    data: bytes, *, now_ms: int, random64: Callable[[], int], most: int | None = None
) -> list[Event]:
    """Read a JSON array of events, all of them or none; of more than `most` none.

    "byte 17" in an error counts from the start of the event that the error names, or from the
    start of the array when it names none.
    """
    texts = _split_array(data, most)
    events: list[Event] = []
    try:
        for text in texts:
            events.append(read_event(text, now_ms=now_ms, random64=random64))
    except StrictJsonError as error:
        raise EventError(error.place, error.reason) from None
    except TooManyEvents:
        raise
    except EventError as error:
        raise EventError(*_placed(error, len(events) + 1, texts)) from None
    return events


def read_document(
    data: bytes, *, now_ms: int, random64: Callable[[], int], most: int | None = None
) -> list[Event]:
    """Read one JSON document that is an event or an array of events."""
    if data.lstrip(b" \t\r\n").startswith(b"["):
        return read_array(data, now_ms=now_ms, random64=random64, most=most)
    return [read_event(data, now_ms=now_ms, random64=random64)]


def _split_array(data: bytes, most: int | None) -> Iterator[bytes]:
    """Yield the texts of an array's items: split at once if that takes little memory."""
    if most is None or len(data) <= _FEW_BYTES or _has_few_items(data):
        try:
            texts = _decode_texts(data)
        except _DECODING_FAILED:
            pass
        else:
            if most is not None and len(texts) > most:
                raise TooManyEvents(most)
            return map(bytes, texts)
    if not data.lstrip(b" \t\r\n").startswith(b"["):
        raise EventError("event", "expected a JSON array of events")
    return _at_most(strict_json.array_items(data, MAX_TEXT_BYTES), most)


def _has_few_items(data: bytes) -> bool:
    """Return True if there are few items, or each may be an event, which is not short."""
    if data.count(b",") <= _FEW_COMMAS:
        return True
    try:
        _decode_likely(data)
    except _DECODING_FAILED:
        return False
    return True


def _at_most(texts: Iterator[bytes], most: int | None) -> Iterator[bytes]:
    for count, text in enumerate(texts):
        if count == most:
            raise TooManyEvents(most)
        yield text


def _placed(error: EventError, number: int, texts: Iterator[bytes]) -> tuple[str, str]:
    """Name the event at fault, and of how many where those behind it can be counted."""
    place = f"event {number}"
    with suppress(StrictJsonError, TooManyEvents):
        behind = sum(1 for _ in islice(texts, _MOST_COUNTED))
        place += f" of {number + behind}" if behind < _MOST_COUNTED else ""
    return place if error.place == "event" else f"{place}, {error.place}", error.reason


# The quick way: it never raises EventError, it leaves that to the strict way.


# JSON of so few levels that nothing deep passes for it.
_Scalar = str | int | float | bool | None
_Value1 = _Scalar | list[_Scalar] | dict[str, _Scalar]
_Value2 = _Scalar | list[_Value1] | dict[str, _Value1]
_Value3 = _Scalar | list[_Value2] | dict[str, _Value2]
_Value4 = _Scalar | list[_Value3] | dict[str, _Value3]
_Object = dict[str, _Value4]


class _LikelyEvent(msgspec.Struct, gc=False):
    """An object that may be an event: decoding ends at the first that is none."""

    type: msgspec.Raw
    attributes: msgspec.Raw


class _CompleteEvent(TypedDict):
    """Decoding drops members that are not named here, so that encoding gives other bytes."""

    type: EventType
    id: str
    attributes: _Object
    relationships: NotRequired[_Object]
    meta: NotRequired[_Object]
    links: NotRequired[_Object]


_encode = msgspec.json.Encoder().encode
_decode_complete = msgspec.json.Decoder(_CompleteEvent).decode
_decode_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_likely = msgspec.json.Decoder(list[_LikelyEvent]).decode
_DECODING_FAILED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _read_compact(data: bytes) -> Event | None:
    if len(data) > MAX_EVENT_BYTES or (_BACKSLASH in data and b"\\u0000" in data):
        return None
    try:
        members = _decode_complete(data)
    except _DECODING_FAILED:
        return None
    event_id = members["id"]
    created_s = _usual_second(members["attributes"].get("created"))
    if _encode(members) == data and _is_id(event_id) and created_s is not None:
        return Event(members["type"], event_id, data, created_s)
    return None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isprintable() and 0 < len(text) <= MAX_ID_LENGTH


def _usual_second(value: object) -> int | None:
    """Return the second of a time that is not longer than usual, None of anything else."""
    if isinstance(value, str) and len(value) <= _LONGEST_USUAL_TIME:
        return _known_second(value)
    return None


@lru_cache(maxsize=1024)  # the events of a batch share their seconds
def _known_second(text: str) -> int | None:
    return rfc3339_second(text)


# The strict way: it finds the place and the reason.


def _decoded(data: bytes) -> Any:
    if len(data) > MAX_TEXT_BYTES:
        raise EventError("event", f"its text has more than the limit of {MAX_TEXT_BYTES:,} bytes")
    try:
        return strict_json.decode(data)
    except StrictJsonError as error:
        raise EventError(error.place, error.reason) from None


def _checked_event(value: Any, now_ms: int, random64: Callable[[], int]) -> Event:
    try:
        body = strict_json.compact(value)
    except StrictJsonError:
        return _sanitized_event(value, now_ms, random64)
    members = _checked_members(value)
    event_type = _checked_type(members)
    created_s = _checked_created(members["attributes"])
    if created_s is not None and "id" in members:
        return _sized_event(Event(event_type, _checked_id(members["id"]), body, created_s))
    return _sized_event(_completed(event_type, members, created_s, now_ms, random64))


def _sanitized_event(value: Any, now_ms: int, random64: Callable[[], int]) -> Event:
    sanitized = _sanitized(value)
    try:
        strict_json.compact(sanitized)
    except StrictJsonError as error:
        raise EventError(error.place or "event", error.reason) from None
    event = _checked_event(sanitized, now_ms, random64)
    return SanitizedEvent(event.type, event.id, event.body, event.created_s)


def _sanitized(value: Any) -> Any:
    """Sanitize texts, but not what an event is known by: its id, its type and its time."""
    if not isinstance(value, dict):
        return value
    event = {
        name: value[name] if name in _TEXT_MEMBERS else strict_json.sanitized(value[name])
        for name in value
    }
    attributes = value.get("attributes")
    if isinstance(attributes, dict) and "created" in attributes:
        event["attributes"]["created"] = attributes["created"]
    return event


def _completed(
    event_type: EventType,
    members: dict[str, Any],
    created_s: int | None,
    now_ms: int,
    random64: Callable[[], int],
) -> Event:
    completed = dict(members)
    if created_s is None:
        completed["attributes"] = {
            "created": rfc3339(now_ms // 1000 * 1000),  # as real ones have it, in whole seconds
            **members["attributes"],
        }
    if "id" in members:
        event_id = _checked_id(members["id"])
    elif created_s is not None:
        event_id = event_id_from_facts(event_type, strict_json.canonical(members))
    else:
        event_id = new_event_id(random64)
    completed["id"] = event_id
    return Event(event_type, event_id, strict_json.compact(completed), created_s)


def _checked_members(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EventError("event", f"expected a JSON object, not {_kind(value)}")
    for name, member in value.items():
        if name in _OBJECT_MEMBERS and not isinstance(member, dict):
            raise EventError(name, f"expected a JSON object, not {_kind(member)}")
        if name not in TOP_LEVEL_MEMBERS:
            raise EventError(safe(name, 100) or '""', _FOREIGN_MEMBER)
    if "attributes" not in value:
        raise EventError("attributes", "missing: expected a JSON object")
    return value


def _checked_type(members: dict[str, Any]) -> EventType:
    if "type" not in members:
        raise EventError("type", f"missing: {_TYPES_CURE}")
    given = members["type"]
    if not isinstance(given, str):
        raise EventError("type", f"expected text, not {_kind(given)}: {_TYPES_CURE}")
    if given not in _TYPES:
        raise EventError("type", f'unknown type "{safe(given, 100)}": {_TYPES_CURE}')
    return _TYPES[given]


def _checked_created(attributes: dict[str, Any]) -> int | None:
    """Return the second of a given `created`, None without one; refuse one that is no time."""
    if "created" not in attributes:
        return None
    created = attributes["created"]
    usual = _usual_second(created)
    if usual is not None:
        return usual
    if not isinstance(created, str):
        raise EventError("attributes.created", f"{_kind(created)} is no time: {_CREATED_CURE}")
    try:
        return instant(created)[0]
    except ValueError as error:
        reason = f"{safe(str(error), 300)}, or leave it out"
        raise EventError("attributes.created", reason) from None


def _checked_id(event_id: Any) -> str:
    if not isinstance(event_id, str):
        raise EventError("id", f"expected text, not {_kind(event_id)}: {_ID_CURE}")
    if not _is_id(event_id):
        raise EventError("id", f'"{safe(event_id, 100)}" is no id: {_ID_CURE}')
    return event_id


def _sized_event(event: Event) -> Event:
    if len(event.body) > MAX_EVENT_BYTES:
        size = f"{len(event.body):,} bytes as compact JSON"
        raise EventError("event", f"{size}, more than the limit of {MAX_EVENT_BYTES:,}")
    return event


def _kind(value: Any) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


_FOREIGN_MEMBER = (
    f"no member of an event: move it into attributes (known: {', '.join(TOP_LEVEL_MEMBERS)})"
)
_UNREADABLE = "while it was read, which is a bug in tocsin: change it, or leave it out"
_TYPES_CURE = f"use one of {', '.join(_TYPES)}"
_ID_CURE = f"use 1 to {MAX_ID_LENGTH} printable ASCII characters, or leave it out to get one"
_CREATED_CURE = "write it like 2026-11-24T08:00:00Z, or leave it out"
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (dict, "an object"),
    (list, "an array"),
    (str, "text"),
    (bool, "true or false"),
    ((int, msgspec.Raw), "a number"),
)
