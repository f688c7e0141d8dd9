"""A screen on a store that another process upgrades: told in its first line, and then as usual."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from delivery.report import make_report
from domain.actors import Actor
from domain.settings import DEFAULTS
from store import audit, migrations, workers
from store.database import Store, open_store
from store.engine import StoreConnection
from store.migrations import older_tables, progress
from store.overview import read_overview
from tests.cli.db.test_upgrade import upgrading
from tests.support.apps import Bench, Clock, screen_text, told
from tests.support.program_store import change_store
from tests.support.released_stores import MADE_MS, RELEASED, copy_of
from tests.support.stores import run_child
from tests.support.waiting import PATIENCE_S, eventually
from tui.admin.panel_rows import problems_of
from tui.app import TocsinApp
from tui.state import live_report
from tui.state.store_access import Refused, settings_of_store
from tui.state.worker_thread import WorkerThread

OLDER = "this store is of an older Tocsin: run `tocsin db upgrade` first"
UPGRADE = "open_store(path, migrate=True).close()"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The store of the first released schema."""
    return copy_of(RELEASED[0], tmp_path / "home" / "tocsin.db")


async def until_first_line(app: TocsinApp, pilot: Pilot[int], text: str, *, there: bool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (text in screen_text(app).split("\n")[0]) is not there:
            await pilot.pause(0.05)


def test_the_first_line_says_how_far_it_is_until_it_is_done(path: Path) -> None:
    asyncio.run(watch(path))


async def watch(path: Path) -> None:
    """Look at a store while it is upgraded, after that was interrupted, and when it is done."""
    async with AsyncExitStack() as stack:
        at_work = stack.enter_context(ExitStack())
        at_work.enter_context(upgrading(path))
        store = open_store(path)
        stack.callback(store.close)
        app, pilot = await stack.enter_async_context(Bench(store, Clock(MADE_MS)).running())
        await until_first_line(app, pilot, "the store is being upgraded: 39 %", there=True)
        with pytest.raises(Refused, match="is being upgraded"):
            await app._access.change(note)
        at_work.close()
        await until_first_line(app, pilot, "interrupted at 39 %", there=True)
        await asyncio.to_thread(run_child, UPGRADE, path)
        await until_first_line(app, pilot, "39 %", there=False)
        await app._access.change(note)


@pytest.mark.parametrize(
    "keys", ["a", "e", "d", "x", "o a", "o e", "o x", "l e", "q w", "q s end enter"]
)
def test_keys_that_write_are_refused_on_an_older_store_and_open_nothing(
    path: Path, keys: str
) -> None:
    async def scene() -> None:
        async with Bench(store, Clock(MADE_MS)).running() as (app, pilot):
            await until_first_line(app, pilot, "older store", there=True)
            for key in keys.split():
                before = app.screen
                await pilot.press(key)
                await app.workers.wait_for_complete()
                await pilot.pause()
            assert app.screen is before
            assert OLDER in told(app)

    store = open_store(path)
    try:
        asyncio.run(scene())
    finally:
        store.close()


def test_an_older_store_is_said_to_be_only_read_until_the_upgrade(path: Path) -> None:
    store = open_store(path)
    said = shown(store)
    assert f"✗ {path} is of an older Tocsin: it is only read until `tocsin db upgrade`" in said
    assert "start a worker" not in said
    store.close()


def is_at_work(store: Store, worker: WorkerThread) -> bool:
    return any(one.id == worker.id and one.active for one in store.call(workers.load_all))


def test_the_worker_begins_when_another_process_has_upgraded_the_store(path: Path) -> None:
    for table in ("webhook", "source"):  # nothing is sent to those of the release
        change_store(path, f"UPDATE {table} SET active = 0")  # noqa: S608 - two names of ours
    store = open_store(path)
    worker = WorkerThread(store.sibling, DEFAULTS, settings_of_store)

    async def scene() -> None:
        access = Bench(store, Clock(MADE_MS)).app()._access
        app = TocsinApp(replace(access, worker=worker), clock=lambda: "12:00")
        async with app.run_test(size=(120, 30)) as pilot:
            await pilot.pause()
            assert (worker.is_begun, app.live.own_worker()) == (False, None)
            await asyncio.to_thread(run_child, UPGRADE, path)
            async with asyncio.timeout(PATIENCE_S):
                while not app.live.own_worker():
                    await pilot.pause(0.05)
            await asyncio.to_thread(eventually, lambda: is_at_work(store, worker))

    try:
        asyncio.run(scene())
    finally:
        worker.stop()
        assert worker.join(PATIENCE_S)
        store.close()


def test_a_worker_that_was_stopped_before_does_not_begin(path: Path) -> None:
    store = open_store(path, migrate=True)
    worker = WorkerThread(store.sibling, DEFAULTS, settings_of_store)
    worker.stop()
    worker.start()
    assert not worker.is_begun
    store.close()


def test_a_store_is_under_upgrade_until_it_can_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with upgrading(path):
        store = open_store(path)
    run_child(UPGRADE, path)
    seen: list[bool] = []
    show = older_tables.show

    def looking(connection: StoreConnection, schema: int) -> None:
        seen.append(store.outdated and store.upgrade is None)
        show(connection, schema)

    monkeypatch.setattr(older_tables, "show", looking)
    store.call(audit.ids)
    assert seen == [False]
    assert (store.outdated, store.upgrade) == (False, None)
    store.close()


def test_what_is_upgraded_in_part_is_shown_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first reading waits for nothing; those that follow have some time between them."""
    monkeypatch.setattr(live_report, "UPGRADE_S", 600.0)

    async def scene() -> None:
        with upgrading(path):
            store = open_store(path)
            async with Bench(store, Clock(MADE_MS)).running() as (app, pilot):
                await until_first_line(app, pilot, "the store is being upgraded", there=True)
            store.close()

    asyncio.run(scene())


def note(*, actor: Actor, now_ms: int) -> None:
    """Any change of the store."""
    audit.note_alone(actor, "webhook.send", now_ms)


def test_admin_names_the_copy_until_it_is_deleted(path: Path) -> None:
    store = open_store(path, migrate=True)
    copy = progress.copy_of(path, migrations.LATEST)
    assert f"· {copy} (" in shown(store)
    copy.unlink()
    assert str(copy) not in shown(store)
    store.close()


def shown(store: Store) -> str:
    """Return what Admin says is wrong, and what else it notes."""
    overview = store.call(read_overview, None)
    return problems_of(make_report(overview, DEFAULTS, store, MADE_MS)).plain.replace("\n", " ")
