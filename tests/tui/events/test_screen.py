"""Events: the list by type, following, searching, and one event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from domain.event_types import EventType
from domain.events import Event
from store.events.keys import within
from store.models import EventRow, HeadRow
from store.workers import SendingLock
from tests.support.apps import Bench, screen_text
from tests.support.stores import ALERTS, CREATED_S, compact, event, events, fields
from tui.app import TocsinApp
from tui.deliveries.delivery_screen import DeliveryScreen
from tui.deliveries.screen import DeliveriesScreen
from tui.events.event_screen import EventScreen
from tui.events.rows import key_of
from tui.events.screen import EventsScreen
from tui.widgets.json_view import JsonView
from tui.widgets.live_table import LiveTable

STATS = EventType.ENDPOINT_STATS


@asynccontextmanager
async def at_events(
    bench: Bench, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[TocsinApp, Pilot[int]]]:
    async with bench.running(size) as (app, pilot):
        await press(app, pilot, "3")
        while not is_shown(app):
            await pilot.pause()
        yield app, pilot


def is_shown(app: TocsinApp) -> bool:
    """True once the list is read, and it or the words in its place are laid out."""
    screen = app.screen
    return (
        isinstance(screen, EventsScreen)
        and screen.takes_keys
        and any(part.display and part.size.height for part in screen.query("#events, #no-events"))
    )


async def press(app: TocsinApp, pilot: Pilot[int], *keys: str) -> None:
    """Press keys one by one, each after what the last one began is done."""
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()


async def come(bench: Bench, app: TocsinApp, pilot: Pilot[int], *batch: Event) -> None:
    """Let events come and the screen see them."""
    bench.store.append(*batch)
    await bench.settle(app, pilot)
    await app.workers.wait_for_complete()
    await pilot.pause()


def listed(app: TocsinApp) -> list[str]:
    """The ids in sight, from the top."""
    assert isinstance(app.screen, EventsScreen)
    cells = [line.split() for line in screen_text(app).splitlines() if ":" in line and "│" in line]
    return [words[3] for words in cells if len(words) > 3 and words[2].count(":") == 2]


def test_the_newest_event_is_first(bench: Bench) -> None:
    bench.store.append(*events(1, 3))

    async def scene() -> None:
        async with at_events(bench) as (app, _):
            assert listed(app) == ["e3", "e2", "e1"]
            assert "Alerts ── 3" in screen_text(app)

    asyncio.run(scene())


def test_an_empty_type_says_what_would_come_and_how(bench: Bench) -> None:
    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            assert "tocsin event emit" in screen_text(app)
            assert "No Alerts yet" in screen_text(app)
            await press(app, pilot, "right")
            assert "This host's WireGuard" in screen_text(app)
            await come(bench, app, pilot, *events(1, 1, STATS))
            assert listed(app) == ["e1"]

    asyncio.run(scene())


def test_after_an_empty_type_the_list_has_the_keys_again(bench: Bench) -> None:
    bench.store.append(*events(7, 9, STATS))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "right", "j", "enter")
            assert isinstance(app.screen, EventScreen)
            assert "endpoint_stats e8" in screen_text(app)

    asyncio.run(scene())


def test_arrows_and_clicks_choose_the_type(bench: Bench) -> None:
    bench.store.append(*events(1, 2), *events(7, 9, STATS))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "right")
            assert listed(app) == ["e9", "e8", "e7"]
            await press(app, pilot, "left", "left")
            assert "No Log Changes yet" in screen_text(app)
            await pilot.click("#event-types", offset=(3, 0))
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert listed(app) == ["e2", "e1"]

    asyncio.run(scene())


def test_the_list_follows_until_it_is_left_and_home_resumes(bench: Bench) -> None:
    bench.store.append(*events(1, 40))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await come(bench, app, pilot, event(41))
            assert listed(app)[0] == "e41"
            await press(app, pilot, "down", "down")
            before = listed(app)
            await come(bench, app, pilot, *events(42, 53))
            assert listed(app) == before
            assert "▲ 12 new" in screen_text(app)
            await press(app, pilot, "home")
            assert listed(app)[0] == "e53"
            assert "● following" in screen_text(app)

    asyncio.run(scene())


def test_a_stream_of_events_is_followed_to_its_end(bench: Bench) -> None:
    bench.store.append(*events(1, 3))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot), asyncio.timeout(60):
            for number in range(4, 9):
                await come(bench, app, pilot, event(number))
            while listed(app)[0] != "e8":
                await pilot.pause(0.05)

    asyncio.run(scene())


@pytest.mark.parametrize("key", ["f", "home"])
def test_f_stops_and_what_goes_to_the_newest_resumes(bench: Bench, key: str) -> None:
    bench.store.append(*events(1, 3))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "f")
            await come(bench, app, pilot, event(4))
            assert listed(app)[0] == "e3"
            await press(app, pilot, key)
            assert listed(app)[0] == "e4"

    asyncio.run(scene())


def test_a_search_finds_ids_and_text_and_what_comes_later(bench: Bench) -> None:
    batch = [event(n, text="needle" if n % 10 == 0 else "hay") for n in range(1, 41)]
    bench.store.append(*batch)

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "slash", *"Needle", "enter")
            assert listed(app) == ["e40", "e30", "e20", "e10"]
            assert "/Needle ── 4 of 40" in screen_text(app)
            await come(bench, app, pilot, event(41, text="needle"), event(42, text="hay"))
            assert listed(app) == ["e41", "e40", "e30", "e20", "e10"]
            await press(app, pilot, "q")
            assert listed(app)[0] == "e42"

    asyncio.run(scene())


def test_a_search_for_nothing_says_so(bench: Bench) -> None:
    bench.store.append(*events(1, 3))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "slash", *"zebra")
            assert "No Alerts with this text: 0 of 3." in screen_text(app)
            await press(app, pilot, "escape")
            assert listed(app) == ["e3", "e2", "e1"]

    asyncio.run(scene())


def test_a_search_is_left_by_entering_nothing(bench: Bench) -> None:
    bench.store.append(*events(1, 3))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "slash", "2", "enter", "slash", "backspace", "enter")
            assert listed(app) == ["e3", "e2", "e1"]
            assert isinstance(app.screen, EventsScreen)
            assert not app.screen.filter_line.display
            assert app.screen.table.has_focus

    asyncio.run(scene())


def test_pruned_events_go_from_the_list(bench: Bench) -> None:
    bench.store.append(*events(1, 4))

    def prune() -> None:
        EventRow.delete().where(within(ALERTS, last=2)).execute()
        HeadRow.update(pruned=2).where(HeadRow.type == ALERTS.value).execute()

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "end")
            bench.opened.call(prune)
            await come(bench, app, pilot)
            assert listed(app) == ["e4", "e3"]
            assert "Alerts ── 2" in screen_text(app)

    asyncio.run(scene())


def test_far_down_only_what_is_in_sight_is_read(bench: Bench) -> None:
    bench.store.append(*events(1, 3_000))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "end")
            assert listed(app)[-1] == "e1"
            await press(app, pilot, "pageup")
            table = app.screen.query_one(LiveTable)
            assert len(listed(app)) == table.size.height - 1
            assert table.row_of(key_of(ALERTS, 1_500)) is None

    asyncio.run(scene())


def test_an_event_opens_with_its_json_and_who_got_it(bench: Bench) -> None:
    webhook = bench.store.add(fields(name="siem"))
    value = {"type": "alerts", "id": "e1", "attributes": {"price": 1}}
    body = compact(value).replace(b"1}", b"10.10}")
    bench.store.append(Event(ALERTS, "e1", body, created_s=CREATED_S))
    work = bench.store.started(webhook)
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "enter")
            assert isinstance(app.screen, EventScreen)
            text = screen_text(app)
            assert "price: 10.10" in text
            assert "siem" in text
            assert "sending, attempt 1" in text
            bench.store.end(work, 200)
            await come(bench, app, pilot)
            assert "delivered, 200" in screen_text(app)
            await press(app, pilot, "q")
            assert "‖ stopped" in screen_text(app)

    asyncio.run(scene())
    lock.release()


def test_who_has_it_queued_is_told_too_and_opens(bench: Bench) -> None:
    one = bench.store.add(fields(name="siem"))
    bench.store.add(fields(name="pager", active=False))
    bench.store.append(event(1))
    bench.store.end(bench.store.started(one), 200)

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "enter", "tab")
            text = screen_text(app)
            assert "delivered, 200" in text
            assert "waits: queued" in text
            await press(app, pilot, "home", "enter")
            assert isinstance(app.screen, DeliveriesScreen)
            assert app.screen.webhook_id == 2

    asyncio.run(scene())


def test_a_text_is_searched_in_an_event(bench: Bench) -> None:
    bench.store.append(event(1, text="needle"))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "enter", "slash", *"needle", "escape")
            assert isinstance(app.screen, EventScreen)
            view = app.screen.query_one(JsonView)
            assert view.has_focus
            assert view.line.label == "text: "

    asyncio.run(scene())


def test_a_delivery_that_carried_it_opens(bench: Bench) -> None:
    webhook = bench.store.add()
    bench.store.append(event(1))
    bench.store.end(bench.store.started(webhook), 200)

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "enter", "tab", "enter")
            assert isinstance(app.screen, DeliveryScreen)

    asyncio.run(scene())


def test_an_event_that_nobody_takes_says_so(bench: Bench) -> None:
    bench.store.append(event(1))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "enter")
            assert "no webhook takes Alerts" in screen_text(app)

    asyncio.run(scene())


def test_an_event_that_was_pruned_meanwhile_is_refused_in_words(bench: Bench) -> None:
    bench.store.append(event(1))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            bench.opened.call(lambda: EventRow.delete().execute())
            await press(app, pilot, "enter")
            assert "event 1 of type alerts is no longer kept" in screen_text(app)

    asyncio.run(scene())


def test_id_and_json_are_copied(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    bench.store.append(event(1))

    async def scene() -> None:
        async with at_events(bench) as (app, pilot):
            await press(app, pilot, "y")
            assert app.clipboard == "e1"
            await press(app, pilot, "Y")
            assert app.clipboard.encode() == event(1).body
            await press(app, pilot, "enter", "y")
            assert app.clipboard == "e1"

    asyncio.run(scene())
