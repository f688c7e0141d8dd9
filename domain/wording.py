"""Times, sizes, counts and details of changes in words: the same in commands, screens and logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.times import format_duration, rfc3339

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
ERROR_WORDS = (
    ("AddressRefused", "policy"),
    ("CaFile", "CA file"),
    ("SSL", "TLS"),
    ("Timeout", "timeout"),
    ("Refused", "refused"),
    ("gaierror", "DNS"),
    ("Reset", "reset"),
    ("ConnectionClosed", "closed"),
    ("BrokenPipe", "closed"),
    ("ReadError", "closed"),
    ("WriteError", "closed"),
    ("NoHttpAnswer", "not HTTP"),
    ("Unreachable", "no route"),
    ("OSError", "network"),
    ("PermissionError", "network"),
    ("ConnectError", "network"),
    ("LocalProtocol", "headers"),
    ("InvalidURL", "URL"),
    ("IDNA", "URL"),
    ("InvalidCodepoint", "URL"),
    ("Unicode", "URL"),
    ("Proxy", "proxy"),
    ("CutOff", "cut off"),
    ("Bug", "bug"),
)
"""Words for the classes of errors: that of the first part that the name of a class holds."""

OTHER_ERROR = "error"
_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
SIDES = ("before", "after")


def time_text(time_ms: int | None) -> str | None:
    """Write a time as RFC 3339; None stays None."""
    return None if time_ms is None else rfc3339(time_ms)


def second_text(time_ms: int | None) -> str | None:
    """Write a time as RFC 3339 without its milliseconds, so that columns stay narrow."""
    return None if time_ms is None else rfc3339(time_ms - time_ms % 1000)


def duration_text(duration_ms: int | None) -> str | None:
    """Write a duration as options take it, such as "3m"; None stays None."""
    return None if duration_ms is None else format_duration(duration_ms)


def span_text(span_ms: int) -> str:
    """Write a duration, rounded for people: "35ms", "4s", "3m20s", "2h5m", "3d4h"."""
    span_ms = max(0, span_ms)
    if span_ms < 1000:
        return f"{span_ms}ms"
    coarse = 1000 if span_ms < 60 * _MINUTE_MS else _MINUTE_MS
    coarse = 60 * _MINUTE_MS if span_ms >= _DAY_MS else coarse
    return format_duration(span_ms - span_ms % coarse)


def size_text(size: int) -> str:
    """Write a size, rounded for people: "512 bytes", "18.3 kB", "1.2 GB"."""
    for unit, factor in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def counted(count: int, noun: str) -> str:
    """Write a number with its noun: "1 event", "12,000 events", "2 deliveries"."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count:,} {plural}"


def named(noun: str, names: Sequence[str]) -> str:
    """Write things by their names: "the host hub", "the hosts hub and edge"."""
    if len(names) == 1:
        return f"the {noun} {names[0]}"
    return f"the {noun}s {', '.join(names[:-1])} and {names[-1]}"


def wait_word(count: int) -> str:
    """Return the verb for a number: "1 event waits", "2 events wait"."""
    return "waits" if count == 1 else "wait"


def error_word(error: str | None) -> str:
    """Return the class of an error in a word or two of at most eight letters: "refused", "TLS"."""
    if error is None:
        return "-"
    return next((word for part, word in ERROR_WORDS if part in error), OTHER_ERROR)


def status_words(status: int) -> str:
    """Write a status with its standard phrase, not the receiver's: "503 Service Unavailable"."""
    from http import HTTPStatus  # most commands write no status

    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def detail_text(detail: Mapping[str, object]) -> str:
    """Return the details of a change in words: "url https://a -> https://b, interval 3m -> 1h"."""
    return ", ".join(detail_lines(detail))


def detail_lines(detail: Mapping[str, object]) -> list[str]:
    """Return the details of a change in words, one a line."""
    members = readable(detail)
    before, after = (members.pop(side, None) for side in SIDES)
    return [*_pairs(members), *_sides(before, after)]


def _sides(before: object, after: object) -> Iterator[str]:
    """Yield words for a single setting, a new webhook's fields, or those that an edit changed."""
    if not isinstance(after, Mapping):
        if after is not None:
            yield f"{_value(before)} -> {_value(after)}"
        return
    if not isinstance(before, Mapping):
        yield from _pairs(after)
        return
    for name, value in after.items():
        yield f"{_words(name)} {_value(before.get(name))} -> {_value(value)}"


def _pairs(members: Mapping[str, object]) -> Iterator[str]:
    for name, value in members.items():
        if isinstance(value, Mapping):
            yield from _pairs(value)
        elif value is not None and value is not False and value != []:
            yield _words(name) if value is True else f"{_words(name)} {_value(value)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: object) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value)


def readable(detail: Mapping[str, object]) -> dict[str, Any]:
    """Return the details with times and durations in words."""
    return dict(_readable_member(name, value) for name, value in detail.items())


def _readable_member(name: str, value: object) -> tuple[str, object]:
    if isinstance(value, Mapping):
        return name, readable(value)
    if name == "before_ms" and isinstance(value, int):
        return "accepted_before", time_text(value)
    if name.endswith("_ms") and (value is None or isinstance(value, int)):
        return name.removesuffix("_ms"), duration_text(value)
    return name, value
