"""Without colours what fails stands out at least as much as what is well."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from rich.segment import Segment

from tests.support.apps import Bench
from tests.support.program import Tocsin
from tests.support.scenes import furnish
from tests.support.terminals import on_terminal
from tui.app import TocsinApp

COLOUR = re.compile(rb"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m")


@pytest.fixture
def furnished(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A store with something of everything, on a terminal whose owner wants no colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    lock = furnish(bench)
    yield bench
    lock.release()


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize(("key", "bad", "well"), [("1", "✗ failing", "✓ active"), ("2", "✗", "✓")])
def test_a_failing_row_is_no_dimmer(
    furnished: Bench, theme: str, key: str, bad: str, well: str
) -> None:
    async def scene() -> None:
        app = furnished.app()
        app.theme = theme
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press(key, "end")  # the cursor has colours of its own
            for _ in range(3):
                await app.workers.wait_for_complete()
                await pilot.pause()
            failing, healthy = segment(app, bad), segment(app, well)
            assert healthy.style is not None
            assert failing.style is not None
            assert failing.style.bold
            assert not failing.style.dim

    asyncio.run(scene())


def segment(app: TocsinApp, start: str) -> Segment:
    """The first piece of the screen that begins so."""
    strips = app.screen._compositor.render_strips()
    return next(one for strip in strips for one in strip if one.text.strip().startswith(start))


def chosen(app: TocsinApp, start: str) -> bool:
    """Return True if what begins so is shown reversed."""
    style = segment(app, start).style
    return style is not None and bool(style.reverse)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "nord", "ansi-dark"])
@pytest.mark.parametrize("keys", [("1",), ("1", "e"), ("2", "b"), ("3",)])
def test_nothing_has_a_colour(furnished: Bench, theme: str, keys: tuple[str, ...]) -> None:
    async def scene() -> None:
        app = furnished.app()
        app.theme = theme
        async with app.run_test(size=(80, 24)) as pilot:
            for key in keys:
                await pilot.press(key)
                await app.workers.wait_for_complete()
                await pilot.pause()
            strips = app.screen._compositor.render_strips()
            styles = [one.style for strip in strips for one in strip if one.style is not None]
            assert not [one for one in styles if one.color or one.bgcolor]
            assert any(one.reverse for one in styles)

    asyncio.run(scene())


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
def test_the_row_under_the_cursor_is_reversed(furnished: Bench, theme: str) -> None:
    async def scene() -> None:
        app = furnished.app()
        app.theme = theme
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("1")
            await pilot.pause()
            assert chosen(app, "✗ failing")
            assert not chosen(app, "✓ active")

    asyncio.run(scene())


def test_the_terminal_is_sent_no_colour(tocsin: Tocsin) -> None:
    with on_terminal(tocsin, NO_COLOR="1", COLORTERM="truecolor") as terminal:
        terminal.read_until("● this terminal")
        written = b"".join(chunk.data for chunk in terminal.chunks)
    assert not COLOUR.search(written)
