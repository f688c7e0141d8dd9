from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.outcome import Outcome
from delivery.retry import RETRY_AFTER_CAP_MS, Delivered, RetryAt, decide

DAY_MS = 86_400_000
STATUSES = st.integers(100, 999)
INTERVALS = st.integers(1_000, DAY_MS)
DICE = st.floats(0, 1, exclude_max=True)
TIMES = st.integers(0, 4_000_000_000_000)
RETRY_AFTER = st.none() | st.integers(0, 10 * DAY_MS)


def outcome(status: int | None, retry_after_ms: int | None = None) -> Outcome:
    return Outcome(status, None if status else "ReadError", "", 1, retry_after_ms)


def retry(
    attempt: int, interval_ms: int, retry_after_ms: int | None = None, chance: float = 0.5
) -> RetryAt:
    decision = decide(outcome(503, retry_after_ms), attempt, interval_ms, 1_000, chance)
    assert isinstance(decision, RetryAt)
    return decision


@given(STATUSES, RETRY_AFTER, INTERVALS, TIMES, DICE)
def test_2xx_and_nothing_else_is_delivered(
    status: int, retry_after_ms: int | None, interval_ms: int, now_ms: int, chance: float
) -> None:
    decision = decide(outcome(status, retry_after_ms), 1, interval_ms, now_ms, chance)
    assert isinstance(decision, Delivered) == (status // 100 == 2)


@given(INTERVALS, TIMES, DICE)
def test_no_answer_is_a_retry(interval_ms: int, now_ms: int, chance: float) -> None:
    assert isinstance(decide(outcome(None), 1, interval_ms, now_ms, chance), RetryAt)


@given(st.integers(1, 10**6), INTERVALS, RETRY_AFTER, TIMES, DICE)
def test_a_retry_keeps_to_the_interval_and_to_retry_after(
    attempt: int, interval_ms: int, retry_after_ms: int | None, now_ms: int, chance: float
) -> None:
    decision = decide(outcome(500, retry_after_ms), attempt, interval_ms, now_ms, chance)
    assert isinstance(decision, RetryAt)
    asked_ms = min(retry_after_ms or 0, RETRY_AFTER_CAP_MS)
    assert decision.next_attempt_ms == now_ms + decision.wait_ms
    assert decision.wait_ms >= max(0.9 * interval_ms, asked_ms)
    assert decision.wait_ms <= max(1.1 * interval_ms, asked_ms)


@given(INTERVALS, DICE, DICE)
def test_the_wait_grows_with_the_dice(interval_ms: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert retry(1, interval_ms, chance=low).wait_ms <= retry(1, interval_ms, chance=high).wait_ms


def test_the_dice_reach_both_ends() -> None:
    assert retry(1, 180_000, chance=0.0).wait_ms == 162_000
    assert retry(1, 180_000, chance=0.5).wait_ms == 180_000
    assert retry(1, 1_000, chance=0.0).wait_ms == 1_000
    assert retry(1, 1_050, chance=0.0).wait_ms == 1_000
    assert retry(1, 180_000, chance=0.999999).wait_ms == 197_999


@pytest.mark.parametrize(
    ("attempt", "retry_after_ms", "reason"),
    [
        (3, None, "attempt 4, retry interval 3m ±10%"),
        (3, 120_000, "attempt 4, retry interval 3m ±10%"),
        (3, 600_000, "attempt 4, Retry-After 10m"),
        (9, 3 * DAY_MS, "attempt 10, Retry-After 1d"),
    ],
)
def test_the_reason_tells_of_the_attempt_to_come(
    attempt: int, retry_after_ms: int | None, reason: str
) -> None:
    assert retry(attempt, 180_000, retry_after_ms).reason == reason
