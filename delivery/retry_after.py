"""Retry-After (RFC 9110, section 10.2.3) as senders really write it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime

from delivery.decide import RETRY_AFTER_CAP_MS

_MAX_DIGITS = 9


def retry_after_ms(values: Iterable[str], date: str | None, now_ms: int) -> int | None:
    """The longest wait that the header's values ask for, at most 24 h; None if none is valid.

    A value is ASCII digits (seconds) or a date with its zone. A date is compared with the
    answer's own Date header, so that the receiver's clock need not agree with ours (`now_ms`).
    """
    waits = [_wait_ms(value.strip(), date, now_ms) for value in values]
    longest = max((wait for wait in waits if wait is not None), default=0)
    return min(longest, RETRY_AFTER_CAP_MS) or None


def _wait_ms(value: str, date: str | None, now_ms: int) -> int | None:
    if value.isascii() and value.isdigit():
        digits = value.lstrip("0")
        return int(digits or "0") * 1000 if len(digits) <= _MAX_DIGITS else RETRY_AFTER_CAP_MS
    until_s = _timestamp(value)
    if until_s is None:
        return None
    their_now_s = _timestamp(date) if date is not None else None
    return (
        max(0, math.ceil(until_s - (now_ms / 1000 if their_now_s is None else their_now_s))) * 1000
    )


def _timestamp(text: str) -> float | None:
    moment = _aware_date(text)
    return None if moment is None else moment.timestamp()


def _aware_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if moment.tzinfo is not None else None
