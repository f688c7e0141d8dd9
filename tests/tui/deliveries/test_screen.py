"""Deliveries: what the list tells, how it stays still, and what its keys do."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot

from store import webhooks
from store.maintenance.prune import Pruning, Retention
from store.workers import SendingLock
from tests.support.apps import Bench, screen_text
from tests.support.delivery_scenes import (
    deliver,
    let_work,
    played,
    screen_of,
    seen,
    under_cursor,
)
from tests.support.stores import ACTOR, DAY, NOW, events, fields
from tui.app import TocsinApp
from tui.deliveries import screen
from tui.deliveries.screen import MOVE_MS, MOVES_AT_ONCE


def test_nothing_yet_is_explained(bench: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        assert "Nothing was sealed for delivery yet" in screen_text(app)

    played(bench, scene)


def test_the_first_deliveries_have_the_keys(bench: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        webhook_id = bench.store.add(fields(name="siem"))
        deliver(bench, webhook_id, 1)
        deliver(bench, webhook_id, 3)
        await seen(app, pilot)
        await pilot.press("j")
        assert under_cursor(app) == "msg_1"

    played(bench, scene)


def test_what_fails_stands_first_with_its_reason(bench: Bench, siem: int) -> None:
    bench.store.append(*events(7, 9))

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        lines = screen_text(app).splitlines()
        assert "3 deliveries · 3 events queued" in lines[2]
        assert lines[4].split()[1:5] == ["✗", "sealed", "0s", "siem"]
        assert "503 · no worker" in lines[4]
        assert "✓ 14:13:22" in lines[5]
        assert "200 OK" in lines[5]
        assert "msg_3 · 2 events (Alerts)" in lines[-4]
        assert "attempt 1: answered 503, after 40ms" in lines[-2]

    played(bench, scene)


def test_wide_screens_name_type_and_id(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        row = screen_text(app).splitlines()[4]
        assert "Alerts" in row
        assert "msg_3" in row
        assert "40ms" in row

    played(bench, scene, (140, 40))


def test_the_deliveries_of_one_webhook_do_not_name_it(bench: Bench, siem: int) -> None:
    other = bench.store.add(fields(name="pager"))
    deliver(bench, other, 20)
    bench.store.append(*events(22, 23))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.pause()
            await pilot.press("down", "enter")
            text = await seen(app, pilot)
            assert "Webhooks › pager › Deliveries" in text
            assert "1 delivery · 2 events queued · no worker is sending" in text

    asyncio.run(scene())


def test_the_result_is_a_countdown_while_a_worker_sends(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        lock = SendingLock(bench.opened.path)
        assert lock.acquire()
        let_work(bench)
        assert "503 · next in 3:00" in await seen(app, pilot)
        bench.clock.now_ms += 2_000
        app.paint(tick=True)
        await pilot.pause()
        assert "503 · next in 2:58" in screen_text(app)
        work = bench.store.started(siem)
        bench.clock.now_ms += 4_000
        assert "↑ sealed 6s" in await seen(app, pilot)
        assert "sending 4s" in screen_text(app)
        bench.store.end(work, 200)
        assert "200, after 1 failed" in await seen(app, pilot)
        lock.release()

    played(bench, scene)


def test_new_rows_are_held_back_while_the_cursor_is_elsewhere(bench: Bench, siem: int) -> None:
    bench.store.end(bench.store.started(siem), 200)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("down")
        held = under_cursor(app)
        deliver(bench, siem, 7)
        deliver(bench, siem, 9)
        text = await seen(app, pilot)
        assert "▲ 2 new" in text
        assert "msg_5" not in text
        assert under_cursor(app) == held
        await pilot.press("f")
        assert "new" not in (await seen(app, pilot)).splitlines()[2]
        assert under_cursor(app) == "msg_5"

    played(bench, scene)


def test_home_follows_again(bench: Bench, siem: int) -> None:
    bench.store.end(bench.store.started(siem), 200)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("down")
        deliver(bench, siem, 7)
        assert "▲ 1 new" in await seen(app, pilot)
        await pilot.press("home")
        await seen(app, pilot)
        assert under_cursor(app) == "msg_4"
        deliver(bench, siem, 9)
        await seen(app, pilot)
        assert under_cursor(app) == "msg_5"

    played(bench, scene)


def test_follow_can_be_stopped_on_the_first_row(bench: Bench, siem: int) -> None:
    bench.store.end(bench.store.started(siem), 200)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("f")
        deliver(bench, siem, 7)
        assert "▲ 1 new" in await seen(app, pilot)
        assert under_cursor(app) == "msg_3"

    played(bench, scene)


@pytest.mark.parametrize("key", ["home", "g", "f"])
def test_what_is_held_back_on_the_first_row_is_shown_by_every_key_that_was_told(
    bench: Bench, siem: int, key: str
) -> None:
    bench.store.end(bench.store.started(siem), 200)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("f")
        deliver(bench, siem, 7)
        assert "▲ 1 new" in await seen(app, pilot)
        await pilot.press(key)
        assert "new" not in (await seen(app, pilot)).splitlines()[1]
        assert screen_of(app).follows

    played(bench, scene)


def test_in_a_burst_the_list_moves_only_now_and_then(bench: Bench, siem: int) -> None:
    bench.store.end(bench.store.started(siem), 200)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        for number in range(MOVES_AT_ONCE + 1):
            deliver(bench, siem, 7 + 2 * number)
            bench.clock.now_ms -= 1_000
            text = await seen(app, pilot)
        assert "new" not in text.splitlines()[2]
        assert f"{MOVES_AT_ONCE + 4} deliveries" in text
        assert under_cursor(app) == f"msg_{MOVES_AT_ONCE + 3}"
        bench.clock.now_ms += MOVE_MS
        app.paint(tick=True)
        await pilot.pause()
        assert under_cursor(app) == f"msg_{MOVES_AT_ONCE + 4}"

    played(bench, scene)


def test_a_filter_is_told_in_the_title_and_taken_away(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("slash", *"status:5xx", "enter")
        text = await seen(app, pilot)
        assert "Deliveries ── status:5xx" in text
        assert "1 of 3 deliveries" in text
        assert "200 OK" not in text
        bench.store.end(bench.store.started(siem), 200)
        assert "Nothing matches" in await seen(app, pilot)
        await pilot.press("escape")
        text = await seen(app, pilot)
        assert "status:5xx" not in text
        assert "3 deliveries" in text
        assert not screen_of(app).filter_line.display

    played(bench, scene)


@pytest.mark.parametrize("entered", ["", "status:2xx"])
def test_a_wrong_filter_changes_nothing_and_is_kept_for_correction(
    bench: Bench, siem: int, entered: str
) -> None:
    count = "2 of 3 deliveries" if entered else "3 deliveries"

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        if entered:
            await pilot.press("slash", *entered, "enter", "slash", "end", *["backspace"] * 10)
        await pilot.press("slash" if not entered else "end", *"state:foo", "enter")
        text = await seen(app, pilot)
        assert "no state foo: write pending, sending" in text
        assert count in text
        box = screen_of(app).filter_line.box
        assert box.has_focus
        assert box.value == "state:foo"
        await pilot.press(*["backspace"] * 3, *"failing")
        text = await seen(app, pilot)
        assert "no state" not in text
        assert "1 of 3 deliveries" in text
        await pilot.press("enter", "j")
        assert "1 of 3 deliveries" in await seen(app, pilot)
        assert screen_of(app).table.has_focus

    played(bench, scene)


def test_a_wrong_filter_can_be_left(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("slash", *"state:good")
        assert "no state good" in await seen(app, pilot)
        await pilot.press("escape")
        text = await seen(app, pilot)
        assert "no state" not in text
        assert "3 deliveries" in text
        assert screen_of(app).table.has_focus

    played(bench, scene)


@pytest.mark.parametrize(
    ("width", "offered"),
    [
        (120, "text · !text · state:failing · webhook:NAME · since:1h · status:5xx · type:alerts"),
        (80, "text · !text · state:failing · webhook:NAME · since:1h · status:5xx "),
        (60, "text · !text · state:failing · webhook:NAME · since:1h "),
    ],
)
def test_the_filter_offers_as_many_whole_words_as_fit(
    bench: Bench, siem: int, width: int, offered: str
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("slash")
        assert offered in await seen(app, pilot)

    played(bench, scene, (width, 24))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("i", "msg_3"),
        ("u", "https://example.com/hook"),
        ("h", "\nwebhook-id: msg_3\n"),
        ("p", '[{"type":"alerts","id":"e5","attributes":{"text":""}},'),
        ("a", "Server: test\n\nok"),
        ("c", "--data-binary '[{"),
    ],
)
def test_copying(
    bench: Bench, siem: int, monkeypatch: pytest.MonkeyPatch, key: str, expected: str
) -> None:
    monkeypatch.delenv("TMUX", raising=False)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("y")
        assert "a curl command, its secrets masked" in await seen(app, pilot)
        await pilot.press(key)
        await seen(app, pilot)
        assert expected in app.clipboard

    played(bench, scene)


def test_a_copied_command_holds_no_secret(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    wanted = fields(headers=(("Authorization", "Bearer a-very-long-secret-3f9a"),))
    webhook_id = bench.store.add(wanted, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    deliver(bench, webhook_id, 1, 500)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("y", "c")
        await seen(app, pilot)
        assert "'Authorization: ••••3f9a'" in app.clipboard
        assert "'webhook-id: msg_1'" in app.clipboard
        assert "secret" not in app.clipboard
        assert "whsec" not in app.clipboard
        await pilot.press("y", "h")
        await seen(app, pilot)
        assert "\nAuthorization: ••••3f9a" in f"\n{app.clipboard}"
        assert "secret" not in app.clipboard

    played(bench, scene)


def test_a_deleted_webhook_leaves_its_deliveries(bench: Bench, siem: int) -> None:
    bench.opened.call(webhooks.delete, [siem], ACTOR, NOW)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        text = screen_text(app)
        assert "webhook 1" in text
        assert "its webhook is deleted" in text

    played(bench, scene)


def test_deliveries_that_are_pruned_leave_the_list(bench: Bench, siem: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("end")
        assert under_cursor(app) == "msg_1"
        bench.clock.now_ms += DAY
        ages = Retention(keep_events_ms=DAY, keep_deliveries_ms=DAY + 1_500)
        bench.opened.call(Pruning(ages, bench.clock.now_ms).step)
        assert "2 deliveries" in await seen(app, pilot)
        assert under_cursor(app) == "msg_2"

    played(bench, scene)


def many(bench: Bench, count: int) -> None:
    """A webhook with so many deliveries, all made a day ago."""
    webhook_id = bench.store.add(fields())
    store = bench.store
    for number in range(count):
        store.append(*events(number, number))
        store.end(store.started(webhook_id), 200)
    bench.clock.now_ms += DAY


def test_all_of_many_marked_ones_are_copied(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "KEPT_ROWS", 50)
    many(bench, 300)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        table = screen_of(app).table
        table.marked |= set(table.keys)
        chosen = await screen_of(app).chosen()
        assert [one.id for one in chosen] == [f"msg_{n}" for n in range(300, 0, -1)]

    played(bench, scene)


def test_facts_come_with_their_row_though_nothing_else_moves(bench: Bench) -> None:
    many(bench, 300)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("end")
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "msg_1 · 1 event" in screen_text(app)

    played(bench, scene)
