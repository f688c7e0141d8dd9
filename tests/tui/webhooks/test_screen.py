"""Admin › Webhooks: what the list tells, and what its keys do."""

from __future__ import annotations

import asyncio

import pytest

from store import webhooks
from tests.support.apps import Bench, screen_text, told
from tests.support.stores import events, fields


def test_an_empty_list_explains_the_first_step(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            assert "No webhooks yet" in screen_text(app)
            assert "o  leads to the sources" in screen_text(app)

    asyncio.run(scene())


@pytest.mark.parametrize(("key", "title"), [("o", "Sources ── "), ("l", "Kinds of alerts ── ")])
def test_what_it_opens_on_leads_to_where_events_come_from(
    bench: Bench, key: str, title: str
) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press(key)
            await bench.settle(app, pilot)
            await app.workers.wait_for_complete()
            assert title in screen_text(app)
            await pilot.press("q")
            await bench.settle(app, pilot)
            assert "No webhooks yet" in screen_text(app)

    asyncio.run(scene())


def test_a_row_tells_queue_and_reason(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 12))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            text = screen_text(app)
            assert "siem" in text
            assert "12" in text
            assert "no worker is sending" in text

    asyncio.run(scene())


def test_pause_and_undo(bench: Bench) -> None:
    webhook_id = bench.store.add(fields(name="siem"))

    def is_active() -> bool:
        vault = bench.opened.vault
        return bench.opened.call(webhooks.find, webhook_id, vault).fields.active

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("p")
            await bench.settle(app, pilot)
            assert not is_active()
            assert "‖ inactive" in screen_text(app)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert is_active()

    asyncio.run(scene())


def test_delete_asks_and_can_be_undone(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("x")
            await pilot.pause()
            assert "Delete webhook 1 (siem)?" in screen_text(app)
            assert "siem: 0 events will not be sent." in screen_text(app)
            await pilot.press("n", "x", "y")
            await app.workers.wait_for_complete()
            await bench.settle(app, pilot)
            assert "No webhooks yet" in screen_text(app)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert "siem" in screen_text(app)

    asyncio.run(scene())


def test_what_another_process_writes_is_seen(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            bench.store.add(fields(name="pager"))
            await bench.settle(app, pilot)
            assert "pager" in screen_text(app)

    asyncio.run(scene())


def test_an_undo_outlives_the_screen(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("p")
            await bench.settle(app, pilot)
            await pilot.press("q", "b")
            await pilot.pause()
            assert "‖ inactive" in screen_text(app)
            await pilot.press("u")
            await bench.settle(app, pilot)
            assert "‖ inactive" not in screen_text(app)

    asyncio.run(scene())


def test_what_is_sealed_for_a_failing_webhook_counts_as_waiting(bench: Bench) -> None:
    webhook_id = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 12))
    bench.store.end(bench.store.started(webhook_id), 500)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            header, row = screen_text(app).splitlines()[2:4]
            end = header.index("Waiting") + len("Waiting")
            assert row[:end].endswith(" 12")
            assert "12 events wait: in msg_1… (" in screen_text(app)
            bench.store.append(*events(13, 15))
            await bench.settle(app, pilot)
            assert screen_text(app).splitlines()[3][:end].endswith(" 15")
            assert "15 events wait: 12 in msg_1… (" in screen_text(app)
            assert "), 3 queued" in screen_text(app)
            assert "answered 500" in screen_text(app).splitlines()[-2]

    asyncio.run(scene())


def test_an_empty_list_offers_only_keys_that_work(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            assert "a add" in screen_text(app).splitlines()[-1]
            for absent in ("edit", "pause", "send", "test", "delete", "filter", "undo", "open"):
                assert absent not in screen_text(app).splitlines()[-1]
            await pilot.press("n", "p", "x", "enter")
            await pilot.pause()
            assert not told(app)
            bench.store.add(fields(name="siem"))
            await bench.settle(app, pilot)
            await pilot.pause()
            assert "e edit  p pause  n send now" in screen_text(app).splitlines()[-1]
            await pilot.press("p")
            await bench.settle(app, pilot)
            assert "‖ inactive" in screen_text(app)

    asyncio.run(scene())


def test_the_empty_list_names_the_key_that_adds(bench: Bench) -> None:
    app = bench.app({"webhooks.add": "f8"})

    async def scene() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await bench.settle(app, pilot)
            assert "Press  f8  to add" in screen_text(app)

    asyncio.run(scene())


def test_who_has_no_key_that_adds_is_told_of_the_palette(bench: Bench) -> None:
    app = bench.app({"webhooks.edit": "a,plus"})

    async def scene() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await bench.settle(app, pilot)
            assert "Press  ^p  and type  add webhook  to add the first one" in screen_text(app)
            bench.store.add(fields())
            await bench.settle(app, pilot)
            assert "─ Webhooks ── 1 ─" in screen_text(app)

    asyncio.run(scene())


def test_an_inactive_webhook_without_events_is_not_said_to_be_all_delivered(bench: Bench) -> None:
    bench.store.add(fields(name="siem", active=False))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            assert "inactive: it collects and sends nothing" in screen_text(app)
            assert "all is delivered" not in screen_text(app)

    asyncio.run(scene())
