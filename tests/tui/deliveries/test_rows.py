"""Rows of deliveries, in the room that there is."""

from __future__ import annotations

import pytest

from tui.cells import Column, fit_columns
from tui.deliveries.rows import ATTEMPT_COLUMNS, columns

LONGEST = "CA file · next in 23:59:59"
BORDERS = 4
"""Columns of the terminal that a panel and its table keep for themselves."""


def width_of(key: str, every: tuple[Column, ...], terminal: int) -> int:
    shown = fit_columns(every, terminal - BORDERS)
    assert sum(one.width for one in shown) + len(shown) - 1 <= terminal - BORDERS
    return next(one.width for one in shown if one.column.key == key)


@pytest.mark.parametrize("of_one", [True, False])
@pytest.mark.parametrize("terminal", [60, 72, 77, 78, 80, 92, 100, 108, 120, 128, 140])
def test_a_countdown_is_never_cut(terminal: int, of_one: bool) -> None:
    assert width_of("result", columns(of_one=of_one), terminal) >= len(LONGEST)


@pytest.mark.parametrize("pane", [60, 80])
def test_a_common_answer_to_an_attempt_is_not_cut(pane: int) -> None:
    room = width_of("result", ATTEMPT_COLUMNS, pane)
    assert room >= len("✗ 503 Service Unavailable")
