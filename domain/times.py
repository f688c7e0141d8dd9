"""Durations and points in time, all integers: milliseconds, and milliseconds UTC since 1970."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import ceil, inf

from domain.safe import safe

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,12}}){unit})?" for unit in _UNITS_MS))
_DURATION_CURE = "write a number and a unit (ms, s, m, h, d), such as 90s, 3m, 1h or 1d"

MINUTE_MS = _UNITS_MS["m"]
LATENCIES_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
"""Upper bounds of the buckets into which deliveries are counted; the last bucket has none."""

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_RFC3339 = re.compile(
    rf"({_DATE})[Tt ]({_MINUTE}):([0-5][0-9]|60)(?:\.([0-9]+))?(?:[Zz]|([+-])({_MINUTE}))"
)
_USUAL_RFC3339 = re.compile(rf"{_DATE}T{_MINUTE}:[0-5][0-9](?:\.[0-9]{{3}})?Z")
_TIME_CURE = "write it like 2026-11-24T08:00:00Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S = 86_400


def parse_duration(text: str) -> int:
    """Read a duration such as "90s", "3m" or "2h30m" as milliseconds, or say how to write it."""
    match = _DURATION.fullmatch(text.strip())
    if text.strip() == "0":
        raise ValueError('"0" has no unit: write 0s')
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


def percentile(counts: Sequence[int], percent: float) -> float | None:
    """Return the upper bound, in ms, of the bucket that holds a percentile; None of no deliveries.

    `counts` has one count for each of LATENCIES_MS and one for what took longer: infinity.
    """
    sums = list(accumulate(counts))
    if not sums or not sums[-1]:
        return None
    bucket = bisect_left(sums, max(1, ceil(sums[-1] * percent / 100)))
    return LATENCIES_MS[bucket] if bucket < len(LATENCIES_MS) else inf


def rfc3339(time_ms: int) -> str:
    """Write a time in UTC, as "2026-11-24T08:00:00Z"; milliseconds only when there are some."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    precision = "milliseconds" if time_ms % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def parse_rfc3339(text: str) -> int:
    """Read an RFC 3339 time, which must name its zone; what is finer than a millisecond is cut."""
    second, fraction = instant(text)
    return second * 1000 + int(fraction[:3].ljust(3, "0"))


def instant(text: str) -> tuple[int, str]:
    """Read an RFC 3339 time as its second since 1970 in UTC, and the digits of its fraction.

    These end with no zero, so that two spellings of one instant are equal.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f'"{safe(text, 60)}" is not an RFC 3339 time with its zone: {_TIME_CURE}')
    date, minute, second, fraction, sign, zone = match.groups()
    try:
        start = _second_of(datetime.fromisoformat(f"{date}T{minute}Z"))
    except ValueError:
        raise _no_time(text, "there is no such day or hour") from None
    found = start + int(second) - _zone_s(sign, zone)
    if not _EARLIEST_S <= found <= _LATEST_S:
        raise _no_time(text, "in UTC its year must be in 1..9999")
    return found, (fraction or "").rstrip("0")


def rfc3339_second(text: str) -> int | None:
    """Return the second since 1970 of an RFC 3339 time, None of what is none.

    For the usual forms this is faster than `parse_rfc3339`.
    """
    try:
        if _USUAL_RFC3339.fullmatch(text):
            return _second_of(datetime.fromisoformat(text))
        return instant(text)[0]
    except ValueError:
        return None


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


def _second_of(time: datetime) -> int:
    since = time - _EPOCH
    return since.days * _DAY_S + since.seconds


def _zone_s(sign: str | None, zone: str | None) -> int:
    if zone is None:
        return 0
    hours, minutes = zone.split(":")
    ahead_s = int(hours) * 3600 + int(minutes) * 60
    return -ahead_s if sign == "-" else ahead_s


_EARLIEST_S = _second_of(datetime.min.replace(tzinfo=UTC))
_LATEST_S = _second_of(datetime.max.replace(tzinfo=UTC))
