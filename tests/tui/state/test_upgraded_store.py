"""A screen on a store that another process upgrades: told in its first line, and then as usual."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
from textual.pilot import Pilot

from delivery.report import make_report
from domain.actors import Actor
from domain.settings import DEFAULTS
from store import audit, migrations
from store.database import Store, open_store
from store.migrations import progress
from store.overview import read_overview
from tests.cli.db.test_upgrade import upgrading
from tests.support.apps import Bench, Clock, screen_text
from tests.support.released_stores import MADE_MS, RELEASED, copy_of
from tests.support.stores import run_child
from tui.admin.panel_rows import problems_of
from tui.app import TocsinApp
from tui.state import live_report
from tui.state.store_access import Refused

PATIENCE_S = 30
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
    """What Admin says is wrong, and what else it notes."""
    overview = store.call(read_overview, None)
    return problems_of(make_report(overview, DEFAULTS, store, MADE_MS)).plain.replace("\n", " ")
