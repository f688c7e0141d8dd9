"""Durations and points in time, all integers: milliseconds, and milliseconds UTC since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from domain.safe import safe

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,12}}){unit})?" for unit in _UNITS_MS))
_DURATION_CURE = "write a number and a unit (ms, s, m, h, d), such as 90s, 3m, 1h or 1d"

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_RFC3339 = re.compile(
    rf"({_DATE})[Tt ]({_MINUTE}):([0-5][0-9]|60)(?:\.([0-9]+))?(?:[Zz]|([+-])({_MINUTE}))"
)
_USUAL_RFC3339 = re.compile(rf"{_DATE}T{_MINUTE}:[0-5][0-9](?:\.[0-9]{{3}})?Z")
_TIME_CURE = "write it like 2026-11-24T08:00:00Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EARLIEST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LATEST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


def parse_duration(text: str) -> int:
    """Read a duration such as "90s", "3m" or "2h30m" as milliseconds, or say how to write it."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not match.group():
        raise ValueError(f'"{safe(text, 60)}" is not a duration: {_DURATION_CURE}')
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
        raise ValueError(f'"{safe(text, 60)}" is not an RFC 3339 time with its zone: {_TIME_CURE}')
    date, minute, second, fraction, sign, zone = match.groups()
    try:
        minute_ms = (datetime.fromisoformat(f"{date}T{minute}Z") - _EPOCH) // _MILLISECOND
    except ValueError:
        raise _no_time(text, "there is no such day or hour") from None
    fraction_ms = int((fraction or "")[:3].ljust(3, "0"))
    time_ms = minute_ms + int(second) * 1000 + fraction_ms - _zone_ms(sign, zone)
    if not _EARLIEST_MS <= time_ms <= _LATEST_MS:
        raise _no_time(text, "in UTC its year must be in 1..9999")
    return time_ms


def is_rfc3339(text: str) -> bool:
    """Return True if parse_rfc3339 reads this text; for the usual forms it is faster."""
    try:
        if _USUAL_RFC3339.fullmatch(text):
            datetime.fromisoformat(text)
        else:
            parse_rfc3339(text)
    except ValueError:
        return False
    return True


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
        f'"{safe(text, 60)}" is not a time: {_TIME_CURE}, or say how long ago, such as 90s or 1d,'
        ' or "now"'
    )


def _no_time(text: str, reason: str) -> ValueError:
    return ValueError(f'"{safe(text, 60)}" is not a time that exists ({reason}): {_TIME_CURE}')


def _zone_ms(sign: str | None, zone: str | None) -> int:
    if zone is None:
        return 0
    hours, minutes = zone.split(":")
    ahead_ms = int(hours) * _UNITS_MS["h"] + int(minutes) * _UNITS_MS["m"]
    return -ahead_ms if sign == "-" else ahead_ms
