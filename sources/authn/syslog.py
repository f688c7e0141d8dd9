"""Lines of a log file that sshd writes through syslog, and when they were written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from domain.times import parse_rfc3339
from sources.authn.logins import IDENTIFIERS

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OLD = rf"(?P<month>{'|'.join(_MONTHS)}) +(?P<day>[0-9]{{1,2}}) (?P<time>[0-9:]{{8}})"
_ISO = r"(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(?:Z|[+-][0-9]{2}:[0-9]{2}))"
_LINE = re.compile(
    rf"(?:{_OLD}|{_ISO}) (?P<host>[^ ]+) (?:[a-z0-9]+\.[a-z0-9]+ )?"
    rf"(?:{'|'.join(IDENTIFIERS)})(?:\[[0-9]+\])?: (?P<message>.*)"
)
_AHEAD = timedelta(days=1)
"""How far a clock may be ahead of ours before its stamp is not believed."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of sshd."""

    at_ms: int
    host: str
    message: str


def read_line(text: str, now_ms: int, zone: tzinfo | None = None) -> LogLine | None:
    """A line of sshd, or None for any other. Old stamps are in `zone`, None for this host's own."""
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    at_ms = _iso_ms(match["iso"], now_ms) if match["iso"] else _old_ms(match, now_ms, zone)
    return None if at_ms is None else LogLine(at_ms, match["host"], match["message"])


def _iso_ms(stamp: str, now_ms: int) -> int | None:
    """A stamp that is too far in the future is a wrong one: its line was written now."""
    try:
        at_ms = parse_rfc3339(stamp)
    except ValueError:
        return None
    return at_ms if at_ms <= now_ms + _AHEAD // timedelta(milliseconds=1) else now_ms


def _old_ms(match: re.Match[str], now_ms: int, zone: tzinfo | None) -> int | None:
    """A stamp without a year is of the latest year in which it is not in the future."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    month = _MONTHS.index(match["month"]) + 1
    for year in range(now.year + 1, now.year - 9, -1):  # the 29th of February may be 8 years ago
        try:
            hour, minute, second = map(int, match["time"].split(":"))
            at = datetime(year, month, int(match["day"]), hour, minute, second, tzinfo=zone)
        except ValueError:
            continue
        moment = at.astimezone(UTC)
        if moment <= now + _AHEAD:
            return int(moment.timestamp() * 1000)
    return None
