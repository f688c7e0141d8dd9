"""Text as it is sent, folded at the width of the pane."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App
from textual.containers import VerticalScroll
from textual.widget import Widget

from tui.widgets.raw_text import FOLD, RawText, folded


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


class HiddenPane(App[None]):
    """A pane that nobody sees at first."""

    CSS = "RawText { height: auto; }"

    def compose(self) -> Iterable[Widget]:
        with VerticalScroll(id="pane"):
            yield RawText(id="text")

    def on_mount(self) -> None:
        self.query_one("#pane").display = False


def test_a_large_text_that_was_set_while_hidden_is_shown() -> None:
    async def scene() -> None:
        app = HiddenPane()
        async with app.run_test(size=(80, 24)) as pilot:
            raw = app.query_one(RawText)
            raw.show_text("x" * 3_000)
            await pilot.pause()
            app.query_one("#pane").display = True
            await pilot.pause()
            assert raw.size.height > 3_000 // 80
            lines = app.screen._compositor.render_strips()
            assert sum(strip.text.count("x") for strip in lines) > 20 * 70

    asyncio.run(scene())
