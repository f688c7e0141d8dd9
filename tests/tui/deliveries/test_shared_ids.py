"""Events that share an id: the screens tell them apart, and act on the one that is meant."""

from __future__ import annotations

import json

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from store.queue import deliveries, delivery_requests
from tests.support.apps import Bench, told
from tests.support.delivery_scenes import hands, played, seen
from tests.support.stores import ACTOR, event, fields, namesakes
from tui.app import TocsinApp
from tui.deliveries.reseal import EventChoiceScreen
from tui.events.event_screen import EventScreen
from tui.widgets.json_tree import JsonTree
from tui.widgets.live_table import LiveTable

EARLY, LATE = "2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"


def flat(text: str) -> str:
    """A screen's text without its frames and line ends."""
    return " ".join(text.replace("│", " ").split())


@pytest.fixture
def webhook_id(bench: Bench) -> int:
    """A webhook with a failed delivery: two events of one id, and one between them."""
    made = bench.store.add(fields(name="siem"))
    early, late = namesakes("door", EARLY, LATE)
    bench.store.append(early, event(2), late)
    bench.store.end(bench.store.started(made), 503)
    return made


def ask_without(bench: Bench, delivery: str, seq: int) -> None:
    """Reseal a delivery without one event."""
    now_ms = bench.clock.now_ms
    bench.opened.call(delivery_requests.reseal, delivery, ACTOR, now_ms, idle=True, without=seq)


def held(bench: Bench) -> list[int]:
    return [one.seq for one in bench.opened.call(deliveries.quarantine)]


def test_the_list_of_events_tells_them_apart_and_opens_the_one_under_the_cursor(
    bench: Bench, webhook_id: int
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("3")
        text = flat(await seen(app, pilot))
        assert f"door created {LATE}" in text
        assert f"door created {EARLY}" in text
        await pilot.press("down", "down", "enter")
        text = flat(await seen(app, pilot))
        assert isinstance(app.screen, EventScreen)
        assert EARLY in text
        assert LATE not in text

    played(bench, scene)


def test_a_search_for_their_id_finds_all_of_them(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("3")
        await seen(app, pilot)
        await pilot.press("slash", *"door", "enter")
        assert "2 of 3" in await seen(app, pilot)

    played(bench, scene)


def test_the_event_screen_says_who_carries_this_one(bench: Bench, webhook_id: int) -> None:
    ask_without(bench, "msg_1", 3)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("3")
        await seen(app, pilot)
        await pilot.press("enter")
        assert "in quarantine" in await seen(app, pilot)
        await pilot.press("escape", "down", "down", "enter")
        text = await seen(app, pilot)
        assert EARLY in text
        assert "in quarantine" not in text

    played(bench, scene)


def test_the_one_that_is_chosen_is_left_out(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("b", "f3")
        text = flat(await seen(app, pilot))
        assert f"1 door created {EARLY}" in text
        assert f"3 door created {LATE}" in text
        await pilot.press("end", "enter")
        assert f"door, created {LATE} (to quarantine)" in flat(await seen(app, pilot))
        await pilot.press("f2")
        await seen(app, pilot)
        assert held(bench) == [3]
        assert f"door, created {LATE} is in quarantine" in told(app)[-1]

    played(bench, scene, (120, 40))


def test_the_one_with_the_cursor_is_offered(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("enter")
        text = flat(await seen(app, pilot))
        assert f"alerts door created {LATE}" in text
        await pilot.press("p", "end", "b", "f3")
        await seen(app, pilot)
        assert isinstance(app.screen, EventChoiceScreen)
        assert app.screen.query_one(LiveTable).cursor == 3

    played(bench, scene, (120, 40))


def test_the_one_that_was_refused_is_left_out(bench: Bench, webhook_id: int) -> None:
    refused = b'{"accepted":2,"repeated":0,"refused":[{"place":"event 3 of 3","id":"door"}]}'
    bench.store.end(bench.store.started(webhook_id), 409, answer=refused)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("enter")
        await seen(app, pilot)
        answer = str(app.screen.query_one("#answer", Static).render())
        assert f"--without door --created {LATE} (b)" in answer
        await pilot.press("b")
        assert f"door, created {LATE} (to quarantine)" in flat(await seen(app, pilot))
        await pilot.press("f2")
        await seen(app, pilot)
        assert held(bench) == [3]

    played(bench, scene, (120, 40))


def test_the_quarantine_tells_them_apart_and_sends_the_one_that_is_chosen(
    bench: Bench, webhook_id: int
) -> None:
    ask_without(bench, "msg_1", 1)
    bench.store.end(hands(bench).started(webhook_id), 503)
    ask_without(bench, "msg_2", 3)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("R")
        text = flat(await seen(app, pilot))
        assert f"created {EARLY[:-1]}" in text
        assert f"created {LATE[:-1]}" in text
        assert f"tocsin webhook release {webhook_id} door --created {EARLY}" in text
        await pilot.press("down")
        assert f"door --created {LATE}" in flat(await seen(app, pilot))
        await pilot.press("R")
        assert f"Send event door (created {LATE}) to siem" in flat(await seen(app, pilot))
        await pilot.press("y")
        await seen(app, pilot)
        released = [one.released_ms is not None for one in bench.opened.call(deliveries.quarantine)]
        assert released == [False, True]

    played(bench, scene, (120, 40))


def test_a_line_within_an_event_is_of_that_event() -> None:
    event = {"type": "a", "id": "x", "more": {"b": [1, 2]}}
    tree = JsonTree(json.dumps([event] * 3).encode())
    assert [tree.item_at(line) for line in range(4)] == [None, 0, 1, 2]
    tree.open(2)
    assert [tree.item_at(line) for line in range(7)] == [None, 0, 1, 1, 1, 1, 2]
    assert JsonTree(json.dumps(event).encode()).item_at(2) is None
