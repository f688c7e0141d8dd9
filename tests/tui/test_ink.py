"""How long the screen pauses after it wrote much."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tui.ink import A_SECOND, LONGEST_PAUSE_S, SAVED, Ink


@dataclass
class Seconds:
    """A monotonic clock that only the test moves."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_screenful_after_a_quiet_time_needs_no_pause() -> None:
    ink = Ink(Seconds())
    ink.spend(SAVED)
    assert ink.pause_s() == 0


def test_what_was_written_beyond_it_is_waited_for() -> None:
    seconds = Seconds()
    ink = Ink(seconds)
    ink.spend(SAVED + A_SECOND)
    assert ink.pause_s() == pytest.approx(1)
    seconds.now_s += 0.75
    assert ink.pause_s() == pytest.approx(0.25)
    seconds.now_s += 60
    ink.spend(SAVED + A_SECOND)
    assert ink.pause_s() == pytest.approx(1)


def test_however_much_was_written_a_pause_ends_soon() -> None:
    ink = Ink(Seconds())
    ink.spend(1_000_000)
    assert ink.pause_s() == LONGEST_PAUSE_S


def test_the_first_paint_is_forgiven() -> None:
    ink = Ink(Seconds())
    ink.spend(1_000_000)
    ink.forgive()
    assert ink.pause_s() == 0


def test_over_a_long_time_no_more_is_written_than_a_line_carries() -> None:
    seconds = Seconds()
    ink = Ink(seconds)
    written = 0
    while seconds.now_s < 160:
        ink.spend(1_500)
        written += 1_500
        seconds.now_s += max(0.25, ink.pause_s())
    assert written / 60 == pytest.approx(A_SECOND, rel=0.1)
