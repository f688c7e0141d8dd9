"""From an answer to events: each for itself, since what was answered is not answered again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from domain.events import Event, EventError, read_event
from domain.safe import safe

SHOWN = 120
"""Characters that are shown of what could not be read."""


class _Data(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]


_answers = msgspec.json.Decoder(_Data)


@dataclass(frozen=True, slots=True)
class Found:
    """The events of an answer, how many it held, and what is wrong with those that are not here."""

    events: tuple[Event, ...]
    count: int
    wrong: tuple[str, ...]


def read_answer(
    body: bytes, cut: str, queue: str, now_ms: int, random64: Callable[[], int]
) -> Found:
    """Read every event that can be read; `cut` says why not all of the body came, "" if it did."""
    texts, rest = _split(body)
    events: list[Event] = []
    wrong: list[str] = []
    for number, text in enumerate(texts, 1):
        try:
            events.append(read_event(text, now_ms=now_ms, random64=random64))
        except EventError as error:
            place = f"{queue}, event {number} of {len(texts)}, {error.place}"
            wrong.append(f"{place}: {error.reason} ({safe(text, SHOWN)})")
    if rest is not None or cut:
        reason = cut or "it is no list of events"
        shown = f" ({safe(rest, SHOWN)})" if rest else ""
        wrong.append(f"{queue}, after event {len(texts)}: the answer is broken, {reason}{shown}")
    return Found(tuple(events), len(texts), tuple(wrong))


def _split(body: bytes) -> tuple[list[bytes], bytes | None]:
    """The JSON of each event, and what follows the last one that is whole, None if all is."""
    try:
        return [bytes(raw) for raw in _answers.decode(body).data], None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _whole_ones(body)


def _whole_ones(body: bytes) -> tuple[list[bytes], bytes]:
    """The events at the start of an answer that is cut or broken."""
    text = body.decode("utf-8", "replace")
    member = text.find('"data"')
    place = text.find("[", member) if member >= 0 else -1
    texts: list[bytes] = []
    decoder = json.JSONDecoder(parse_int=str)  # which converts none: some have too many digits
    end = 0
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
    return texts, text[end:].encode()
