"""JSON to look at: what a line shows, opening and folding, and texts meant to do harm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from domain.safe import safe
from tests.support.program import ROOT
from tui.widgets.json_tree import MOST_LINES, JsonTree
from tui.widgets.json_view import JsonView

TWO_EVENTS = (
    b'[{"attributes":{"rx_delta":748},"id":"GH468jtejFr","type":"endpoint_stats"},'
    b'{"attributes":{"rx_delta":749},"id":"GH468jtejFs","type":"endpoint_stats"}]'
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


class Bare(App[None]):
    """Nothing but the view."""

    CSS_PATH = ROOT / "tui" / "app.tcss"

    def compose(self) -> ComposeResult:
        yield JsonView()


@asynccontextmanager
async def showing(
    data: bytes, size: tuple[int, int] = (60, 20)
) -> AsyncIterator[tuple[JsonView, Pilot[None]]]:
    app = Bare()
    async with app.run_test(size=size) as pilot:
        view = app.query_one(JsonView)
        view.focus()
        view.show_json(data)
        await pilot.pause()
        yield view, pilot


def text_of(view: JsonView) -> list[str]:
    """The lines that hold something, without colours and indentation at their ends."""
    lines = [view.render_line(y).text.rstrip() for y in range(view.size.height)]
    return [line for line in lines if line]


def test_numbers_and_strings_keep_their_spelling() -> None:
    tree = JsonTree(b'{"price":10.10,"zero":-0,"big":1E400,"text":"caf\\u00e9 \xc3\xa9"}')
    assert [node.text for node in tree.lines[1:]] == [
        "10.10",
        "-0",
        "1E400",
        '"caf\\u00e9 é"',
    ]


def test_a_search_opens_what_holds_the_text_and_begins_again_at_the_top() -> None:
    tree = JsonTree(TWO_EVENTS)
    assert len(tree.lines) == 3
    first = tree.find("RX_delta", 0)
    assert first is not None
    assert tree.lines[first].text == "748"
    second = tree.find("rx_delta", first + 1)
    assert second is not None
    assert tree.lines[second].text == "749"
    assert tree.find("rx_delta", second + 1) == first
    assert tree.find("rx_gamma", second + 1) is None


def test_a_search_looks_into_a_line_that_was_folded_again() -> None:
    tree = JsonTree(TWO_EVENTS)
    tree.find("748", 0)
    tree.fold(1)
    found = tree.find("748", 2)
    assert found is not None
    assert tree.lines[found].label == "rx_delta: "


def test_a_search_tells_which_of_how_many_it_is_on() -> None:
    tree = JsonTree(TWO_EVENTS)
    assert tree.count("rx_delta", 0) == (0, 2)
    first = tree.find("rx_delta", 0)
    assert first is not None
    assert tree.count("rx_delta", first) == (1, 2)
    second = tree.find("rx_delta", first + 1)
    assert second is not None
    assert tree.count("rx_delta", second) == (2, 2)
    assert tree.count("rx_gamma", 0) == (0, 0)


def test_a_search_finds_what_a_long_text_ends_with() -> None:
    tree = JsonTree(b'{"a":"' + b"x" * 5_000 + b'needle","b":1}')
    assert tree.find("needle", 0) == 1


def test_an_object_is_shown_open_and_indented() -> None:
    async def scene() -> None:
        async with showing(b'{"a":{"b":[1,true]},"c":null,"d":{}}') as (view, _):
            assert text_of(view) == [
                "▾ {}",
                "  ▾ a: {}",
                "    ▾ b: []",
                "        1",
                "        true",
                "    c: null",
                "    d: {}",
            ]

    asyncio.run(scene())


def test_a_list_of_events_is_folded_to_type_and_id() -> None:
    async def scene() -> None:
        async with showing(TWO_EVENTS) as (view, pilot):
            assert text_of(view)[1:] == [
                "  ▸ {} endpoint_stats GH468jtejFr",
                "  ▸ {} endpoint_stats GH468jtejFs",
            ]
            await pilot.press("down", "enter")
            assert text_of(view)[2:4] == [
                '    ▸ attributes: {"rx_delta":748}',
                '      id: "GH468jtejFr"',
            ]
            await pilot.press("enter")
            assert len(text_of(view)) == 3

    asyncio.run(scene())


def test_a_step_paints_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with showing(TWO_EVENTS) as (view, pilot):
            painted: list[int] = []
            refresh = view.refresh

            def noted(*regions: Region) -> JsonView:
                painted.append(sum(region.height for region in regions))
                return refresh(*regions)

            monkeypatch.setattr(view, "refresh", noted)
            await pilot.press("down")
            assert painted == [1, 1]

    asyncio.run(scene())


def test_plus_opens_all_and_minus_folds_all() -> None:
    async def scene() -> None:
        async with showing(TWO_EVENTS) as (view, pilot):
            await pilot.press("down", "plus")
            assert sum("rx_delta" in line for line in text_of(view)) == 2
            assert view.line.raw.startswith(b'{"attributes":{"rx_delta":748}')
            await pilot.press("minus")
            assert len(text_of(view)) == 3

    asyncio.run(scene())


def test_a_click_folds_a_line() -> None:
    async def scene() -> None:
        async with showing(b'{"a":{"b":1}}') as (view, pilot):
            await pilot.click(JsonView, offset=(6, 1))
            assert text_of(view)[1:] == ['  ▸ a: {"b":1}']

    asyncio.run(scene())


def test_left_folds_and_then_goes_up() -> None:
    async def scene() -> None:
        async with showing(b'{"a":{"b":1}}') as (view, pilot):
            await pilot.press("end", "left")
            assert view.line.name == "a"
            await pilot.press("left")
            assert not view.line.is_open
            await pilot.press("right")
            assert view.line.is_open

    asyncio.run(scene())


def test_a_long_text_opens_and_is_broken_anew_at_another_width() -> None:
    words = " ".join(f"word{number}" for number in range(40))

    async def scene() -> None:
        async with showing(json.dumps({"text": words}).encode()) as (view, pilot):
            assert text_of(view)[1].endswith("…")
            await pilot.press("down", "enter")
            assert "".join(line[6:] for line in text_of(view)[2:]).replace(" ", "") == (
                words.replace(" ", "")
            )
            before = len(text_of(view))
            await pilot.resize_terminal(100, 20)
            await pilot.pause()
            assert len(text_of(view)) < before
            assert not any(line.endswith("…") for line in text_of(view)[2:])

    asyncio.run(scene())


def test_what_is_no_json_is_shown_as_text() -> None:
    async def scene() -> None:
        async with showing(b"<html>\r\n\t<b>busy</b>\xff") as (view, _):
            assert text_of(view) == ["  <html>", "      <b>busy</b>\\xff"]

    asyncio.run(scene())


def test_a_thousand_events_are_one_line_each_and_nothing_more_is_read() -> None:
    events = [{"type": "alerts", "id": f"e{n}", "attributes": {"n": n}} for n in range(1_000)]
    tree = JsonTree(json.dumps(events).encode())
    assert len(tree.lines) == 1_001
    assert not any(node.is_open for node in tree.lines[1:])


def test_opening_all_ends_somewhere() -> None:
    tree = JsonTree(json.dumps([[[0] * 900] * 2] * 100).encode())
    tree.open_all()
    assert MOST_LINES - 1_000 < len(tree.lines) < MOST_LINES + 1_000


def test_deep_nesting_is_no_bug() -> None:
    tree = JsonTree(b"[" * 100_000 + b"]" * 100_000)
    assert tree.lines[0].kind == "text"


@given(st.binary())
def test_any_bytes_can_be_shown(data: bytes) -> None:
    tree = JsonTree(data)
    for node in tree.lines:
        shown = node.label + node.text
        assert safe(shown, len(shown)) == shown


@given(JSON_VALUES)
def test_opening_undoes_folding(value: object) -> None:
    tree = JsonTree(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    tree.open_all()
    opened = [node.raw for node in tree.lines]
    for index, node in enumerate(list(tree.lines)):
        if node.is_open and node.kind != "string":
            tree.fold(index)
            assert len(tree.lines) < len(opened)
            tree.open_all()
            assert [one.raw for one in tree.lines] == opened
