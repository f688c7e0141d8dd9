"""Saving of the form, from the key to its end, and at a lost connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from domain.events import Event
from store import webhooks
from store.events import adding
from tests.support.apps import Bench, screen_text, told
from tests.support.stores import ACTOR, ALERTS, DAY, events
from tests.support.waiting import PATIENCE_S
from tests.support.webhook_forms import SIEM, Form, form, webhook
from tui.screens.too_small import TooSmallScreen
from tui.webhook_form.screen import WebhookFormScreen


@contextmanager
def busy(bench: Bench) -> Iterator[None]:
    """Inside, whatever is asked of the store waits."""
    go_on = threading.Event()
    bench.opened._thread.submit(go_on.wait)
    try:
        yield
    finally:
        go_on.set()


@contextmanager
def comes_before_the_edit(bench: Bench, coming: list[Event]) -> Iterator[None]:
    """Inside, these events are accepted after the queue was counted and before an edit."""
    count = webhooks.droppable

    def counting(webhook_id: int) -> int:
        counted = count(webhook_id)
        adding.append(coming, bench.clock.now_ms)
        return counted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhooks, "droppable", counting)
        yield


async def until_closed(shown: Form) -> None:
    """Wait until the form has ended."""
    async with asyncio.timeout(PATIENCE_S):
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
            await shown.press("escape")
            assert shown.value("name") == "siem"

    asyncio.run(scene())


@pytest.mark.parametrize("subject", [{}, {"editing": 1}, {"copy_of": 1}])
def test_a_kept_draft_is_told_of_at_the_start_while_its_form_can_be_opened(
    bench: Bench, subject: dict[str, Any]
) -> None:
    bench.store.add(SIEM)
    title = {"editing": "Edit webhook 1 (siem)", "copy_of": "Duplicate webhook 1 (siem)"}

    async def start() -> list[str]:
        async with bench.running() as (app, pilot):
            await app.workers.wait_for_complete()
            await pilot.pause()
            return told(app)

    async def scene() -> None:
        assert await start() == []
        async with form(bench, **subject) as shown:
            await shown.write("ca_file", "/etc/ssl/own.pem")
        of = title.get(next(iter(subject), ""), "Add webhook")
        assert await start() == [f"a draft waits, not saved: {of}; open the form to go on"]
        bench.opened.call(webhooks.delete, [1], ACTOR, bench.clock.now_ms)
        assert len(await start()) == (0 if subject else 1)

    asyncio.run(scene())


def test_whoever_quits_with_an_unsaved_form_is_told_what_becomes_of_it(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("name", "siem")
            await shown.press("ctrl+q")
            assert "Quit without saving?" in shown.text
            assert "kept as your draft" in shown.text
            await shown.press("n")
            assert shown.is_open
        async with form(bench) as shown:
            await shown.press("f8", "ctrl+q")
            assert not shown.app.is_running

    asyncio.run(scene())


def test_nothing_that_is_typed_ahead_drops_a_kept_draft(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://example.com/kept")
        async with bench.running() as (app, pilot):
            await pilot.press("a", "tab", *"my name y", "right", *"lhy", "tab", "enter")
            await pilot.pause()
            assert "https://example.com/kept" in screen_text(app)

    asyncio.run(scene())


def test_a_kept_draft_says_of_what_it_is_and_which_fields_differ(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("ca_file", "/etc/ssl/own.pem")
            await shown.write("max_events", "7")
        async with form(bench, copy_of=1) as shown:
            assert "Drop your draft" not in shown.text
            await shown.write("secret", "own")
            await shown.write("own_secret", "whsec_half")
        async with form(bench) as shown:
            await shown.write("url", "https://example.com/hook?key=abcdefghijkl3f9a")
        bench.clock.now_ms += 2 * DAY
        for opened, said in (
            ({"editing": 1}, "Edit webhook 1 (siem): you changed Max events, CA file and did not"),
            ({"copy_of": 1}, "Duplicate webhook 1 (siem): you changed Secret and did not save."),
            ({}, "Add webhook, https://example.com/hook?••••: you changed URL and did"),
        ):
            async with form(bench, **opened, size=(120, 40)) as shown:
                assert "Drop your draft from 2d ago?" in shown.text
                assert said in " ".join(shown.text.replace("│", " ").split()), shown.text

    asyncio.run(scene())


def test_what_came_since_the_question_is_asked_about_again(bench: Bench) -> None:
    bench.store.add(SIEM)
    bench.store.append(*events(1, 2))

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("type", "log_authn")
            await shown.press("ctrl+s")
            assert "Drop 2 queued events of webhook 1 (siem)" in shown.text
            bench.store.append(*events(3, 5))
            await shown.press("y")
            assert "Drop 5 queued events of webhook 1 (siem)" in shown.text
            assert "meanwhile it became more than 2." in shown.text
            assert webhook(bench).fields.type is ALERTS
            await shown.press("n")
            assert shown.is_open
            await shown.press("ctrl+s", "y")
            assert len(shown.result) == 1

    asyncio.run(scene())
    assert bench.store.status(1).skipped_events == 5


def test_what_comes_while_a_type_without_a_queue_is_saved_is_asked_about(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("type", "log_authn")
            with comes_before_the_edit(bench, events(1, 4)):
                await shown.press("ctrl+s")
            assert "Drop 4 queued events of webhook 1 (siem)" in shown.text
            await shown.press("y")
            assert len(shown.result) == 1

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
            async with asyncio.timeout(PATIENCE_S):
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
