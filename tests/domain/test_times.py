from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.times import (
    LATENCIES_MS,
    format_duration,
    parse_duration,
    parse_rfc3339,
    parse_time,
    percentile,
    rfc3339,
    rfc3339_second,
)

NOW_MS = 1_795_507_200_000  # 2026-11-24T08:00:00Z
YEAR_1_MS = -62_135_596_800_000
YEAR_9999_MS = 253_402_300_799_999


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [
        ("500ms", 500),
        ("90s", 90_000),
        ("3m", 180_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("2h30m", 9_000_000),
        ("1m500ms", 60_500),
        (" 5s ", 5_000),
        ("0s", 0),
    ],
)
def test_durations(text: str, duration_ms: int) -> None:
    assert parse_duration(text) == duration_ms


@pytest.mark.parametrize(
    "text",
    ["", " ", "3", "m", "3 m", "-3m", "1.5h", "3min", "3M", "30m2h", "5s5s", "٣m", "9" * 200],
)
def test_what_is_no_duration_is_refused_with_a_cure(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write a number and a unit") as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 180


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(0, "0s"), (180_000, "3m"), (90_000, "1m30s"), (86_400_000, "1d"), (1_500, "1s500ms")],
)
def test_durations_are_written_short(duration_ms: int, text: str) -> None:
    assert format_duration(duration_ms) == text


@given(st.integers(min_value=0, max_value=10**15))
def test_a_written_duration_reads_back(duration_ms: int) -> None:
    assert parse_duration(format_duration(duration_ms)) == duration_ms


def test_a_negative_duration_is_not_written() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        format_duration(-1)


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (NOW_MS, "2026-11-24T08:00:00Z"),
        (NOW_MS + 123, "2026-11-24T08:00:00.123Z"),
        (NOW_MS + 20, "2026-11-24T08:00:00.020Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (YEAR_1_MS, "0001-01-01T00:00:00Z"),
        (YEAR_9999_MS, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_written_in_utc_and_read_back(time_ms: int, text: str) -> None:
    assert rfc3339(time_ms) == text
    assert parse_rfc3339(text) == time_ms


@given(st.integers(min_value=YEAR_1_MS, max_value=YEAR_9999_MS))
def test_every_written_time_reads_back(time_ms: int) -> None:
    assert parse_rfc3339(rfc3339(time_ms)) == time_ms
    assert rfc3339_second(rfc3339(time_ms)) == time_ms // 1000


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-24T09:30:00+01:30", "2026-11-24T08:00:00Z"),
        ("2026-11-23T22:00:00-10:00", "2026-11-24T08:00:00Z"),
        ("2026-11-24t08:00:00z", "2026-11-24T08:00:00Z"),
        ("2026-11-24 08:00:00Z", "2026-11-24T08:00:00Z"),
        ("2026-11-24T08:00:00.5Z", "2026-11-24T08:00:00.500Z"),
        ("2026-11-24T08:00:00.123999999Z", "2026-11-24T08:00:00.123Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ],
)
def test_other_spellings_of_a_time(text: str, same: str) -> None:
    assert rfc3339(parse_rfc3339(text)) == same
    assert rfc3339_second(text) == parse_rfc3339(same) // 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-24",
        "2026-11-24T08:00:00",
        "2026-11-24T08:00Z",
        "2026-W48-2T08:00:00Z",
        "20261124T080000Z",
        "2026-02-29T08:00:00Z",
        "2026-13-01T08:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T08:60:00Z",
        "2026-11-24T08:00:61Z",
        "2026-11-24T08:00:00+24:00",
        "2026-11-24T08:00:00.Z",
        "9999-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:60Z",
        "2026-11-24T08:00:00Z\n",
        "٢٠٢٦-11-24T08:00:00Z",
    ],
)
def test_what_is_no_time_is_refused_with_a_cure(text: str) -> None:
    assert rfc3339_second(text) is None
    with pytest.raises(ValueError, match="write it like 2026-11-24T08:00:00Z"):
        parse_rfc3339(text)


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(["seconds", "milliseconds"]))
def test_times_agree_with_the_standard_library(moment: datetime, precision: str) -> None:
    text = moment.isoformat(timespec=precision)
    expected = datetime.fromisoformat(text)
    assert parse_rfc3339(text) == round(expected.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("now", NOW_MS),
        ("1h", NOW_MS - 3_600_000),
        (" 90s ", NOW_MS - 90_000),
        ("2026-11-24T08:00:01Z", NOW_MS + 1000),
        ("999999999999d", 0),
    ],
)
def test_a_point_in_time_for_the_command_line(text: str, time_ms: int) -> None:
    assert parse_time(text, NOW_MS) == time_ms


@pytest.mark.parametrize("text", ["", "tomorrow", "3", "2026-11-24"])
def test_an_unreadable_point_in_time_names_every_way_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r'is not a time: .*Z, or say how long ago, .* or "now"'):
        parse_time(text, NOW_MS)


def test_a_point_in_time_that_does_not_exist_says_so() -> None:
    with pytest.raises(ValueError, match="is not a time that exists"):
        parse_time("2026-02-30T00:00:00Z", NOW_MS)


@pytest.mark.parametrize(
    ("counts", "percent", "bound"),
    [
        ((), 50, None),
        ((0,) * 12, 50, None),
        ((1,), 50, 10),
        ((1,), 0, 10),
        ((0, 0, 1), 99, 50),
        ((50, 50), 50, 10),
        ((50, 50), 50.1, 25),
        ((98, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1), 99, 30_000),
        ((98, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1), 100, inf),
    ],
)
def test_a_percentile_is_the_bound_of_its_bucket(
    counts: tuple[int, ...], percent: float, bound: float | None
) -> None:
    assert percentile(counts, percent) == bound


@given(st.lists(st.integers(0, 40_000), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_next_bound_above_that_of_the_durations(
    durations: list[int], percent: int
) -> None:
    bounds = [*LATENCIES_MS, inf]
    counts = [0] * len(bounds)
    for duration in durations:
        counts[bisect_left(bounds, duration)] += 1
    ranked = sorted(durations)[-(-len(durations) * percent // 100) - 1]
    assert percentile(counts, percent) == bounds[bisect_left(bounds, ranked)]
