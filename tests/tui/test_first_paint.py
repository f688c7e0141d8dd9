"""The first paint: whole, once, before anything that can wait."""

from __future__ import annotations

import asyncio

import pytest

from bench.terminal import Cells
from tests.delivery.running import opened_desk
from tests.program import Tocsin
from tests.store.helpers import fields
from tests.tui.helpers import Bench, screen_text
from tests.tui.pty import on_terminal
from tui import first_paint

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
    monkeypatch.setattr(first_paint, "_PARTS", ("_not_there",))
    bench.store.add(fields(name="receiver-0"))

    async def scene() -> None:
        async with bench.running(size=SIZE) as (app, pilot):
            await pilot.pause()
            assert app._batch_count == 0
            assert "receiver-0" in screen_text(app)

    asyncio.run(scene())
