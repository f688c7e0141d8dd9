"""A terminal's worker that ends by itself says so on every screen."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from delivery.worker import Worker
from domain.settings import DEFAULTS
from store import workers
from store.errors import StoreUnavailable
from tests.support.apps import Bench, screen_text
from tests.support.waiting import PATIENCE_S, eventually
from tui.app import TocsinApp
from tui.state.store_access import settings_of_store
from tui.state.worker_thread import WorkerThread


def ended_worker(bench: Bench) -> WorkerThread:
    """A worker that has ended by itself."""
    worker = WorkerThread(bench.opened.sibling, DEFAULTS, settings_of_store)
    worker.start()
    assert worker.join(PATIENCE_S)
    return worker


def test_a_lock_that_cannot_be_opened_is_told_with_its_cure(bench: Bench) -> None:
    workers.SendingLock(bench.opened.path).path.mkdir()
    trouble = ended_worker(bench).trouble
    assert trouble is not None
    assert "the sending lock cannot be opened (Is a directory)" in trouble
    assert "must be able to write" in trouble


def test_a_bug_in_it_is_told_by_place_on_every_screen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_worker: Worker) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(Worker, "run", broken)
    worker = ended_worker(bench)
    assert worker.trouble is not None
    assert worker.trouble.startswith("this is a bug: ZeroDivisionError at test_worker_thread.py:")

    async def scene() -> None:
        desk = bench.app()._access
        app = TocsinApp(replace(desk, worker=worker), clock=lambda: "12:00")
        async with app.run_test(size=(160, 30)) as pilot:
            for key in ("2", "3", "1", "q"):
                await pilot.press(key)
                await pilot.pause()
                assert "✗ this terminal's worker has ended: this is a bug" in screen_text(app)
            assert screen_text(app).count("this terminal's worker has ended") > 1
            assert "secret" not in screen_text(app)

    asyncio.run(scene())


def test_a_store_that_will_not_have_it_at_first_does_not_end_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def refusing(record: object) -> None:
        tried.append("enter")
        raise StoreUnavailable("the disk is full: make room")

    monkeypatch.setattr(workers, "enter", refusing)
    worker = WorkerThread(bench.opened.sibling, DEFAULTS, settings_of_store)
    try:
        worker.start()
        eventually(lambda: any("sending for" in line for line in list(worker.lines)))
        assert any("not among the workers yet: the disk is full" in one for one in worker.lines)
    finally:
        worker.stop()
        assert worker.join(PATIENCE_S)
    assert tried
    assert worker.trouble is None
