"""Admin › Audit: who changed what, of all webhooks or of one, harmless whatever it says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from domain.filters import OfWebhook, Term
from store import audit, webhooks
from tests.support.apps import SettingsBench, open_part, screen_text, settings_bench
from tests.support.stores import ACTOR, NOW, fields
from tui.admin.audit import AuditScreen, ChangeScreen
from tui.app import TocsinApp
from tui.widgets.live_table import LiveTable


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        yield made


def note(bench: SettingsBench, number: int, webhook_id: int | None = None) -> None:
    bench.opened.call(
        audit.note_alone, ACTOR, "webhook.test", NOW + number, webhook_id, number=number
    )


async def open_audit(bench: SettingsBench, app: TocsinApp, pilot: Pilot[int]) -> AuditScreen:
    await open_part(bench, app, pilot, "a")
    assert isinstance(app.screen, AuditScreen)
    return app.screen


def cursor(screen: AuditScreen) -> object:
    return screen.table.cursor


async def settle(bench: SettingsBench, app: TocsinApp, pilot: Pilot[int]) -> None:
    await bench.settle(app, pilot)
    await app.workers.wait_for_complete()
    await pilot.pause()


def test_an_edit_is_told_before_and_after(bench: SettingsBench) -> None:
    webhook_id = bench.store.add(fields(name="siem"))
    bench.store.edit(webhook_id, replace(fields(name="siem"), max_events=7))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_audit(bench, app, pilot)
            text = screen_text(app)
            assert "Audit ── 2" in text
            assert "webhook.edit" in text
            assert "max events none -> 7" in text
            assert "alice from 192.0.2.7 · webhook.edit · webhook 1" in text
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, ChangeScreen)
            assert "max events none -> 7" in screen_text(app)
            await pilot.press("q")
            assert isinstance(app.screen, AuditScreen)

    asyncio.run(scene())


def test_a_new_line_is_on_top_and_the_cursor_stays_where_it_was_put(bench: SettingsBench) -> None:
    for number in range(1, 4):
        note(bench, number)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_audit(bench, app, pilot)
            assert cursor(screen) == 3
            note(bench, 4)
            await settle(bench, app, pilot)
            assert cursor(screen) == 4
            await pilot.press("down")
            note(bench, 5)
            await settle(bench, app, pilot)
            assert cursor(screen) == 3
            assert list(screen.table.keys) == [5, 4, 3, 2, 1]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("webhook:siem", [1]),
        ("webhook:99", [3]),
        ("SIEM", [1]),
        ("!siem", [3, 2]),
        ("number 2", [3, 2]),
        ("since:1h", [3, 2, 1]),
        ("!since:1h", []),
        ("192.0.2.7 !webhook.test", [1]),
    ],
)
def test_a_filter_finds_webhooks_words_and_times(
    bench: SettingsBench, typed: str, found: list[int]
) -> None:
    bench.store.add(fields(name="siem"))
    note(bench, 1)
    note(bench, 2, webhook_id=99)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_audit(bench, app, pilot)
            await pilot.press("slash", *typed, "enter")
            await settle(bench, app, pilot)
            assert list(screen.table.keys) == found
            assert f"Audit ── {len(found)} of 3 ── {typed}" in screen_text(app)
            await pilot.press("escape")
            await settle(bench, app, pilot)
            assert list(screen.table.keys) == [3, 2, 1]

    asyncio.run(scene())


def test_a_webhook_that_is_gone_is_found_by_its_name(bench: SettingsBench) -> None:
    webhook_id = bench.store.add(fields(name="siem"))
    bench.opened.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    note(bench, 1)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_audit(bench, app, pilot)
            await pilot.press("slash", *"webhook:siem", "enter")
            await settle(bench, app, pilot)
            assert list(screen.table.keys) == [2, 1]

    asyncio.run(scene())


def test_a_wrong_filter_changes_nothing_and_is_kept_for_correction(bench: SettingsBench) -> None:
    note(bench, 1)
    note(bench, 2, webhook_id=99)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_audit(bench, app, pilot)
            await pilot.press("slash", *"webhook:siem", "enter")
            await settle(bench, app, pilot)
            assert "no webhook is called siem: write its name or id" in screen_text(app)
            assert list(screen.table.keys) == [2, 1]
            assert screen.filter_line.box.has_focus
            await pilot.press(*["backspace"] * 4, *"99", "enter")
            await settle(bench, app, pilot)
            assert "is called" not in screen_text(app)
            assert list(screen.table.keys) == [2]
            assert screen.table.has_focus

    asyncio.run(scene())


def test_what_a_change_says_is_harmless(bench: SettingsBench) -> None:
    evil = "x[/b]y [@click=app.bell]z \x1b]52;c;aGk=\x07 \u202eabc"
    bench.opened.call(audit.note_alone, ACTOR, "webhook.test", NOW, None, error=evil)

    async def scene() -> None:
        async with bench.running(size=(120, 40)) as (app, pilot):
            await open_audit(bench, app, pilot)
            for _ in range(2):
                text = screen_text(app)
                assert "x[/b]y [@click=app.bell]z" in text
                assert not {"\x1b", "\x07", "\u202e"} & set(text)
                await pilot.press("enter")
                await pilot.pause()

    asyncio.run(scene())


def test_of_a_long_trail_only_what_is_in_sight_is_read(bench: SettingsBench) -> None:
    for number in range(1, 501):
        note(bench, number)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = await open_audit(bench, app, pilot)
            assert len(screen.table.keys) == 500
            assert screen.table.row_of(1) is None
            await pilot.press("end")
            await settle(bench, app, pilot)
            assert cursor(screen) == 1
            assert "number 1" in screen_text(app)

    asyncio.run(scene())


def test_ids_are_a_range_or_those_of_one_webhook(bench: SettingsBench) -> None:
    assert list(bench.opened.call(audit.ids)) == []
    note(bench, 1)
    note(bench, 2, webhook_id=5)
    note(bench, 3)
    assert bench.opened.call(audit.ids) == range(3, 0, -1)
    assert bench.opened.call(audit.ids, (Term(OfWebhook(5)),)) == [2]
    assert bench.opened.call(audit.count) == 3
    found = bench.opened.call(audit.load, [2, 77])
    assert [(one.id, one.webhook_id, one.detail) for one in found] == [(2, 5, {"number": 2})]


def test_a_filter_without_hits_says_so_and_the_keys_come_back(bench: SettingsBench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_audit(bench, app, pilot)
            await pilot.press("slash", *"zzz")
            await settle(bench, app, pilot)
            assert "No change matches." in screen_text(app)
            await pilot.press("escape")
            await settle(bench, app, pilot)
            assert "No change matches." not in screen_text(app)
            assert "webhook.add" in screen_text(app)
            assert isinstance(app.focused, LiveTable)

    asyncio.run(scene())
