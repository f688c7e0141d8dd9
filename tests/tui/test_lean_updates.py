"""A repaint of parts of lines shows what Textual's own shows, in fewer bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from bench.terminal import Cells
from tui.lean_updates import LeanUpdate

WIDTH, HEIGHT, CUT = 40, 3, 17
ENDS = [[CUT, WIDTH]] * HEIGHT
CONSOLE = Console(color_system="truecolor", force_terminal=True)
WHOLE = [(y, 0, WIDTH) for y in range(HEIGHT)]
SPANS = st.lists(
    st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), st.integers(1, WIDTH)).filter(
        lambda span: span[1] < span[2]
    ),
    min_size=1,
    max_size=4,
)


def lines(letter: str) -> list[dict[int, Strip | None]]:
    """Lines on which two widgets meet, all of one letter."""
    left, right = (Strip([Segment(letter * width)]) for width in (CUT, WIDTH - CUT))
    return [{0: left, CUT: right} for _ in range(HEIGHT)]


@given(SPANS)
def test_the_dirty_columns_and_no_others_are_written(spans: list[tuple[int, int, int]]) -> None:
    cells = Cells((WIDTH, HEIGHT))
    cells.feed(ChopsUpdate(lines("a"), WHOLE, ENDS).render_segments(CONSOLE).encode())
    lean = LeanUpdate(lines("b"), spans, ENDS).render_segments(CONSOLE)
    cells.feed(lean.encode())
    dirty = {(x, y) for y, left, right in spans for x in range(left, right)}
    expected = [
        "".join("b" if (x, y) in dirty else "a" for x in range(WIDTH)) for y in range(HEIGHT)
    ]
    assert cells.text.split("\n") == expected
    assert len(lean) <= len(ChopsUpdate(lines("b"), spans, ENDS).render_segments(CONSOLE))
