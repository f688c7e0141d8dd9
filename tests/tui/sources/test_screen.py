"""Admin › Sources: the list, its forms, hosts of agents, and what is done to a source."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from domain.clients import AGENT
from store import clients, sources
from store.database import Store
from store.records import AppendResult, StoredSource
from tests.support.apps import (
    SHORTLY_AFTER,
    SettingsBench,
    flat,
    notice,
    open_part,
    screen_text,
    settings_bench,
    told,
)
from tests.support.stores import ACTOR, NOW
from tests.support.stub_api_client import BROKER, CODE, running_api, sample
from tests.support.waiting import PATIENCE_S
from tests.support.wireguard.dumps import PeerRow, dump, idle
from tui.sources.rows import matches, ordered


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        made.clock.now_ms = SHORTLY_AFTER
        yield made


@pytest.fixture
def dump_file(tmp_path: Path) -> Path:
    """File with what the "WireGuard" of the test prints."""
    path = tmp_path / "dump"
    path.write_text(dump(PeerRow("alice"), PeerRow("bob"), idle("carol")))
    return path


def source(bench: SettingsBench, name: str = "local") -> StoredSource:
    return bench.opened.call(sources.find, name)


def names(bench: SettingsBench) -> list[str]:
    return [one.name for one in bench.opened.call(sources.load_all)]


def test_an_empty_list_says_what_to_press(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            text = flat(screen_text(app))
            assert "None of your own yet. a adds one" in text
            assert "✓ active sign-ins Sign-ins" in text

    asyncio.run(scene())


def test_the_list_tells_how_each_does_the_worst_first(bench: SettingsBench) -> None:
    for name in ("hub", "local", "office", "old"):
        bench.store.add_source(name, every="1m")
    call = bench.opened.call
    call(sources.save_batch, "local", [], b"{}", SHORTLY_AFTER - 5_000)
    call(sources.save_failure, "office", "it is dark; make light", SHORTLY_AFTER - 12_000)
    call(sources.save_failure, "office", "it is dark; make light", SHORTLY_AFTER - 2_000)
    call(sources.save_warning, "hub", "wg1 is dark", SHORTLY_AFTER)
    call(sources.pause, "old", ACTOR, NOW)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            text = screen_text(app)
            places = [text.index(name) for name in (" office ", " hub ", " local ", " old ")]
            assert places == sorted(places)
            assert (
                "✗ failing  office         WireGuard              0     -     - it is dark" in text
            )
            assert "▲ active   hub" in text
            assert "‖ inactive old" in text
            assert "it is dark; make light (2s ago, 2 times in a row)" in text
            assert "every 1m · command wg show all dump · conf folder /etc/wireguard" in text
            await pilot.press("down", "down")
            await pilot.pause()
            assert "No worker runs it" in screen_text(app)

    asyncio.run(scene())


def test_a_filter_shows_what_holds_its_text(bench: SettingsBench) -> None:
    bench.store.add_source("hub")
    bench.store.add_source("programs", "socket")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("slash", *"socket", "enter")
            await pilot.pause()
            text = screen_text(app)
            assert "Sources ── 1 of 3" in text
            assert "hub" not in text
            await pilot.press("q")
            await pilot.pause()
            assert "Sources ── 3" in screen_text(app)

    asyncio.run(scene())
    every = bench.opened.call(sources.load_all)
    assert [one.name for one in ordered(every) if matches(one, "!socket")] == ["hub", "sign-ins"]


def test_a_form_is_checked_while_typing_tried_and_saved(
    bench: SettingsBench, dump_file: Path
) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "w")
            await pilot.pause()
            assert "Add a source: WireGuard" in screen_text(app)
            app.screen.query_one("#box-every", Input).value = "0s"
            await pilot.pause()
            assert "✗ 0s is out of range; write a duration" in flat(screen_text(app))
            await pilot.press("ctrl+s")
            await pilot.pause()
            assert app.focused is app.screen.query_one("#box-every")
            assert names(bench) == ["sign-ins"]
            app.screen.query_one("#box-every", Input).value = ""
            command = app.screen.query_one("#box-command", Input)
            command.value = f"cat {dump_file}x"
            await pilot.press("ctrl+t")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "✗ cat: " in flat(screen_text(app))
            command.value = f"cat {dump_file}"
            await pilot.press("ctrl+t")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "✓ 3 peers on wg0; 0 events at once" in screen_text(app)
            assert names(bench) == ["sign-ins"]
            await pilot.press("ctrl+s")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "source local is active" in notice(app)
            assert "Sources ── 2" in screen_text(app)

    asyncio.run(scene())
    assert source(bench).options == {"command": f"cat {dump_file}"}


def test_a_name_that_is_taken_is_told_in_the_form(bench: SettingsBench) -> None:
    bench.store.add_source("socket", "socket")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "s")
            await pilot.pause()
            await pilot.press("ctrl+s")
            await pilot.pause()
            assert "name: '' is not a name" in flat(screen_text(app))
            await pilot.press(*"socket", "ctrl+s")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "there is a source socket already" in flat(screen_text(app))

    asyncio.run(scene())


def test_looking_needs_no_name(bench: SettingsBench, dump_file: Path) -> None:
    bench.store.add_source()

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "w")
            await pilot.pause()
            assert app.screen.query_one("#box-name", Input).placeholder == "required"
            app.screen.query_one("#box-command", Input).value = f"cat {dump_file}"
            await pilot.press("ctrl+t")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "✓ 3 peers on wg0; 0 events at once" in screen_text(app)

    asyncio.run(scene())


def test_a_source_that_cannot_listen_is_told_of_in_its_form_and_when_it_is_saved(
    bench: SettingsBench,
) -> None:
    said = "192.0.2.77:8786 could be read by others on the way; set certificate and private_key"

    async def scene() -> None:
        async with bench.running((120, 40)) as (app, pilot):

            async def press(key: str) -> str:
                await pilot.press(key)
                await app.workers.wait_for_complete()
                await pilot.pause()
                return flat(screen_text(app))

            await open_part(bench, app, pilot, "o")
            await press("a")
            await press("h")
            assert "✓ it can listen on 127.0.0.1:8786, unless" in await press("ctrl+t")
            app.screen.query_one("#box-listen", Input).value = "192.0.2.77:8786"
            assert f"✗ {said}" in await press("ctrl+t")
            assert names(bench) == ["sign-ins"]
            await press("ctrl+s")
            assert f"source http is active, but cannot run as it is set: {said}" in notice(app)
            await press("e")
            app.screen.query_one("#box-clients", Input).value = "7"
            await press("ctrl+s")
            assert f"http is saved, but cannot run as it is set: {said}" in notice(app)
            await press("e")
            app.screen.query_one("#box-listen", Input).value = "127.0.0.1:8786"
            await press("ctrl+s")
            assert notice(app) == "http is saved; u undoes it"

    asyncio.run(scene())


def test_a_form_with_nothing_to_look_at_says_so(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "s")
            await pilot.pause()
            assert "look once" not in screen_text(app)
            await pilot.press("ctrl+t")
            await pilot.pause()
            assert "nothing to look at" in notice(app)

    asyncio.run(scene())


def test_a_source_signs_up_with_a_code_that_nobody_sees(bench: SettingsBench) -> None:
    with running_api() as api:
        api.tell(queues={"alerts": [sample("alerts", "one")]})

        async def scene() -> None:
            async with bench.running() as (app, pilot):
                await open_part(bench, app, pilot, "o")
                await pilot.press("a", "p")
                await bench.settle(app, pilot)
                for name, text in (("url", api.url), ("broker", BROKER), ("setup_code", CODE)):
                    app.screen.query_one(f"#box-{name}", Input).value = text
                await pilot.pause()
                assert CODE not in screen_text(app)
                assert "look once" not in screen_text(app), "a look would take what it finds"
                await pilot.press("ctrl+s")
                await app.workers.wait_for_complete()
                await pilot.pause()
                assert "source procustodibus is active" in notice(app)
                await pilot.press("n")
                await app.workers.wait_for_complete()
                assert "procustodibus was looked at: 1 new event" in told(app)

        asyncio.run(scene())
        assert len(api.log("/users/")) == 1
    assert "setup_code" not in source(bench, "procustodibus").options


def test_nobody_leaves_a_form_while_its_code_is_used(
    bench: SettingsBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        asked, answered = asyncio.Event(), asyncio.Event()

        async def slowly(*_: object) -> None:
            asked.set()
            await answered.wait()

        monkeypatch.setattr("tui.sources.forms.new_key", slowly)
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "p")
            await bench.settle(app, pilot)
            app.screen.query_one("#box-broker", Input).value = BROKER
            await pilot.press("ctrl+s")
            await asyncio.wait_for(asked.wait(), PATIENCE_S)
            for key in ("escape", "ctrl+q"):
                await pilot.press(key)
                await pilot.pause()
                assert "it is being saved: wait for it" in notice(app)
            answered.set()
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "source procustodibus is active" in notice(app)

    asyncio.run(scene())
    assert source(bench, "procustodibus").active


@pytest.mark.usefixtures("work_held_up")
def test_a_look_goes_on_whatever_is_pressed(
    bench: SettingsBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.store.add_source("pc", "procustodibus")
    begun, answered = threading.Event(), threading.Event()
    looks = 0

    async def slowly(name: str, store: Store, *_: object, **__: object) -> AppendResult:
        nonlocal looks
        looks += 1
        begun.set()
        await asyncio.to_thread(answered.wait, PATIENCE_S)
        return await store.run(sources.save_batch, name, [], b"kept", NOW)

    monkeypatch.setattr("tui.sources.actions.run_one", slowly)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("n")
            assert await asyncio.to_thread(begun.wait, PATIENCE_S)
            await pilot.press("n")
            await pilot.pause()
            assert "pc is being looked at already: wait for it" in notice(app)
            await pilot.press("escape", "q")
            await pilot.pause()
            answered.set()
            assert await asyncio.to_thread(app._access.source_jobs.join, PATIENCE_S)

    asyncio.run(scene())
    assert bench.opened.call(sources.load_state, "pc") == b"kept"
    assert looks == 1


def test_no_code_is_used_for_a_source_that_was_changed_meanwhile(
    bench: SettingsBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[object] = []

    async def use(*given: object) -> None:
        used.append(given)

    monkeypatch.setattr("tui.sources.forms.new_key", use)
    bench.store.add_source("procustodibus", "procustodibus")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("e")
            await pilot.pause()
            bench.opened.call(sources.edit, "procustodibus", {"every": "9m"}, ACTOR, NOW)
            app.screen.query_one("#box-broker", Input).value = BROKER
            await pilot.press("ctrl+s")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "was changed meanwhile: look at it again" in flat(screen_text(app))

    asyncio.run(scene())
    assert used == []


def test_leaving_a_form_asks_only_if_something_was_typed(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "h")
            await pilot.pause()
            await pilot.press("escape")
            await pilot.pause()
            assert "Sources ── 1" in screen_text(app)
            await pilot.press("a", "h")
            await pilot.pause()
            await pilot.press("x", "escape")
            await pilot.pause()
            assert "Leave without saving?" in screen_text(app)
            await pilot.press("n", "escape", "y")
            await pilot.pause()
            assert "Sources ── 1" in screen_text(app)

    asyncio.run(scene())


def test_an_edit_and_a_pause_are_undone(bench: SettingsBench) -> None:
    bench.store.add_source(every="1m")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("e")
            await pilot.pause()
            app.screen.query_one("#box-every", Input).value = "2m"
            await pilot.press("ctrl+s")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert source(bench).options == {"every": "2m"}
            await pilot.press("p")
            await bench.settle(app, pilot)
            assert source(bench).state == "inactive"
            assert "Paused; p lets it go on" in screen_text(app)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert source(bench).state == "active"
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert source(bench).options == {"every": "1m"}

    asyncio.run(scene())


def test_an_edit_of_somebody_else_is_not_undone(bench: SettingsBench) -> None:
    bench.store.add_source(every="1m")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("e")
            await pilot.pause()
            app.screen.query_one("#box-every", Input).value = "2m"
            await pilot.press("ctrl+s")
            await app.workers.wait_for_complete()
            await pilot.pause()
            bench.opened.call(sources.edit, "local", {"every": "3m"}, ACTOR, SHORTLY_AFTER)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert "local was edited meanwhile" in notice(app)

    asyncio.run(scene())
    assert source(bench).options == {"every": "3m"}


def test_a_look_now_tells_what_it_brought(bench: SettingsBench, dump_file: Path) -> None:
    bench.store.add_source(command=f"cat {dump_file}")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("n")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "local was looked at: 0 new events" in told(app)
            await bench.settle(app, pilot)
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "Seen: 3 peers on wg0" in screen_text(app)
            dump_file.unlink()  # noqa: ASYNC240 - nothing else runs in this loop
            await pilot.press("n")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "No such file or directory" in told(app)[-1]

    asyncio.run(scene())
    assert source(bench).state == "failing"


def test_a_delete_asks_with_what_is_lost(bench: SettingsBench) -> None:
    bench.store.add_source()

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("x")
            await pilot.pause()
            assert "What it remembers from look to look is lost" in flat(screen_text(app))
            await pilot.press("y")
            await app.workers.wait_for_complete()
            await bench.settle(app, pilot)
            assert "Sources ── 1" in screen_text(app)
            await pilot.press("x", "e")
            await pilot.pause()
            assert "nothing to set" in notice(app), "what every store has can be neither"

    asyncio.run(scene())
    assert names(bench) == ["sign-ins"]


def test_a_host_is_added_with_the_two_files_to_copy(bench: SettingsBench) -> None:
    bench.store.add_source("http", "http", serves="agents", public_url="https://tocsin.example")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "a")
            await pilot.pause()
            await pilot.press(*"office", "ctrl+s")
            await app.workers.wait_for_complete()
            await pilot.pause()
            text = screen_text(app)
            assert "/etc/wireguard/procustodibus.conf   1 copies it" in text
            assert "Api = https://tocsin.example" in text
            assert "Code = " in text
            for step in (
                "install procustodibus-agent",
                "--test",
                "--loop=120",
                "REQUESTS_CA_BUNDLE",
            ):
                assert step in text
            await pilot.press("2")
            await app.workers.wait_for_complete()
            await pilot.press("q")
            await bench.settle(app, pilot)
            await app.workers.wait_for_complete()
            await pilot.pause()
            text = flat(screen_text(app))
            assert "○ no key office Agent" in text
            assert "Its agent has not set itself up yet" in text
            before = bench.opened.call(clients.find, AGENT, "office").setup_until_ms
            bench.clock.now_ms += 60_000
            await pilot.press("c", "y")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "Code = " in screen_text(app)
            after = bench.opened.call(clients.find, AGENT, "office").setup_until_ms
            assert after == (before or 0) + 60_000

    asyncio.run(scene())


def test_a_host_is_told_of_an_address_that_only_this_machine_reaches(bench: SettingsBench) -> None:
    bench.store.add_source("http", "http", serves="agents")

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "a")
            await pilot.pause()
            assert "▲ http://127.0.0.1:8786 is found from this machine only" in flat(
                screen_text(app)
            )
            await pilot.press(*"office", "ctrl+s")
            await app.workers.wait_for_complete()
            await pilot.pause()
            text = flat(screen_text(app))
            assert "Code = " in text
            assert "▲ http://127.0.0.1:8786 is found from this machine only" in text

    asyncio.run(scene())


def test_a_host_that_nothing_serves_is_told_so(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            await pilot.press("a", "a")
            await pilot.pause()
            assert "No source serves agents yet" in flat(screen_text(app))
            await pilot.press(*"office", "ctrl+s")
            await pilot.pause()
            assert "url: " in screen_text(app)

    asyncio.run(scene())
    assert names(bench) == ["sign-ins"]
