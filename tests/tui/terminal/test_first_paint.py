"""The first paint: whole, once, before anything that can wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.app import App
from textual.dom import DOMNode

from bench.screen.terminal import Cells
from tests.support.apps import Bench, screen_text
from tests.support.program import Tocsin
from tests.support.running_worker import opened_desk
from tests.support.stores import fields
from tests.support.terminals import on_terminal
from tui.deliveries.screen import DeliveriesScreen
from tui.terminal import first_paint

SIZE = (80, 24)
BEGIN, END = b"\x1b[?2026h", b"\x1b[?2026l"


def test_the_first_paint_shows_everything_at_once(tocsin: Tocsin) -> None:
    with opened_desk(tocsin.db) as desk:
        for number in range(12):
            desk.add(fields(name=f"receiver-{number}"))
    with on_terminal(tocsin) as terminal:
        terminal.read_until("? all keys")
        written = b"".join(chunk.data for chunk in terminal.chunks)
    first = written[written.index(BEGIN) :].partition(END)[0]
    cells = Cells(SIZE)
    cells.feed(first)
    for part in (
        "Tocsin › Admin › Webhooks",
        "begins to send",
        "receiver-0",
        "receiver-11",
        "delivered so far",
    ):
        assert part in cells.text


def test_a_textual_with_other_private_parts_paints_in_its_own_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_paint, "are_known", lambda _: False)
    bench.store.add(fields(name="receiver-0"))

    async def scene() -> None:
        async with bench.running(size=SIZE) as (app, pilot):
            await pilot.pause()
            assert app._batch_count == 0
            assert "receiver-0" in screen_text(app)

    asyncio.run(scene())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (59, 14)])
def test_a_screen_is_styled_for_its_size_before_it_has_parts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    styled: list[DOMNode] = []
    update = App.update_styles

    def note(app: App[int], node: DOMNode, **more: bool) -> None:
        styled.append(node)
        update(app, node, **more)

    async def scene() -> None:
        async with bench.running(size=size) as (app, pilot):
            monkeypatch.setattr(App, "update_styles", note)
            screen = DeliveriesScreen(app._access, app.live)
            await app.push_screen(screen)
            await pilot.pause()
            assert screen not in styled

    asyncio.run(scene())


def test_nothing_is_drawn_that_is_not_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[bool] = []
    draw = Compositor.render_update

    async def scene() -> None:
        async with bench.running(size=SIZE) as (app, pilot):

            def note(compositor: Compositor, *args: Any, **named: Any) -> Any:
                drawn.append(bool(app._batch_count))
                return draw(compositor, *args, **named)

            monkeypatch.setattr(Compositor, "render_update", note)
            with app.batch_update():
                app.screen.refresh(layout=True)
                app.screen._refresh_layout()
                await pilot.pause()
                assert drawn == []
            app.screen.refresh()
            await pilot.pause()
            assert drawn
            assert not any(drawn)

    asyncio.run(scene())
