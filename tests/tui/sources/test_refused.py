"""Admin › Sources › Refused: the list, the text, and what is done with one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from domain.source_kinds import PROCUSTODIBUS
from store import audit, refusals
from store.records import StoredRefusal
from tests.support.apps import (
    SHORTLY_AFTER,
    SettingsBench,
    flat,
    notice,
    open_part,
    screen_text,
    settings_bench,
)
from tests.support.receiver_client import Receiver
from tests.support.running_worker import hook
from tests.support.stores import fields
from tui.app import TocsinApp
from tui.sources.refused import RefusedScreen

ODD = b'{"type": "log_errors", "id": "e1", "site": "their own"}'
OTHER = b'{"type": "log_errors", "id": "e2", "score": 0.50}'
HALF = b'{"type": "ale'


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SettingsBench]:
    with settings_bench(tmp_path / "home" / "tocsin.db") as made:
        made.clock.now_ms = SHORTLY_AFTER
        made.store.add_source("pc", PROCUSTODIBUS)
        yield made


def kept(bench: SettingsBench) -> list[StoredRefusal]:
    return bench.opened.call(refusals.load_all)


async def opened(bench: SettingsBench, app: TocsinApp, pilot: Pilot[int]) -> None:
    """Open what the source `pc` could not queue."""
    await open_part(bench, app, pilot, "o")
    await pilot.press("o")
    await bench.settle(app, pilot)


async def answered(bench: SettingsBench, app: TocsinApp, pilot: Pilot[int], name: str) -> None:
    """Name a webhook to the question."""
    app.screen.query_one("#receiver-name", Input).value = name
    await pilot.press("enter")
    await app.workers.wait_for_complete()
    await bench.settle(app, pilot)


def test_the_key_is_offered_only_where_something_is_refused(bench: SettingsBench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await open_part(bench, app, pilot, "o")
            assert "o refused" not in flat(screen_text(app))
            await pilot.press("o")
            assert not isinstance(app.screen, RefusedScreen)
            bench.store.refuse(ODD)
            await bench.settle(app, pilot)
            text = flat(screen_text(app))
            assert "1 refused event is kept whole; o opens." in text
            assert "o refused" in text

    asyncio.run(scene())


def test_each_text_is_shown_whole_with_the_reason(bench: SettingsBench) -> None:
    bench.store.refuse(ODD, OTHER, HALF)

    async def scene() -> None:
        async with bench.running((120, 40)) as (app, pilot):
            await opened(bench, app, pilot)
            text = screen_text(app)
            assert "Admin › Sources › Refused" in text
            assert "Refused ── 3 " in text
            assert text.count("○ waiting") == 3
            assert "type: unknown type" in text
            assert 'site: "their own"' in text
            await pilot.press("down")
            await bench.settle(app, pilot)
            assert "score: 0.50" in screen_text(app)
            await pilot.press("down")
            await bench.settle(app, pilot)
            assert HALF.decode() in screen_text(app)

    asyncio.run(scene())


def test_one_is_sent_to_the_webhook_that_is_named(bench: SettingsBench, receiver: Receiver) -> None:
    bench.store.refuse(ODD)
    bench.store.add(hook(receiver.url("/script:503,200/hand"), name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await opened(bench, app, pilot)
            await pilot.press("s")
            await bench.settle(app, pilot)
            assert "1 siem" in screen_text(app)
            await answered(bench, app, pilot, "soar")
            assert "there is no webhook soar" in screen_text(app)
            await answered(bench, app, pilot, "siem")
            assert "answered 503" in notice(app)
            assert "✗ not sent" in screen_text(app)
            await pilot.press("s")
            await bench.settle(app, pilot)
            await answered(bench, app, pilot, "1")
            assert "to webhook 1 (siem): answered 200" in notice(app)
            assert "✓ sent" in screen_text(app)
            assert "sent to siem" in flat(screen_text(app))

    asyncio.run(scene())
    assert [one.body for one in receiver.requests("/script:503,200/hand")] == [
        b"[" + ODD + b"]",
        b"[" + ODD + b"]",
    ]
    [one] = kept(bench)
    assert (one.state, one.attempts, one.sent_to) == ("sent", 2, 1)
    actions = [line.action for line in bench.opened.call(audit.changes)]
    assert actions.count("refused.send") == 2


def test_what_cannot_be_sent_says_why(bench: SettingsBench) -> None:
    bench.store.refuse(HALF)
    bench.store.add(fields(name="siem"))
    bench.store.add(fields(name="quiet", active=False))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await opened(bench, app, pilot)
            for name, reason in (("siem", "no whole JSON text"), ("quiet", "is inactive")):
                await pilot.press("s")
                await bench.settle(app, pilot)
                await answered(bench, app, pilot, name)
                assert reason in notice(app)

    asyncio.run(scene())
    assert kept(bench)[0].attempts == 0


def test_one_is_written_to_a_file_byte_for_byte(bench: SettingsBench, tmp_path: Path) -> None:
    bench.store.refuse(OTHER)
    file = tmp_path / "refused.json"

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await opened(bench, app, pilot)
            await pilot.press("w")
            await bench.settle(app, pilot)
            app.screen.query_one("#save-path", Input).value = str(file)
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await bench.settle(app, pilot)
            assert f"wrote {len(OTHER)} bytes" in notice(app)

    asyncio.run(scene())
    assert file.read_bytes() == OTHER


def test_one_is_forgotten_after_asking(bench: SettingsBench) -> None:
    bench.store.refuse(ODD, OTHER)
    first, second = kept(bench)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await opened(bench, app, pilot)
            await pilot.press("x")
            await bench.settle(app, pilot)
            assert f"Forget the refused event {first.id}?" in screen_text(app)
            await pilot.press("n")
            await bench.settle(app, pilot)
            assert len(kept(bench)) == 2
            await pilot.press("x")
            await bench.settle(app, pilot)
            await pilot.press("y")
            await app.workers.wait_for_complete()
            await bench.settle(app, pilot)
            assert "Refused ── 1 " in screen_text(app)
            assert "score: 0.50" in screen_text(app)
            for key in ("x", "x", "y"):  # another row came under the cursor by itself
                await pilot.press(key)
                await app.workers.wait_for_complete()
                await bench.settle(app, pilot)
            assert "Nothing is refused" in screen_text(app)

    asyncio.run(scene())
    assert kept(bench) == []
    assert second.id != first.id
