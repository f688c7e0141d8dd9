"""Without colours what fails stands out at least as much as what is well."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from rich.segment import Segment
from textual.color import Color

from tests.tui.helpers import Bench
from tests.tui.scenes import furnish
from tui.app import TocsinApp


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
            assert contrast(failing) >= contrast(healthy)
            assert failing.style is not None
            assert failing.style.bold

    asyncio.run(scene())


def segment(app: TocsinApp, start: str) -> Segment:
    """The first piece of the screen that begins so."""
    strips = app.screen._compositor.render_strips()
    return next(one for strip in strips for one in strip if one.text.strip().startswith(start))


def contrast(shown: Segment) -> float:
    """How much its text stands out from what is behind it."""
    style = shown.style
    assert style is not None
    assert style.color is not None
    assert style.bgcolor is not None
    text, ground = (Color.from_rich_color(one) for one in (style.color, style.bgcolor))
    assert text.r == text.g == text.b
    return abs(text.brightness - ground.brightness)
