"""The boxes of a form by their keys: taking back, both ends, and where the cursor starts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget

from tui.widgets.inputs import NameValueBox, TextBox, VisibleInput

LINES = "A: 1\nB: 2"
TALL = "\n".join(f"X-{number}: {number}" for number in range(20))


class Boxes(App[None]):
    """One box of each kind, on a terminal."""

    CSS = "NameValueBox { height: 4; }"

    def compose(self) -> Iterator[Widget]:
        yield NameValueBox(LINES)
        yield TextBox("siem")
        yield VisibleInput("name:siem", id="filter")


def play(scene: Callable[[Boxes, Pilot[None]], Awaitable[None]]) -> None:
    async def run() -> None:
        app = Boxes()
        async with app.run_test(size=(40, 12)) as pilot:
            await scene(app, pilot)

    asyncio.run(run())


@pytest.mark.parametrize("keys", [("ctrl+z",), ("ctrl+z", "ctrl+y", "ctrl+z")])
def test_what_is_taller_than_the_box_is_taken_back(keys: tuple[str, ...]) -> None:
    async def scene(app: Boxes, pilot: Pilot[None]) -> None:
        box = app.query_one(NameValueBox)
        box.focus()
        await pilot.pause()
        box.insert(f"\n{TALL}")
        await pilot.pause()
        await pilot.press(*keys)
        assert box.text == LINES
        assert box.cursor_location == box.document.end

    play(scene)


def test_a_deletion_that_is_made_again_leaves_the_cursor_on_a_line() -> None:
    async def scene(app: Boxes, pilot: Pilot[None]) -> None:
        box = app.query_one(NameValueBox)
        box.text = TALL
        box.focus()
        await pilot.press("f7", "backspace", "ctrl+z", "ctrl+y")
        assert (box.text, box.cursor_location) == ("", (0, 0))

    play(scene)


@pytest.mark.parametrize("kind", [NameValueBox, TextBox, VisibleInput])
def test_the_cursor_starts_behind_what_is_there(kind: type[Widget]) -> None:
    async def scene(app: Boxes, pilot: Pilot[None]) -> None:
        box = app.query_one(kind)
        before = text_of(box)
        box.focus()
        await pilot.press("x")
        assert text_of(box) == f"{before}x"

    play(scene)


@pytest.mark.parametrize("kind", [NameValueBox, TextBox, VisibleInput])
def test_both_ends_of_what_is_there_have_a_key(kind: type[Widget]) -> None:
    async def scene(app: Boxes, pilot: Pilot[None]) -> None:
        box = app.query_one(kind)
        before = text_of(box)
        box.focus()
        await pilot.press("ctrl+home", "x", "ctrl+end", "y")
        assert text_of(box) == f"x{before}y"

    play(scene)


def test_whoever_comes_back_to_a_box_goes_on_where_they_were() -> None:
    async def scene(app: Boxes, pilot: Pilot[None]) -> None:
        box = app.query_one(NameValueBox)
        box.focus()
        await pilot.press("ctrl+home", "tab", "shift+tab", "x")
        assert box.text == f"x{LINES}"

    play(scene)


STEPS = ("paste", "type", "undo", "redo", "clear", "put", "delete", "move")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 12)), max_size=30))
def test_whatever_is_done_and_taken_back_ends_where_it_began(steps: list[tuple[str, int]]) -> None:
    async def scene(app: Boxes, pilot: Pilot[None]) -> None:
        box = app.query_one(NameValueBox)
        box.focus()
        await pilot.pause()
        for name, count in steps:
            step(box, name, count)
            assert box.wrapped_document.height == box.document.line_count
        while box.history.undo_stack:
            box.undo()
        assert box.text == LINES

    play(scene)


def step(box: NameValueBox, name: str, count: int) -> None:
    """Do one of the things that a box can."""
    text = "\n".join(f"k: {number}" for number in range(count))
    actions: dict[str, Callable[[], object]] = {
        "paste": lambda: box.insert(text),
        "type": lambda: box.insert("v"),
        "undo": box.action_undo,
        "redo": box.action_redo,
        "clear": lambda: box.replace("", box.document.start, box.document.end),
        "put": lambda: box.put(text),
        "delete": box.action_delete_left,
        "move": lambda: box.move_cursor((count, count)),
    }
    actions[name]()


def text_of(box: Widget) -> str:
    """Return the text in a box of any kind."""
    return box.text if isinstance(box, NameValueBox) else box.value  # type: ignore[attr-defined]
