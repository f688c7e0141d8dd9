"""What happens to the form between the key that saves and its end, and at a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from tests.tui.helpers import Bench
from tests.tui.test_webhook_form import SIEM, Form, form, webhook
from tui.screens.too_small import TooSmallScreen
from tui.screens.webhook_form import WebhookFormScreen


@contextmanager
def busy(bench: Bench) -> Iterator[None]:
    """Inside, whatever is asked of the store waits."""
    go_on = Event()
    bench.opened._thread.submit(go_on.wait)
    try:
        yield
    finally:
        go_on.set()


async def until_closed(shown: Form) -> None:
    """Wait until the form has ended."""
    async with asyncio.timeout(10):
        while shown.is_open:
            await shown.pilot.pause(0.01)
    await shown.settle()


def test_a_connection_lost_again_while_the_draft_is_offered_costs_nothing(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("name", "siem")
        for _ in range(2):
            async with form(bench) as shown:
                assert "Drop your draft" in shown.text
        async with form(bench) as shown:
            await shown.press("n")
            assert shown.value("name") == "siem"

    asyncio.run(scene())


def test_nothing_can_be_typed_while_it_is_saved(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("name", "typed")
            shown.app.screen.query_one("#box-name").focus()
            with busy(bench):
                await shown.press("ctrl+s", "x", "escape")
                assert shown.value("name") == "typed"
                assert shown.is_open
            await until_closed(shown)

    asyncio.run(scene())
    assert webhook(bench).fields.name == "typed"


def test_what_was_refused_can_be_typed_into_at_once(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://example.com")
            await shown.write("name", "siem")
            shown.app.screen.query_one("#box-name").focus()
            await shown.press("ctrl+s", "end", "2")
            assert shown.value("name") == "siem2"

    asyncio.run(scene())


def test_a_form_that_is_covered_when_it_is_saved_closes_when_it_is_seen_again(
    bench: Bench,
) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("name", "typed")
            with busy(bench):
                await shown.press("ctrl+s")
                await shown.pilot.resize_terminal(40, 10)
            async with asyncio.timeout(10):
                while webhook(bench).fields.name != "typed":
                    await shown.settle()
            await shown.settle()
            assert shown.is_open
            assert isinstance(shown.app.screen, TooSmallScreen)
            await shown.pilot.resize_terminal(80, 24)
            await until_closed(shown)
            assert not isinstance(shown.app.screen, WebhookFormScreen)
            assert len(shown.app.screen_stack) == 1

    asyncio.run(scene())
