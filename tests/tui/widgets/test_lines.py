"""Only what changed on a line is painted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.cells import fit
from tui.widgets.lines import LEAST_GAP, changed_regions

RED = Style(color="red")
TEXTS = st.text(st.sampled_from("ab 漢é›"), max_size=60)
WIDTH = 90


def line(text: str, style: Style | None = None) -> Strip:
    return Strip([Segment(fit(text, WIDTH), style)])


def columns(strip: Strip, start: int, end: int) -> str:
    return strip.crop(start, end).text


def test_nothing_changed_is_nothing_painted() -> None:
    assert changed_regions(line("siem 0:12"), line("siem 0:12"), 3) == []


def test_a_countdown_is_one_small_region() -> None:
    [region] = changed_regions(line("漢 siem 0:12"), line("漢 siem 0:09"), 3)
    assert (region.x, region.y, region.width, region.height) == (10, 3, 2, 1)


def test_another_colour_is_a_change() -> None:
    [region] = changed_regions(line("x"), line("x", RED), 0)
    assert region.width == WIDTH


def test_what_is_far_apart_is_painted_apart() -> None:
    before, after = "a" + " " * LEAST_GAP + "b", "c" + " " * LEAST_GAP + "d"
    assert len(changed_regions(line(before), line(after), 0)) == 2
    assert len(changed_regions(line(before[1:]), line(after[1:]), 0)) == 1


@given(TEXTS, TEXTS)
def test_outside_the_regions_both_lines_are_the_same(before: str, after: str) -> None:
    old, new = line(before), line(after)
    assert cell_len(old.text) == cell_len(new.text) == WIDTH
    end = 0
    for region in changed_regions(old, new, 0):
        assert columns(old, end, region.x) == columns(new, end, region.x)
        end = region.right
    assert columns(old, end, WIDTH) == columns(new, end, WIDTH)
