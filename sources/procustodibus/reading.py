"""From an answer to events: each for itself, since what was answered is not answered again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from domain import strict_json
from domain.event_types import TOP_LEVEL_MEMBERS
from domain.events import Event, EventError, RefusedText, read_event
from domain.safe import safe
from domain.strict_json import StrictJsonError

SHOWN = 120
"""Characters that are shown of what could not be read."""

OBJECTS = ("relationships", "meta", "links")
NO_LIST = "it is no list of events"
_ENDING = b" \t\r\n,]}"


class _Data(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]


_answers = msgspec.json.Decoder(_Data)


@dataclass(frozen=True, slots=True)
class Found:
    """The events of an answer, what it held beside them, and how many texts that was in all.

    `broken` says what is wrong with an answer that cannot be read to its end, "" where it can.
    """

    events: tuple[Event, ...]
    refused: tuple[RefusedText, ...]
    count: int
    broken: str


def read_answer(
    body: bytes, cut: str, queue: str, now_ms: int, random64: Callable[[], int]
) -> Found:
    """Read every event that can be read; `cut` says why not all of the body came, "" if it did."""
    texts = _split(body)
    read = [_read(text, queue, now_ms, random64) for text in texts.events]
    refused = [one for one in read if isinstance(one, RefusedText)]
    broken = ""
    rest = texts.rest or b""
    if texts.rest is not None or cut:
        reason = cut or NO_LIST
        shown = f" ({safe(rest, SHOWN)})" if rest else ""
        broken = f"{queue}, after event {len(read)}: the answer is broken, {reason}{shown}"
    if texts.is_list and not cut and rest.strip(_ENDING):  # what was cut may be given again
        refused.append(RefusedText(queue, rest, "it is the rest of a broken list of events"))
    events = tuple(one for one in read if isinstance(one, Event))
    return Found(events, tuple(refused), len(read), broken)


def _read(text: bytes, queue: str, now_ms: int, random64: Callable[[], int]) -> Event | RefusedText:
    try:
        return read_event(_as_event(text), now_ms=now_ms, random64=random64)
    except (EventError, StrictJsonError) as error:
        return RefusedText(queue, text, str(error))
    except Exception as error:  # whatever it holds, it is nowhere else
        return RefusedText(queue, text, f"it cannot be read ({type(error).__name__})")


def _as_event(text: bytes) -> bytes:
    """The text with its unknown members in `meta`. Raises EventError, StrictJsonError."""
    members = strict_json.decode(text)
    if not isinstance(members, dict):
        return text
    if members.get("id") is None:
        raise EventError("id", "missing: it cannot be told from others, nor from a repeat")
    unknown = {name: value for name, value in members.items() if not _is_known(name, value)}
    if not unknown:
        return text
    known = {name: value for name, value in members.items() if name not in unknown}
    meta = dict(known.get("meta", {}))
    for name, value in unknown.items():
        while name in meta:
            name += "_"
        meta[name] = value
    return strict_json.compact(known | {"meta": meta})


def _is_known(name: str, value: object) -> bool:
    """Tell whether it is a member of events, of the form that it has there."""
    if name in OBJECTS:
        return isinstance(value, dict)
    return name in TOP_LEVEL_MEMBERS


@dataclass(frozen=True, slots=True)
class _Texts:
    """The JSON of each event of an answer, and what follows the last whole one, None if all is.

    `is_list` says whether there was a list of events at all.
    """

    events: list[bytes]
    rest: bytes | None = None
    is_list: bool = True


def _split(body: bytes) -> _Texts:
    try:
        return _Texts([bytes(raw) for raw in _answers.decode(body).data])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _whole_ones(body)


def _whole_ones(body: bytes) -> _Texts:
    """The events at the start of an answer that is cut or broken."""
    text = body.decode("utf-8", "replace")
    member = text.find('"data"')
    place = text.find("[", member) if member >= 0 else -1
    texts: list[bytes] = []
    # It converts no number, as some have too many digits, and minds no line break in a string.
    decoder = json.JSONDecoder(strict=False, parse_int=str)
    end = place + 1
    while place >= 0:
        start = place + 1
        while start < len(text) and text[start] in " \t\r\n":
            start += 1
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        texts.append(text[start:end].encode())
        while end < len(text) and text[end] in " \t\r\n":
            end += 1
        place = end if text[end : end + 1] == "," else -1
    return _Texts(texts, text[end:].encode(), is_list=end > 0)
