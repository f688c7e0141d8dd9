"""Retries: what an outcome means for a delivery, delivered or when to try again; Retry-After."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from delivery.outcome import Outcome
from domain.times import format_duration

RETRY_AFTER_CAP_MS = 24 * 3_600_000

LEAST_WAIT_MS = 1_000
_MAX_DIGITS = 9


class Delivered(msgspec.Struct, frozen=True):
    """Decision that the receiver took the delivery."""


class RetryAt(msgspec.Struct, frozen=True):
    """Decision to try again: time of the next attempt, the wait until then, and its reason."""

    next_attempt_ms: int
    wait_ms: int
    reason: str


def decide(
    outcome: Outcome, attempt_number: int, retry_interval_ms: int, now_ms: int, chance: float
) -> Delivered | RetryAt:
    """Decide on attempt `attempt_number` (the first is 1), which ended at `now_ms`.

    `chance` in [0, 1) spreads the retry interval by 10 % either way; a Retry-After can only
    lengthen the wait. A lost kept connection says nothing about the receiver: the next attempt, on
    a new one, follows at once. The reason is about the attempt to come.
    """
    if outcome.delivered:
        return Delivered()
    if outcome.kept_was_lost:
        return RetryAt(now_ms, 0, f"attempt {attempt_number + 1}, at once on a new connection")
    wait_ms = _jittered(retry_interval_ms, chance)
    span = format_duration(retry_interval_ms)
    reason = f"attempt {attempt_number + 1}, retry interval {span} ±10%"
    asked_ms = min(outcome.retry_after_ms or 0, RETRY_AFTER_CAP_MS)
    if asked_ms > wait_ms:
        wait_ms = asked_ms
        reason = f"attempt {attempt_number + 1}, Retry-After {format_duration(asked_ms)}"
    return RetryAt(now_ms + wait_ms, wait_ms, reason)


def _jittered(interval_ms: int, chance: float) -> int:
    """Return the interval, spread by a tenth either way, but never less than a second of it."""
    tenth_ms = interval_ms // 10
    spread_ms = interval_ms - tenth_ms + int(2 * tenth_ms * chance)
    return max(spread_ms, min(interval_ms, LEAST_WAIT_MS))


def retry_after_ms(values: Iterable[str], date: str | None, now_ms: int) -> int | None:
    """Return the longest wait of the header's values, at most 24 h; None if none is valid.

    A value is ASCII digits (seconds) or a date with its zone. A date is compared with the answer's
    own Date header, so that the receiver's clock need not agree with ours (`now_ms`).
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
