"""Text as it is sent, folded at the width of the pane."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.widgets.raw_text import FOLD, folded


def test_a_line_is_folded_at_the_width_and_not_at_blanks() -> None:
    text = '[{"a": "one two three four"}]'
    assert folded(text, 12).plain.split("\n") == ['[{"a": "one ', "↪ two three ", '↪ four"}]']


def test_a_break_in_the_text_has_no_mark() -> None:
    assert folded("one\ntwo", 12).plain == "one\ntwo"


@given(st.text(st.characters(exclude_categories=("C", "M", "Zl", "Zp"))), st.integers(6, 40))
def test_folding_changes_no_letter_and_fits(text: str, width: int) -> None:
    lines = folded(text, width).plain.split("\n")
    parts = [line.removeprefix(FOLD) if number else line for number, line in enumerate(lines)]
    if "↪" not in text:
        assert "".join(parts) == text
    assert all(cell_len(line) <= width for line in lines)
