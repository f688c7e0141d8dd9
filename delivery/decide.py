"""What an outcome means for the delivery: done, or when to try again and why then."""

from __future__ import annotations

import msgspec

from delivery.outcome import Outcome
from domain.times import format_duration

RETRY_AFTER_CAP_MS = 24 * 3_600_000


class Delivered(msgspec.Struct, frozen=True):
    """The receiver answered 2XX."""


class RetryAt(msgspec.Struct, frozen=True):
    """The next attempt: the time it is due, the wait until then, and why it is that long."""

    next_attempt_ms: int
    wait_ms: int
    reason: str


def decide(
    outcome: Outcome, attempt_number: int, interval_ms: int, now_ms: int, chance: float
) -> Delivered | RetryAt:
    """Judge attempt `attempt_number` (the first is 1), which ended at `now_ms`.

    `chance` in [0, 1) spreads the interval by 10 % either way; a Retry-After can only lengthen the
    wait. A kept connection that was lost says nothing about the receiver: the next attempt, on a
    new one, follows at once. The reason is about the attempt to come.
    """
    if outcome.delivered:
        return Delivered()
    if outcome.kept_was_lost:
        return RetryAt(now_ms, 0, f"attempt {attempt_number + 1}, at once on a new connection")
    wait_ms = _jittered(interval_ms, chance)
    reason = f"attempt {attempt_number + 1}, interval {format_duration(interval_ms)} ±10%"
    asked_ms = min(outcome.retry_after_ms or 0, RETRY_AFTER_CAP_MS)
    if asked_ms > wait_ms:
        wait_ms = asked_ms
        reason = f"attempt {attempt_number + 1}, Retry-After {format_duration(asked_ms)}"
    return RetryAt(now_ms + wait_ms, wait_ms, reason)


def _jittered(interval_ms: int, chance: float) -> int:
    tenth_ms = interval_ms // 10
    return interval_ms - tenth_ms + int(2 * tenth_ms * chance)
