"""The terminal is asked for as much of the mouse as the setting says."""

from __future__ import annotations

import pytest

from tests.support.program import Tocsin
from tests.support.terminals import on_terminal

PRESSES, DRAGS, MOVES = b"\x1b[?1000h", b"\x1b[?1002h", b"\x1b[?1003h"
MODES = {"off": set(), "clicks": {PRESSES, DRAGS}, "all": {PRESSES, MOVES}}


@pytest.mark.parametrize("command", [(), ("demo",)], ids=["screen", "demo"])
@pytest.mark.parametrize("mode", ["", *MODES])
def test_what_is_asked_for(tocsin: Tocsin, command: tuple[str, ...], mode: str) -> None:
    flag = (*command, "--mouse", mode) if mode else command
    with on_terminal(tocsin, *flag) as terminal:
        terminal.read_until("Webhooks")
        written = b"".join(chunk.data for chunk in terminal.chunks)
        terminal.send("\x11")
        terminal.end()
    asked = {one for one in (PRESSES, DRAGS, MOVES) if one in written}
    assert asked == MODES[mode or "clicks"]


def test_a_click_does_what_its_words_say(tocsin: Tocsin) -> None:
    with on_terminal(tocsin) as terminal:
        terminal.read_until("+ add (a)")
        row, line = next(
            (row, line)
            for row, line in enumerate(terminal.cells.text.split("\n"), 1)
            if "+ add" in line
        )
        place = f"{line.index('+ add') + 1};{row}"
        terminal.send(f"\x1b[<0;{place}M\x1b[<0;{place}m")
        terminal.read_until("Add webhook")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
def test_a_demo_says_so(tocsin: Tocsin, size: tuple[int, int]) -> None:
    with on_terminal(tocsin, "demo", size=size) as terminal:
        terminal.read_until("failing")
        assert "demo" in terminal.cells.text.split("\n")[0]
        terminal.send("2")
        terminal.read_until(lambda text: "Deliveries" in text.split("\n")[0])
        assert "demo" in terminal.cells.text.split("\n")[0]
        terminal.send("\x11")
        terminal.end()
