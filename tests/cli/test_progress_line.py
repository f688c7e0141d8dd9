"""Progress on a terminal that takes nothing, is gone, or does not say how wide it is."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import termios
from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from cli.output import Output, ProgressLine
from tests.support.waiting import PATIENCE_S, eventually


class Screen:
    """A terminal that has no other size than none, and the program's end of it."""

    def __init__(self) -> None:
        self.person, self.program = pty.openpty()
        program = os.fdopen(os.dup(self.program), "wb", 0)
        self._stderr = io.TextIOWrapper(program, encoding="utf-8", line_buffering=True)
        self.out = Output(self._stderr, self._stderr, None)
        self.shown = ""

    def shows(self, text: str) -> bool:
        """Read what has come; return whether the text is in it."""
        os.set_blocking(self.person, False)
        with contextlib.suppress(BlockingIOError):
            self.shown += os.read(self.person, 65_536).decode()
        return text in self.shown

    def hang_up(self) -> None:
        """Take the terminal away."""
        os.close(self.person)
        self.person = os.open(os.devnull, os.O_RDONLY)

    def close(self) -> None:
        self._stderr.close()
        for end in (self.person, self.program):
            os.close(end)


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


def works(function: Callable[[], None]) -> bool:
    """Run a function in a thread of its own; return whether it ends."""
    thread = Thread(target=function, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    return not thread.is_alive()


def test_a_terminal_without_a_width_shows_the_whole_line(screen: Screen) -> None:
    assert fcntl.ioctl(screen.program, termios.TIOCGWINSZ, bytes(8)) == bytes(8)
    with ProgressLine(screen.out, "the store is being upgraded") as line:
        line.show(39, "its events")
        whole = "\rthe store is being upgraded: 39 %, its events\x1b[K"
        eventually(lambda: screen.shows(whole), "the line is drawn")
    eventually(lambda: screen.shows("\r\x1b[K"), "the line goes")


def test_a_stopped_terminal_stops_nobody_and_then_shows_the_newest(screen: Screen) -> None:
    line = ProgressLine(screen.out, "upgraded")

    def work() -> None:
        for percent in range(100):
            line.show(percent, "its events")

    termios.tcflow(screen.program, termios.TCOOFF)  # as Ctrl+S does
    try:
        assert works(work)
    finally:
        termios.tcflow(screen.program, termios.TCOON)
    eventually(lambda: screen.shows("99 %"), "the newest is drawn")
    assert screen.shown.count("\r") <= 2
    line.__exit__()
    eventually(lambda: screen.shows("\r\x1b[K"), "the line goes")


def test_the_end_does_not_wait_for_a_stopped_terminal(screen: Screen) -> None:
    def work() -> None:
        with ProgressLine(screen.out, "upgraded") as line:
            line.show(1, "its events")

    termios.tcflow(screen.program, termios.TCOOFF)
    try:
        assert works(work)
    finally:
        termios.tcflow(screen.program, termios.TCOON)
    eventually(lambda: screen.shows("\r\x1b[K"), "the line goes")


def test_a_terminal_that_goes_away_is_no_failure(screen: Screen) -> None:
    with ProgressLine(screen.out, "upgraded") as line:
        line.show(1, "its events")
        eventually(lambda: screen.shows("1 %"), "the line is drawn")
        screen.hang_up()
        line.show(2, "its events")
    screen.out.note("it is done")
