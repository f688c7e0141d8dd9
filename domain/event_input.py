"""Texts that hold events in one of three forms: one object, an array, or a line each.

And the comparison of an event with one that was read earlier and may be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from io import BytesIO

import msgspec

from domain import strict_json
from domain.events import (
    Event,
    EventError,
    SanitizedEvent,
    TooManyEvents,
    read_document,
    read_event,
)
from domain.times import instant, rfc3339_second

ID_TAKEN = "its id is known already with another body: leave it out, or give it an id of its own"
MOST_EVENTS = 10_000
"""Events of one text at most: its commit is to hold up nobody else."""

_BLANKS = b" \t\r\n"


class EventText(msgspec.Struct, frozen=True):
    """The events of a text; `lines` are the numbers of their lines where each has one."""

    events: Sequence[Event]
    lines: Sequence[int] = ()

    def place(self, index: int) -> str:
        """Return the position of an event in the text, in words."""
        if self.lines:
            return f"line {self.lines[index]}"
        return "event" if len(self.events) == 1 else f"event {index + 1} of {len(self.events)}"


def sanitized(events: Iterable[Event]) -> int:
    """Return how many of the events were sanitized."""
    return [*map(type, events)].count(SanitizedEvent)


def read_text(data: bytes, *, now_ms: int, random64: Callable[[], int]) -> EventText:
    """Read all events of a text, or none: raises EventError with the place of the first fault."""
    if is_document(data, ended=True):
        return EventText(read_document(data, now_ms=now_ms, random64=random64, most=MOST_EVENTS))
    events: list[Event] = []
    numbers: list[int] = []
    for number, line in enumerate(BytesIO(data), 1):  # which makes no list of them all
        text = line.strip(_BLANKS)
        if not text:
            continue
        if len(events) == MOST_EVENTS:
            raise TooManyEvents(MOST_EVENTS)
        try:
            events.append(read_event(text, now_ms=now_ms, random64=random64))
        except EventError as error:
            raise EventError(*_placed(error, number, data)) from None
        numbers.append(number)
    if not events:
        raise EventError("event", "there is none: send an event, an array of events, or lines")
    return EventText(events, numbers if b"\n" in data.strip(_BLANKS) else ())


def forwarded_body(event: Event) -> bytes:
    """Return an event for another Tocsin to read: without a `created` that was filled in here.

    So that one, too, takes a repeat with another time for the same event.
    """
    if event.created_s is not None:
        return event.body
    value = strict_json.decode(event.body)
    value["attributes"].pop("created", None)
    return strict_json.compact(value)


def same_event(stored_body: bytes, event: Event) -> bool:
    """Return True if a stored body, under which this event is known, says what this event says.

    A given `created` may be spelled otherwise, but is the same to the last digit.
    """
    if stored_body == event.body:
        return True
    stored, given = strict_json.comparable(stored_body), strict_json.comparable(event.body)
    for attributes in (stored["attributes"], given["attributes"]):
        for name in event.no_facts:
            attributes.pop(name, None)
        created = attributes.pop("created", None)
        if event.created_s is not None and isinstance(created, str):
            attributes["created"] = instant(created)
    return bool(stored == given)


def created_second(stored_body: bytes) -> int | None:
    """Return the second since 1970 of the `created` of a stored body, given or filled in."""
    return rfc3339_second(str(strict_json.comparable(stored_body)["attributes"].get("created")))


def is_document(beginning: bytes, *, ended: bool) -> bool:
    """Return True if an input is one JSON document of several lines, judged by its beginning.

    An array always is one. `ended`: the beginning is all there is.
    """
    text = beginning.strip(_BLANKS)
    first_line, newline, _ = text.partition(b"\n")
    if text.startswith(b"[") or (newline and first_line.rstrip() == b"{"):
        return True
    return bool(newline) and ended and not _is_json(first_line) and _is_json(text)


def _placed(error: EventError, number: int, data: bytes) -> tuple[str, str]:
    """Return place and reason of a fault; in a text of one line its number is left out."""
    if b"\n" not in data.strip(_BLANKS):
        return error.place, error.reason
    place = f"line {number}" if error.place == "event" else f"line {number}, {error.place}"
    return place, error.reason


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
