"""How long the screen pauses after it wrote much."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from tests.store.helpers import Desk, fields
from tests.tui.helpers import Bench, screen_text
from tui.ink import A_SECOND, LONGEST_PAUSE_S, SAVED, Ink
from tui.state.live_report import LOOK_S


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


def test_what_the_admin_asked_for_costs_no_pause() -> None:
    ink = Ink(Seconds())
    ink.is_asked()
    ink.spend(1_000_000)
    assert ink.pause_s() == 0
    ink.is_unasked()
    ink.spend(SAVED + A_SECOND)
    assert ink.pause_s() == pytest.approx(1)


def test_one_pause_pays_for_however_much_was_written() -> None:
    seconds = Seconds()
    ink = Ink(seconds)
    ink.spend(1_000_000)
    seconds.now_s += LONGEST_PAUSE_S
    assert ink.pause_s() == 0


def test_what_keys_paint_is_asked_for(three: Bench) -> None:
    async def scene() -> None:
        async with three.running() as (app, pilot):
            await pilot.pause()
            assert app._following is not None
            app._following.cancel()  # it paints as time passes
            for _ in range(5):
                await pilot.press("3", "1")
            assert app.live.pause_s == LOOK_S
            app.live.ink.spend(1_000_000)
            assert app.live.pause_s == LOOK_S

    asyncio.run(scene())


def test_what_the_screen_paints_by_itself_is_not(three: Bench) -> None:
    other = three.opened.sibling()

    async def scene() -> None:
        async with three.running() as (app, pilot):
            await pilot.press("3", "1")
            Desk(other).add(fields(name="new"))
            while "new" not in screen_text(app):
                await pilot.pause(0.01)
            app.live.ink.spend(1_000_000)
            assert app.live.pause_s > 1

    asyncio.run(scene())
    other.close()


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
