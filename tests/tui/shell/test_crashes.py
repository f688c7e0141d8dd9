"""A bug in the background: told once, kept without its message, and the app goes on."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.worker import WorkerFailed

from cli.failures import LOG_NAME, bug_sentence
from store.queue import delivery_requests
from tests.support.apps import Bench, screen_text
from tests.support.delivery_scenes import deliver, seen
from tests.support.stores import fields
from tui.app import TocsinApp
from tui.deliveries.quarantine import QuarantineScreen
from tui.state.store_access import Refused

MESSAGE = "a secret"


async def broken() -> None:
    raise ZeroDivisionError(MESSAGE)


async def refused() -> None:
    raise Refused("the disk is full: make room")


def app_that_keeps(bench: Bench, folder: Path) -> TocsinApp:
    app = bench.app()
    app.failures.keep_bug = partial(_kept, folder)
    return app


def _kept(folder: Path, error: BaseException) -> str:
    return bug_sentence(error, folder)


def test_a_bug_shows_a_panel_once_and_the_app_goes_on(bench: Bench, tmp_path: Path) -> None:
    unhandled: list[dict[str, Any]] = []

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unhandled.append(what))
        app = app_that_keeps(bench, tmp_path)
        async with app.run_test(size=(80, 24)) as pilot:
            for _ in range(2):
                app.screen.in_background(broken())  # type: ignore[attr-defined]
                for _ in range(4):
                    await pilot.pause()
                text = screen_text(app)
                assert "Something went wrong inside Tocsin" in text
                assert "ZeroDivisionError at test_crashes.py" in text
                assert "Nobody is sending." in text
                assert "secret" not in text
                await pilot.press("q")
                await pilot.pause()
                assert "No webhooks yet" in screen_text(app)

    asyncio.run(scene())
    log = (tmp_path / LOG_NAME).read_text()
    assert log.count("builtins.ZeroDivisionError") == 2
    assert "secret" not in log
    assert unhandled == []


def test_what_is_refused_in_the_background_is_told_and_is_no_bug(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            app.screen.in_background(refused())  # type: ignore[attr-defined]
            for _ in range(3):
                await pilot.pause()
            assert "the disk is full: make room" in screen_text(app)

    asyncio.run(scene())


def test_a_failure_that_was_awaited_is_told_as_what_failed(bench: Bench, tmp_path: Path) -> None:
    async def scene() -> None:
        app = app_that_keeps(bench, tmp_path)
        async with app.run_test(size=(80, 24)) as pilot:
            try:
                await broken()
            except ZeroDivisionError as error:
                app.handle_failure(WorkerFailed(error))
            await pilot.pause()
            assert "ZeroDivisionError at test_crashes.py" in screen_text(app)

    asyncio.run(scene())
    assert "WorkerFailed" not in (tmp_path / LOG_NAME).read_text()


def test_an_error_that_was_never_raised_has_a_sentence_too(tmp_path: Path) -> None:
    assert "bug in tocsin: ValueError;" in bug_sentence(ValueError("secret"), tmp_path)


def test_what_fails_behind_the_quarantine_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id = bench.store.add(fields())
    deliver(bench, webhook_id, 1, 503)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        app = bench.app()
        app.failures.keep_bug = repr
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("2")
            await seen(app, pilot)
            await pilot.press("b", "f3")
            await seen(app, pilot)
            await pilot.press("down", "enter")
            await seen(app, pilot)
            await pilot.press("f2")
            await seen(app, pilot)
            await pilot.press("R")
            await seen(app, pilot)
            assert isinstance(app.screen, QuarantineScreen)
            monkeypatch.setattr(delivery_requests, "release", broken)
            await pilot.press("R", "y")
            for _ in range(4):
                await pilot.pause()
            assert "Something went wrong inside Tocsin" in screen_text(app)

    asyncio.run(scene())
