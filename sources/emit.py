"""For programs: `emit(event, "/run/tocsin/events.sock")` hands events in to a running Tocsin.

One file that needs the standard library alone: import it where Tocsin is installed, or copy it.
"""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

TIMEOUT_S = 60.0
MAX_DEPTH = 64
"""Levels of an event that a Tocsin reads."""

MOST_BITS = 14_284
"""Bits of the largest integer, of which Python writes out 4,300 digits."""

Event = Mapping[str, Any]

_BYTES = (bytes, bytearray, memoryview)


class EmitError(Exception):
    """Events were not taken: `place` is where the fault is, "" where it is not in them.

    `retry_after` are the seconds after which the same may be handed in again; None if it must be
    changed first. `refused` are the events that conflict with known ones, each with its "place",
    "id" and "reason": then all others are on disk, `accepted` and `repeated` count them, and the
    same handed in again is answered alike. Where it is empty, nothing was taken.
    """

    def __init__(
        self,
        reason: str,
        place: str = "",
        retry_after: int | None = None,
        *,
        accepted: int = 0,
        repeated: int = 0,
        refused: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.place = place
        self.retry_after = retry_after
        self.accepted = accepted
        self.repeated = repeated
        self.refused = refused


def emit(events: Event | Sequence[Event], path: str, timeout: float = TIMEOUT_S) -> dict[str, int]:
    """Hand in one event or a list; when this returns they are on disk.

    Returns the counts "accepted" and "repeated"; and "sanitized" for events in which U+FFFD has
    replaced invalid text. Raises EmitError; OSError where the socket does not answer: then hand in
    the same again, with the same ids.
    """
    with Emitter(path, timeout) as emitter:
        return emitter.emit(events)


class Emitter:
    """Connection for many events, which is used by one thread at a time."""

    def __init__(self, path: str, timeout: float = TIMEOUT_S) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Emitter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def emit(self, events: Event | Sequence[Event]) -> dict[str, int]:
        """Hand in one event or a list, as `emit` does."""
        return self.emit_text(_json(events))

    def emit_text(self, text: bytes) -> dict[str, int]:
        """Hand in events that are JSON already, without a line's end in it."""
        try:
            self._socket.sendall(text + b"\n")
        except ConnectionError as error:
            answer = self._answers.readline()  # why it was closed, if it says so
            if not answer:
                raise error
        else:
            answer = self._answers.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionError("the connection was closed before the answer came")
        return _counts(json.loads(answer))

    def close(self) -> None:
        """Close the connection."""
        self._answers.close()
        self._socket.close()


def _counts(answer: dict[str, Any]) -> dict[str, int]:
    if refused := answer.get("refused"):
        raise EmitError(
            refused[0]["reason"],
            refused[0]["place"],
            accepted=answer["accepted"],
            repeated=answer["repeated"],
            refused=refused,
        )
    if "error" in answer:
        raise EmitError(answer["error"], answer.get("place", ""), answer.get("retry_after"))
    return answer


def _json(events: Event | Sequence[Event]) -> bytes:
    try:
        return json.dumps(events, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError, RecursionError):
        place, reason = next(_flaws_of_all(events), ("event", "it cannot be written as JSON"))
        raise EmitError(reason, place) from None


def _plain(value: object) -> object:
    """Return a mapping or a sequence of another kind as the one that json writes."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, _BYTES):
        return list(value)
    raise TypeError


# What JSON cannot hold: its place, as a Tocsin names places, and the cure.


def _flaws_of_all(events: object) -> Iterator[tuple[str, str]]:
    if not _is_list(events):
        yield from _flaws(events, "", (None,))
        return
    for number, event in enumerate(events, 1):
        for place, reason in _flaws(event, "", (events,)):
            event_place = f"event {number} of {len(events)}"
            yield event_place if place == "event" else f"{event_place}, {place}", reason


def _flaws(value: object, place: str, around: tuple[object, ...]) -> Iterator[tuple[str, str]]:
    """Yield place and reason of each flaw; `around` are the list of all and the levels above."""
    if not isinstance(value, Mapping) and not _is_list(value):
        if reason := _flaw(value):
            yield place or "event", reason
    elif any(value is outer for outer in around):
        yield place or "event", "contains itself: leave it out"
    elif len(around) > MAX_DEPTH:
        yield place or "event", f"nested deeper than {MAX_DEPTH} levels: make it flatter"
    elif isinstance(value, Mapping):
        for name, member in value.items():
            inner = f"{place}.{name}" if place else str(name)
            if not isinstance(name, str | int | float | None):
                yield inner, f"a member's name is no text but of type {_type(name)}: use text"
            yield from _flaws(member, inner, (*around, value))
    else:
        for index, item in enumerate(value):
            yield from _flaws(item, f"{place}[{index}]", (*around, value))


def _flaw(value: object) -> str | None:
    """Return the reason why JSON has no such value, with the cure; None for a good value."""
    if value is None or isinstance(value, str | bool):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is no number of JSON: use text or None"
    if isinstance(value, int):
        return None if value.bit_length() < MOST_BITS else "too large for a number: use text"
    if isinstance(value, _BYTES):
        cure = "use text, such as value.hex()"
    elif hasattr(value, "isoformat"):
        cure = "use text, such as value.isoformat()"
    elif isinstance(value, Iterable):
        cure = "use a list"
    else:
        cure = "use a text, a number, a list or a dict"
    return f"JSON has nothing of type {_type(value)}: {cure}"


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, *_BYTES))


def _type(value: object) -> str:
    return type(value).__name__
