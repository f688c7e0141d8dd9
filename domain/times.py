"""Durations and points in time, all integers: milliseconds, and milliseconds UTC since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile(
    "".join(rf"(?:(?P<{unit}>[0-9]{{1,12}}){unit})?" for unit in _UNITS_MS), re.ASCII
)
_DURATION_CURE = "write a number and a unit (ms, s, m, h, d), such as 90s, 3m, 1h or 1d"

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)
_TIME_CURE = "write it like 2026-11-24T08:00:00Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def parse_duration(text: str) -> int:
    """Read a duration such as "90s", "3m" or "2h30m" as milliseconds, or say how to write it."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not match.group():
        raise ValueError(f'"{text}" is not a duration: {_DURATION_CURE}')
    return sum(int(match[unit] or 0) * length for unit, length in _UNITS_MS.items())


def format_duration(duration_ms: int) -> str:
    """Write milliseconds so that parse_duration reads them back: "3m", "1m30s", "0s"."""
    if duration_ms < 0:
        raise ValueError(f"a duration is 0 or more, not {duration_ms} ms")
    parts: list[str] = []
    for unit, length in _UNITS_MS.items():
        count, duration_ms = divmod(duration_ms, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def rfc3339(time_ms: int) -> str:
    """Write a time in UTC, as "2026-11-24T08:00:00Z"; milliseconds only when there are some."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    precision = "milliseconds" if time_ms % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def parse_rfc3339(text: str) -> int:
    """Read an RFC 3339 time, which must name its zone; what is finer than a millisecond is cut."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not an RFC 3339 time with its zone: {_TIME_CURE}')
    day, clock, second, fraction, sign, zone_hours, zone_minutes = match.groups()
    try:
        minute = datetime.fromisoformat(f"{day}T{clock}Z")
        offset_ms = _offset_ms(sign, zone_hours, zone_minutes)
        second_ms = _second_ms(second, fraction)
    except ValueError as error:
        raise ValueError(f'"{text}" is not a time that exists ({error}): {_TIME_CURE}') from None
    return (minute - _EPOCH) // _MILLISECOND + second_ms - offset_ms


def parse_time(text: str, now_ms: int) -> int:
    """Read "now", an RFC 3339 time, or a duration that means so long ago (1970 at the earliest)."""
    stripped = text.strip()
    if stripped == "now":
        return now_ms
    if _DURATION.fullmatch(stripped) and stripped:
        return max(0, now_ms - parse_duration(stripped))
    if _RFC3339.fullmatch(stripped):
        return parse_rfc3339(stripped)
    raise ValueError(
        f'"{text}" is not a time: {_TIME_CURE}, or say how long ago, such as 90s or 1d, or "now"'
    )


def _second_ms(second: str, fraction: str | None) -> int:
    if int(second) > 60:  # 60 is a leap second
        raise ValueError("second must be in 0..60")
    return int(second) * 1000 + int((fraction or "")[:3].ljust(3, "0"))


def _offset_ms(sign: str | None, hours: str | None, minutes: str | None) -> int:
    if hours is None or minutes is None:
        return 0
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("zone must be within 23:59")
    offset_ms = int(hours) * _UNITS_MS["h"] + int(minutes) * _UNITS_MS["m"]
    return -offset_ms if sign == "-" else offset_ms
