"""The path in the first line: where one is."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.apps import Bench, screen_text
from tests.support.stores import events, fields
from tui.sections import load_screen

PATHS = {
    (): "Tocsin › Admin › Webhooks ",
    ("q",): "Tocsin › Admin ",
    ("q", "b"): "Tocsin › Admin › Webhooks ",
    ("q", "b", "e"): "Tocsin › Admin › Webhooks › Edit ",
    ("q", "s"): "Tocsin › Admin › Worker and settings ",
    ("q", "s", "l"): "Tocsin › Admin › Worker and settings › Log ",
    ("o",): "Tocsin › Admin › Sources ",
    ("l",): "Tocsin › Admin › Alerts ",
    ("q", "a"): "Tocsin › Admin › Audit ",
    ("enter",): "Tocsin › Admin › Webhooks › siem › Deliveries ",
    ("enter", "enter"): "Tocsin › Admin › Webhooks › siem › Deliveries › msg_",
    ("2",): "Tocsin › Deliveries ",
    ("2", "enter"): "Tocsin › Deliveries › msg_",
    ("3",): "Tocsin › Events ",
    ("3", "enter"): "Tocsin › Events › Alerts › ",
}


def first_line(bench: Bench, keys: tuple[str, ...], size: tuple[int, int]) -> str:
    """The first line after these keys."""
    webhook_id = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 3))
    bench.store.end(bench.store.started(webhook_id), 200)
    lines: list[str] = []

    async def scene() -> None:
        async with bench.running(size) as (app, pilot):
            for key in keys:
                await pilot.press(key)
                for _ in range(3):
                    await app.workers.wait_for_complete()
                    await pilot.pause()
            lines.append(screen_text(app).split("\n")[0])

    asyncio.run(scene())
    return lines[0]


@pytest.mark.parametrize("keys", PATHS, ids="-".join)
def test_the_path_is_where_one_is(bench: Bench, keys: tuple[str, ...]) -> None:
    assert PATHS[keys] in first_line(bench, keys, (160, 24))


def test_the_end_of_a_path_stays_where_there_is_little_room(bench: Bench) -> None:
    line = first_line(bench, ("enter",), (60, 15))
    assert line.startswith(" … ›")
    assert "siem › Deliveries " in line


def test_of_a_long_name_the_beginning_stays_where_there_is_little_room(bench: Bench) -> None:
    bench.store.add(fields(name="collector-of-the-north-and-of-the-whole-east"))
    lines: list[str] = []

    async def scene() -> None:
        async with bench.running((70, 24)) as (app, pilot):
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await pilot.pause()
            lines.append(screen_text(app).split("\n")[0])

    asyncio.run(scene())
    assert "… › collector-of-th… › Deliveries " in lines[0]


PLACES = {
    "tui.sources.screen:SourcesScreen": "Sources",
    "tui.admin.alerts:AlertsScreen": "Alerts",
    "tui.admin.audit:AuditScreen": "Audit",
    "tui.admin.settings:SettingsScreen": "Worker and settings",
}


@pytest.mark.parametrize("screen", PLACES, ids=PLACES.get)
def test_a_screen_of_admin_is_there_wherever_one_came_from(bench: Bench, screen: str) -> None:
    bench.store.add(fields(name="siem"))
    kind = load_screen(screen)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("3")
            await app.navigation.open(kind)
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert f"Tocsin › Admin › {PLACES[screen]} " in screen_text(app)
            await pilot.press("q")
            await pilot.pause()
            assert "Tocsin › Events " in screen_text(app)

    asyncio.run(scene())
