"""How often a list may move."""

from __future__ import annotations

from tests.store.helpers import NOW
from tui.pace import Pace


def test_some_moves_at_once_then_one_in_each_span() -> None:
    pace = Pace(1_000, 3)
    assert [pace.take(NOW) for _ in range(5)] == [True, True, True, False, False]
    assert [pace.take(NOW + ms) for ms in range(0, 3_000, 250)].count(True) == 2


def test_a_quiet_time_saves_no_more_than_that() -> None:
    pace = Pace(1_000, 3)
    pace.take(NOW)
    assert [pace.take(NOW + 60_000) for _ in range(5)].count(True) == 3


def test_a_clock_set_back_neither_floods_nor_mutes() -> None:
    pace = Pace(1_000, 1)
    assert pace.take(NOW)
    assert not pace.take(NOW - 60_000)
    assert pace.take(NOW - 59_000)
