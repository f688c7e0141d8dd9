from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.retry import RETRY_AFTER_CAP_MS, retry_after_ms

NOW_S = 1_795_507_200
NOW_MS = NOW_S * 1000


def read(*values: str, date: str | None = None) -> int | None:
    return retry_after_ms(values, date, NOW_MS)


@given(st.integers(1, 86_400))
def test_digits_are_seconds(seconds: int) -> None:
    assert read(str(seconds)) == seconds * 1000
    assert read(f" 000{seconds}\t") == seconds * 1000


@given(st.integers(1, 86_400))
def test_a_date_is_a_wait_from_now(seconds: int) -> None:
    assert read(formatdate(NOW_S + seconds, usegmt=True)) == seconds * 1000


@given(st.integers(1, 86_400), st.integers(-(10**8), 10**8))
def test_the_answers_own_date_goes_before_our_clock(seconds: int, skew: int) -> None:
    theirs = NOW_S + skew
    until = formatdate(theirs + seconds, usegmt=True)
    assert read(until, date=formatdate(theirs, usegmt=True)) == seconds * 1000


@pytest.mark.parametrize(
    "value",
    ["", "0", "-5", "+5", "1.5", "5s", "\uff15", "\u0665", "1_0", "0x10", "soon", "NaN", "inf",
     "Tue Nov 24 08:00:00 2099", "Tue, 24 Nov 2099 08:00:00", "Tue, 24 Nov 2099 08:00:00 -0000",
     "Thu, 01 Jan 1970 00:00:00 GMT", "Tue, 24 Nov 99999 08:00:00 GMT",
     "Tue, 99 Nov 2099 08:00:00 GMT",
     "1" * 400 + "x", "Tue, 24 Nov 2099 08:00:00 +99999999999999999999"],
)  # fmt: skip
def test_what_is_neither_is_ignored(value: str) -> None:
    assert read(value) is None


@pytest.mark.parametrize(
    "value", ["86401", "9" * 30, "9" * 5_000, formatdate(NOW_S + 10**7, usegmt=True)]
)
def test_a_day_is_the_most(value: str) -> None:
    assert read(value) == RETRY_AFTER_CAP_MS


def test_the_longest_of_several_counts() -> None:
    assert read("60", "nonsense", "120", "-1") == 120_000


def test_a_senseless_date_header_leaves_our_clock() -> None:
    assert read(formatdate(NOW_S + 60, usegmt=True), date="yesterday") == 60_000


@given(st.text(max_size=60), st.none() | st.text(max_size=60))
def test_no_text_raises_or_exceeds_the_cap(value: str, date: str | None) -> None:
    assert 0 < (read(value, date=date) or 1) <= RETRY_AFTER_CAP_MS
