"""A repaint shows what Textual's own shows, in fewer bytes."""

from __future__ import annotations

import asyncio
import re

from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from bench.screen.terminal import Cells
from tests.support.apps import Bench
from tui.terminal.updates import LeanUpdate

WIDTH, HEIGHT, CUT = 40, 3, 17
ENDS = [[CUT, WIDTH]] * HEIGHT
CONSOLE = Console(color_system="truecolor", force_terminal=True)
TRUECOLOR = ColorSystem.TRUECOLOR
WHOLE = [(y, 0, WIDTH) for y in range(HEIGHT)]
DIM, LOUD = (Style(color=color, bgcolor="#101010") for color in ("#a0a0a0", "#e0e0e0"))
BOLD = Style(color="#e0e0e0", bgcolor="#202020", bold=True)
STYLES = (None, DIM, LOUD, BOLD, Style(bold=True), Style(color="#a0a0a0"), Style(reverse=True))
SPANS = st.lists(
    st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), st.integers(1, WIDTH)).filter(
        lambda span: span[1] < span[2]
    ),
    min_size=1,
    max_size=4,
)


def lines(letter: str) -> list[dict[int, Strip | None]]:
    """Lines on which two widgets meet, all of one letter."""
    left = Strip([Segment(letter * (CUT - 1), DIM), Segment(letter, LOUD)])
    right = Strip([Segment(letter * (WIDTH - CUT), LOUD)])
    return [{0: left, CUT: right} for _ in range(HEIGHT)]


def shown(*written: str) -> list[str]:
    """The lines of a terminal that got this."""
    cells = Cells((WIDTH, HEIGHT))
    for one in written:
        cells.feed(one.encode())
    return cells.text.split("\n")


class Painted(Cells):
    """Cells that know their colours too."""

    def __init__(self) -> None:
        self.inks: dict[tuple[int, int], tuple[str, dict[str, str]]] = {}
        self._ink: dict[str, str] = {}
        super().__init__((WIDTH, HEIGHT))

    def _obey(self, found: re.Match[str]) -> None:
        super()._obey(found)
        if found["final"] == "m":
            for said in re.findall(r"[34]8;2(?:;\d+){3}|\d+", found["numbers"]):
                self._ink = {} if said == "0" else {**self._ink, said.split(";")[0]: said}

    def _put_one(self, character: str) -> None:
        self.inks[self._x, self._y] = (character, self._ink)
        super()._put_one(character)


def painted(written: str) -> dict[tuple[int, int], tuple[str, dict[str, str]]]:
    """Return what a terminal that got this shows at each place, and its colours."""
    cells = Painted()
    cells.feed(written.encode())
    return cells.inks


@given(SPANS)
def test_the_dirty_columns_and_no_others_are_written(spans: list[tuple[int, int, int]]) -> None:
    before = ChopsUpdate(lines("a"), WHOLE, ENDS).render_segments(CONSOLE)
    update = ChopsUpdate(lines("b"), spans, ENDS)
    lean = LeanUpdate(update).render_segments(CONSOLE)
    dirty = {(x, y) for y, left, right in spans for x in range(left, right)}
    assert shown(before, lean) == [
        "".join("b" if (x, y) in dirty else "a" for x in range(WIDTH)) for y in range(HEIGHT)
    ]
    assert len(lean) <= len(update.render_segments(CONSOLE))


def test_lines_that_a_smaller_terminal_has_lost_are_left_out() -> None:
    update = ChopsUpdate(lines("n"), [(-1, 0, WIDTH), (1, 0, WIDTH), (HEIGHT, 0, WIDTH)], ENDS)
    assert shown(LeanUpdate(update).render_segments(CONSOLE)) == ["", "n" * WIDTH, ""]


def test_a_whole_screen_is_the_same_and_says_each_colour_once_in_a_row() -> None:
    strips = [[strip for strip in line.values() if strip is not None] for line in lines("c")]
    update = LayoutUpdate([*strips], Region(0, 0, WIDTH, HEIGHT))
    stock, lean = (one.render_segments(CONSOLE) for one in (update, LeanUpdate(update)))
    assert shown(lean) == shown(stock)
    assert (stock.count("\x1b[38"), lean.count("\x1b[38")) == (3 * HEIGHT, 2 * HEIGHT)


@given(st.lists(st.sampled_from(STYLES), min_size=1, max_size=HEIGHT))
def test_colours_are_those_of_textual(styles: list[Style | None]) -> None:
    strips = [[Strip([Segment("ab", style)])] for style in styles]
    update = LayoutUpdate([*strips], Region(0, 0, 2, len(styles)))
    spans = [(y, 0, 2) for y in range(len(styles))]
    chops = ChopsUpdate([{0: strip} for (strip,) in strips], spans, [[2]] * len(styles))
    stock = update.render_segments(CONSOLE)
    assert painted(stock) == painted(LeanUpdate(update).render_segments(CONSOLE))
    assert painted(stock) == painted(LeanUpdate(chops).render_segments(CONSOLE))


def test_colours_are_taken_back_only_where_the_next_ones_do_not_cover_them() -> None:
    strip = Strip([Segment("a", DIM), Segment("b", BOLD), Segment("c", LOUD), Segment("d")])
    update = LayoutUpdate([[strip]], Region(0, 0, 4, 1))
    written = LeanUpdate(update).render_segments(CONSOLE)
    colours = (Strip([Segment("", one)]).render_ansi(one, TRUECOLOR) for one in (DIM, BOLD, LOUD))
    dim, bold, loud = colours
    assert written == f"\x1b[{dim}m\x1b[1;1Ha\x1b[{bold}mb\x1b[0;{loud}mc\x1b[0md"


def test_counters_on_many_lines_say_each_colour_once() -> None:
    spans = [(y, x, x + 1) for y in range(HEIGHT) for x in (3, CUT + 9, CUT + 12)]
    written = LeanUpdate(ChopsUpdate(lines("d"), spans, ENDS)).render_segments(CONSOLE)
    assert written.count("\x1b[38") == 2
    assert written.count("H") == 2 * HEIGHT
    assert written.count("G") == HEIGHT


def test_a_picture_of_the_screen_shows_what_is_on_it(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, _):
            picture, simple = (app.export_screenshot(simplify=one) for one in (False, True))
            assert "Webhooks" in picture
            assert "Webhooks" in simple
            assert "LeanUpdate" not in picture

    asyncio.run(scene())
