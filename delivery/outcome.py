"""Outcome of one attempt, and the events in it that another Tocsin refuses, taking the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus

import msgspec

from store.records import StoredEvent

MAX_ANSWER_BODY = 4096
MAX_ANSWER_HEADERS = 8192

_PLACE = re.compile(r"event (\d{1,9}) of \d+")
_REFUSED = re.compile(
    r'"accepted"\s*:\s*\d+\s*,\s*"repeated"\s*:\s*\d+\s*,.*?"refused"\s*:\s*\[', re.DOTALL
)
_JOINT = re.compile(r"\s*,?\s*")
_ID = re.compile(r"[ -~]{1,64}")
_decoder = json.JSONDecoder(parse_int=float)  # which takes any number of digits


class Outcome(msgspec.Struct, frozen=True):
    """Outcome of one HTTP request: an answer's status, or the error in place of an answer.

    `error` is the class name of the most specific exception and `detail` the same in plain words,
    escaped and cut to length. Headers and body are the receiver's own, capped but raw: they pass
    through `safe()` before they are shown. `kept_was_lost` means that the receiver had ended, or
    ended just then, a connection that was kept from the last answer.
    """

    status: int | None
    error: str | None
    detail: str
    duration_ms: int
    retry_after_ms: int | None = None
    location: str | None = None
    answer_headers: tuple[tuple[str, str], ...] = ()
    answer_body: bytes = b""
    kept_was_lost: bool = False

    @property
    def delivered(self) -> bool:
        """Return whether the receiver took the delivery: a 2XX status and nothing else."""
        return self.status is not None and is_success(self.status)


def is_success(status: int) -> bool:
    """Return whether a status means delivered."""
    return 200 <= status < 300


class RefusalEntry(msgspec.Struct, frozen=True):
    """Event that another Tocsin refused; `place` is its place in the body, from 1 on."""

    id: str
    place: int | None = None


def refused_events(status: int | None, answer: bytes) -> tuple[RefusalEntry, ...]:
    """Return the refused events in an answer; of a cut answer those before the cut."""
    if status != HTTPStatus.CONFLICT:
        return ()
    return tuple(_entries(answer.decode("utf-8", "replace")))


def refusal(events: Sequence[RefusalEntry]) -> str:
    """Return a sentence about the refused events and the cure."""
    others = f" and {len(events) - 1} more" if len(events) > 1 else ""
    return f"it refuses event {events[0].id}{others} and has taken all others: reseal without it"


def refused_member(
    refused: Iterable[RefusalEntry], members: Sequence[StoredEvent]
) -> StoredEvent | None:
    """Return the first of the events in a delivery that was refused, None if that is not certain.

    Several of them may have the id; then the place says which one it is.
    """
    for event in refused:
        place = event.place or 0
        if 0 < place <= len(members) and members[place - 1].id == event.id:
            return members[place - 1]
        same = [member for member in members if member.id == event.id]
        if same:
            return same[0] if len(same) == 1 else None
    return None


def _entries(text: str) -> Iterator[RefusalEntry]:
    found = _REFUSED.match(text.lstrip().removeprefix("{").lstrip())
    if found is None:
        return
    text, place = found.string, found.end()
    while joint := _JOINT.match(text, place):
        try:
            entry, place = _decoder.raw_decode(text, joint.end())
        except (ValueError, RecursionError):
            return
        id_ = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(id_, str) and _ID.fullmatch(id_):  # any server may answer so
            named = _PLACE.fullmatch(str(entry.get("place")))
            yield RefusalEntry(id_, int(named[1]) if named else None)
