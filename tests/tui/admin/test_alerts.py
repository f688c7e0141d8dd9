"""Admin › Alerts: kinds of alerts are switched, tuned and reset, and what they lack is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from domain.alert_kinds import BY_NAME, KINDS
from store import alert_settings
from tests.support.apps import SettingsBench, notice, open_part, screen_text, settings_bench
from tests.support.stores import ACTOR, NOW
from tui.admin.alert_rows import GeoCoverage, alerts_cell, facts_of, row_of, title_of

FLAPPING = BY_NAME["endpoint_ip_flapping"]
COUNTRY = BY_NAME["endpoint_ip_first_use_country"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        yield made


def kept(bench: SettingsBench) -> dict[str, dict[str, str]]:
    return bench.opened.call(alert_settings.load_all)


def test_a_kind_is_switched_and_that_is_undone(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "l")
            assert "Kinds of alerts ── 23 of 25 on" in screen_text(app)
            await pilot.press("down", "down", "space")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert kept(bench) == {"endpoint_ip_first_use": {"active": "off"}}
            assert "Kinds of alerts ── 22 of 25 on" in screen_text(app)
            assert "endpoint_ip_first_use is off; u undoes it" in notice(app)
            await pilot.press("u")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert kept(bench) == {}
            await pilot.press("space", "space")
            await app.workers.wait_for_complete()
            assert kept(bench) == {}, "what equals its default is not kept"

    asyncio.run(scene())


def test_a_change_of_somebody_else_is_not_undone(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "l")
            await pilot.press("space")
            await app.workers.wait_for_complete()
            set_by_another(bench, {"danger": "9"})
            await pilot.press("u")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "was changed meanwhile" in notice(app)

    asyncio.run(scene())
    assert kept(bench) == {COUNTRY.name: {"active": "off", "danger": "9"}}


def test_what_somebody_else_sets_meanwhile_stays(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "l")
            await pilot.press("e")
            await pilot.pause()
            set_by_another(bench, {"danger": "9"})
            app.screen.query_one("#box-suppress", Input).value = "2d"
            await pilot.press("ctrl+s")
            await app.workers.wait_for_complete()
            assert kept(bench) == {COUNTRY.name: {"danger": "9", "suppress": "2d"}}

    asyncio.run(scene())


def test_a_switch_changes_nothing_else(
    bench: SettingsBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "l")
            monkeypatch.setattr(app.screen, "read_soon", lambda: None)  # it sees no news
            set_by_another(bench, {"danger": "9"})
            await pilot.press("space")
            await app.workers.wait_for_complete()
            assert kept(bench) == {COUNTRY.name: {"active": "off", "danger": "9"}}

    asyncio.run(scene())


def set_by_another(bench: SettingsBench, changes: dict[str, str]) -> None:
    bench.opened.call(alert_settings.edit, [COUNTRY.name], changes, ACTOR, NOW)


def test_a_kind_is_tuned_in_a_form_and_reset(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "l")
            await pilot.press("down", "down", "down", "down", "e")
            await pilot.pause()
            assert "Tune endpoint_ip_flapping" in screen_text(app)
            app.screen.query_one("#box-danger", Input).value = "10"
            await pilot.press("ctrl+s")
            await pilot.pause()
            assert "✗ 10 is out of range" in screen_text(app)
            app.screen.query_one("#box-danger", Input).value = "9"
            app.screen.query_one("#box-within", Input).value = "5m"
            await pilot.press("ctrl+s")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert kept(bench) == {"endpoint_ip_flapping": {"danger": "9", "within": "5m"}}
            assert "danger 9 (default 8)" in screen_text(app)
            await pilot.press("x")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert kept(bench) == {}
            await pilot.press("q")
            await bench.settle(app, pilot)
            assert "Alerts 23 of 25 kinds on, ▲ 2 of them not raised" in " ".join(
                screen_text(app).split()
            )

    asyncio.run(scene())


def test_a_kind_that_lacks_data_says_so() -> None:
    nowhere = GeoCoverage(False, False, "geo_db: /x cannot be used")
    assert row_of(COUNTRY, {}, nowhere)[0].text == "▲ on"
    assert "Not raised: it needs geo_db with countries" in facts_of(COUNTRY, {}, nowhere).plain
    assert "/x cannot be used" in facts_of(COUNTRY, {}, nowhere).plain
    assert row_of(COUNTRY, {}, GeoCoverage(True, False))[0].text == "✓ on"
    assert (
        row_of(BY_NAME["endpoint_ip_first_use_asn"], {}, GeoCoverage(True, False))[0].text == "▲ on"
    )
    assert row_of(FLAPPING, {}, nowhere)[0].text == "✓ on"


def test_a_kind_whose_country_data_is_old_says_so() -> None:
    old = GeoCoverage(True, True, old="the country data is 6 months old")
    assert "▲ The country data is 6 months old" in facts_of(COUNTRY, {}, old).plain
    assert row_of(COUNTRY, {}, old)[0].text == "✓ on"
    off = {COUNTRY.name: {"active": "off"}}
    for kind, given in ((COUNTRY, off), (FLAPPING, {})):
        assert "months old" not in facts_of(kind, given, old).plain


def test_a_kind_that_lacks_what_it_is_raised_with_says_so() -> None:
    everywhere = GeoCoverage(True, True)
    suspicious = BY_NAME["endpoint_ip_suspicious"]
    assert row_of(suspicious, {}, everywhere)[0].text == "▲ on"
    told = facts_of(suspicious, {}, everywhere).plain
    assert "▲ Not raised: it needs `good`, which is not set" in told
    tuned = {suspicious.name: {"good": "192.0.2.0/24"}}
    assert row_of(suspicious, tuned, everywhere)[0].text == "✓ on"
    off = {suspicious.name: {"active": "off"}}
    assert row_of(suspicious, off, everywhere)[0].text == "‖ off"
    assert "Not raised" not in facts_of(suspicious, off, everywhere).plain


def test_what_is_on_for_nothing_is_counted() -> None:
    nowhere = GeoCoverage(False, False)
    assert alerts_cell({}, nowhere).text == "23 of 25 kinds on, ▲ 4 of them not raised"
    assert title_of({}, nowhere) == "Kinds of alerts ── 23 of 25 on, ▲ 4 of them not raised"
    everywhere = GeoCoverage(True, True)
    tuned = {"endpoint_ip_suspicious": {"good": "192.0.2.0/24"}}
    assert title_of(tuned, everywhere) == "Kinds of alerts ── 23 of 25 on"


def test_the_panel_counts_what_is_on_and_what_was_changed() -> None:
    assert alerts_cell(None).text == "-"
    changed = {FLAPPING.name: {"active": "off"}}
    assert alerts_cell(changed).text == "22 of 25 kinds on · 1 changed from the defaults"


def test_an_undo_that_is_given_up_leaves_the_one_before_it(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "l")
            await pilot.press("space", "down", "space")
            await app.workers.wait_for_complete()
            await pilot.pause()
            first, second = (KINDS[place].name for place in (0, 1))
            assert bench.opened.call(alert_settings.load_all).keys() == {first, second}
            bench.opened.call(alert_settings.edit, [second], {"danger": "9"}, ACTOR, NOW)
            for _ in range(3):
                await pilot.press("u")
                await app.workers.wait_for_complete()
                await bench.settle(app, pilot)
            assert bench.opened.call(alert_settings.load_all).keys() == {second}

    asyncio.run(scene())
