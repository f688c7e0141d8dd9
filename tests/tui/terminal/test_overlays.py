"""Questions lie over the screen that they are about: it stays seen, and true, around them."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from bench.screen.terminal import Terminal
from tests.support.apps import Bench, screen_text
from tests.support.program import Tocsin
from tests.support.running_worker import opened_desk
from tests.support.stores import fields
from tests.support.terminals import on_terminal
from tui.screens.help import HelpScreen
from tui.terminal.overlays import subtract

REGIONS = st.builds(
    Region, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)
)
DOWN = "\x1b[B"
LATEST_PAINT_S = 1.0
"""By then what was read of the store is painted too."""

KEYS = -1
"""The last line, from which a notice goes by itself."""


def cells(region: Region) -> list[tuple[int, int]]:
    """Every cell of it."""
    return [(x, y) for x in region.column_range for y in region.line_range]


@given(REGIONS, st.lists(REGIONS, max_size=3))
def test_what_is_left_of_a_region_is_all_but_the_holes(region: Region, holes: list[Region]) -> None:
    hidden = {cell for hole in holes for cell in cells(hole)}
    left = [cell for part in subtract(region, holes) for cell in cells(part)]
    assert sorted(left) == sorted(cell for cell in cells(region) if cell not in hidden)


def with_webhooks(tocsin: Tocsin, *names: str) -> None:
    """Let the store have these."""
    with opened_desk(tocsin.db) as desk:
        for name in names:
            desk.add(fields(name=name))


def body(terminal: Terminal) -> list[str]:
    """Return what is shown below the line with the clock."""
    return terminal.cells.text.split("\n")[1:]


def test_a_question_is_opened_and_closed_for_the_bytes_of_its_lines(tocsin: Tocsin) -> None:
    with_webhooks(tocsin, "siem", "pager")
    with on_terminal(tocsin) as terminal:
        terminal.read_until("siem")
        terminal.read_until_quiet(LATEST_PAINT_S)
        before, written = body(terminal), terminal.written
        terminal.send("x")
        terminal.read_until(lambda text: "Delete webhook 1" in text and "y yes  n no" in text)
        terminal.read_until_quiet(0.3)
        assert "siem" in terminal.cells.text
        assert terminal.written - written < 4_000
        written = terminal.written
        terminal.send("h")
        terminal.read_until_quiet(0.3)
        assert terminal.written - written < 1_000
        written = terminal.written
        terminal.send("n")
        terminal.read_until(lambda text: text.split("\n")[1:] == before)
        terminal.read_until_quiet(0.3)
        assert body(terminal) == before
        assert terminal.written - written < 4_000


def test_what_changes_behind_a_question_is_shown_at_once(tocsin: Tocsin) -> None:
    with_webhooks(tocsin, "siem")
    with on_terminal(tocsin) as terminal:
        terminal.read_until("siem")
        terminal.send("x")
        terminal.read_until("Delete webhook 1")
        with_webhooks(tocsin, "pager")
        terminal.read_until(lambda text: "pager" in text and "Delete webhook 1" in text)
        assert "Webhooks ── 2" in terminal.cells.text
        terminal.send("n")
        terminal.read_until(lambda text: "pager" in text and "Delete webhook 1" not in text)


def test_keys_right_behind_that_of_a_question_leave_no_old_row(tocsin: Tocsin) -> None:
    with_webhooks(tocsin, *(f"hook-{number}" for number in range(9)))
    with on_terminal(tocsin) as terminal:
        terminal.read_until("hook-8")
        terminal.read_until_quiet(LATEST_PAINT_S)
        terminal.send(f"xn{DOWN}xy{DOWN}xnxn{DOWN}")
        terminal.read_until("Webhooks ── 8")
        terminal.read_until_quiet(LATEST_PAINT_S)
        shown = body(terminal)
        terminal.resize((81, 24))
        terminal.read_until_quiet(LATEST_PAINT_S)
        terminal.resize((80, 24))
        terminal.read_until_quiet(LATEST_PAINT_S)
        assert body(terminal)[:KEYS] == shown[:KEYS]


def test_a_question_stays_while_the_terminal_becomes_smaller(tocsin: Tocsin) -> None:
    with_webhooks(tocsin, *(f"hook-{number}" for number in range(30)))
    with on_terminal(tocsin, size=(80, 40)) as terminal:
        terminal.read_until("hook-29")
        terminal.send("x")
        terminal.read_until("Delete webhook 1")
        for size in ((80, 24), (80, 40), (60, 16), (120, 40)):
            terminal.resize(size)
            terminal.read_until(
                lambda text: all(one in text for one in ("Webhooks ── 30", "Delete webhook 1"))
            )
        terminal.send("n")
        terminal.read_until(lambda text: "hook-29" in text and "Delete webhook 1" not in text)


@pytest.mark.parametrize("asked", ["", "x"], ids=["alone", "with a question"])
def test_all_is_painted_when_the_app_is_in_the_foreground_again(tocsin: Tocsin, asked: str) -> None:
    with_webhooks(tocsin, "siem")
    with on_terminal(tocsin) as terminal:
        terminal.read_until("siem")
        terminal.send(asked)
        terminal.read_until(lambda text: not asked or "y yes  n no" in text)
        terminal.read_until_quiet(LATEST_PAINT_S)
        before = body(terminal)
        terminal.process.send_signal(signal.SIGTSTP)
        _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        terminal.read_until_quiet(0.1)
        terminal.cells.resize((80, 24))  # the shell has it
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read_until(lambda text: text.split("\n")[1:] == before)
        assert "Webhooks" in terminal.cells.text.split("\n")[0]


def test_a_question_that_is_covered_comes_back_with_its_screen(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("x")
            await pilot.pause()
            before = screen_text(app)
            app.push_screen(HelpScreen(app.screen))
            await pilot.pause()
            assert "siem" not in screen_text(app)
            bench.store.add(fields(name="pager"))
            await bench.settle(app, pilot)
            await pilot.press("q")
            await pilot.pause()
            assert "siem" in before
            assert "pager" not in before
            assert "pager" in screen_text(app)

    asyncio.run(scene())
