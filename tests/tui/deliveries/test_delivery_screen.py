"""One delivery: its attempts, what was answered, the request, and what its keys do."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import Input

from store.maintenance.prune import Pruning, Retention
from store.queue import deliveries
from store.workers import SendingLock
from tests.support.apps import Bench, told
from tests.support.delivery_scenes import Scene, deliver, hands, let_work, seen
from tests.support.stores import DAY, MINUTE, fields
from tui.app import TocsinApp
from tui.deliveries.copying import copied_text
from tui.deliveries.delivery_screen import DeliveryScreen
from tui.widgets.json_view import JsonView
from tui.widgets.live_table import LiveTable
from tui.widgets.raw_text import FOLD, RawText

SECRET = "Bearer a-very-long-secret-3f9a"


def played(bench: Bench, scene: Scene, size: tuple[int, int] = (80, 24)) -> None:
    """Play a scene that begins on the newest delivery."""

    async def whole() -> None:
        async with bench.running(size) as (app, pilot):
            await pilot.press("2")
            await seen(app, pilot)
            await pilot.press("enter")
            await seen(app, pilot)
            assert isinstance(app.screen, DeliveryScreen)
            await scene(app, pilot)

    asyncio.run(whole())


@pytest.fixture
def webhook_id(bench: Bench) -> int:
    """A webhook whose one delivery failed twice: answered 503, then refused."""
    made = bench.store.add(fields(name="siem", headers=(("Authorization", SECRET),)))
    deliver(bench, made, 1, 503)
    bench.clock.now_ms += 3 * MINUTE
    bench.store.end(bench.store.started(made), None)
    return made


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 15)])
def test_attempts_answer_and_request_fit(
    bench: Bench, webhook_id: int, size: tuple[int, int]
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        text = await seen(app, pilot)
        assert "Attempts ── 2" in text
        assert "✗ connection refused" in text
        assert "✗ 503" in text
        assert "POST https://example.com/hook" in text

    played(bench, scene, size)


def test_the_answer_belongs_to_the_selected_attempt(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        assert "(no answer)" in await seen(app, pilot)
        await pilot.press("down")
        text = await seen(app, pilot)
        assert "Server: test" in text
        assert "ok" in text

    played(bench, scene)


def test_the_request_masks_headers_and_folds_its_json(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("p")
        text = await seen(app, pilot)
        assert "Authorization: ••••3f9a" in text
        assert "webhook-id: msg_1" in text
        assert "secret" not in text
        assert "▸ {} alerts e1" in text
        await pilot.press("v")
        assert '[{"type":"alerts","id":"e1","attributes"' in await seen(app, pilot)
        await pilot.press("v")
        assert "▸ {} alerts e1" in await seen(app, pilot)

    played(bench, scene)


def test_the_query_of_the_url_is_masked_here_and_in_the_curl_command(bench: Bench) -> None:
    made = bench.store.add(replace(fields(), url="https://example.com/hook?key=SUPER-SECRET3f9a"))
    deliver(bench, made, 1, 503)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        assert "POST https://example.com/hook?••••" in await seen(app, pilot)
        assert isinstance(app.screen, DeliveryScreen)
        command = await copied_text(app.screen.access, await app.screen.chosen(), "c")
        assert "'https://example.com/hook?••••'" in command
        assert "SUPER-SECRET" not in command

    played(bench, scene, size=(120, 40))


@pytest.mark.parametrize("keys", [("slash",), ("p", "slash"), ("v", "slash")])
def test_a_text_is_searched_in_the_request(
    bench: Bench, webhook_id: int, keys: tuple[str, ...]
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        view = app.screen.query_one(JsonView)
        await pilot.press(*keys)
        await seen(app, pilot)
        await pilot.press(*'"e')
        await seen(app, pilot)
        assert view.line.text == '"e1"'
        assert "1 of 2 · ↵ goes on to the next" in await seen(app, pilot)
        await pilot.press("enter")
        assert "2 of 2" in await seen(app, pilot)
        assert view.line.text == '"e2"'
        await pilot.press(*"zz")
        assert 'no line holds "ezz' in await seen(app, pilot)
        await pilot.press("escape")
        assert "no line holds" not in await seen(app, pilot)
        assert app.focused is view
        assert view.line.text == '"e2"'

    played(bench, scene)


def test_an_attempt_under_way_is_seen_and_its_end(bench: Bench, webhook_id: int) -> None:
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()
    let_work(bench)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        work = bench.store.started(webhook_id)
        assert "↑ sending" in await seen(app, pilot)
        bench.clock.now_ms += 3_000
        app.paint(tick=True)
        await pilot.pause()
        line = next(one for one in (await seen(app, pilot)).splitlines() if "↑" in one)
        assert "3s" in line
        bench.store.end(work, 200)
        text = await seen(app, pilot)
        assert "↑" not in text
        assert "Attempts ── 3" in text
        assert "✓ 200 OK" in text
        assert "delivered at" in text

    played(bench, scene)
    lock.release()


def test_the_attempt_that_is_read_stays_selected(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("down")
        bench.store.end(bench.store.started(webhook_id), None)
        text = await seen(app, pilot)
        assert "Attempts ── 3" in text
        assert "Server: test" in text
        table = app.screen.query_one("#attempts", LiveTable)
        assert table.keys.index(table.cursor) == 2

    played(bench, scene)


def test_retry_and_skip_from_here(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("n")
        await seen(app, pilot)
        assert "msg_1…: the next attempt is due now" in told(app)
        bench.store.end(bench.store.started(webhook_id), 404)
        await seen(app, pilot)
        assert any("attempt 3 failed" in one for one in told(app))
        await pilot.press("s", "y")
        assert "skipped by alice" in await seen(app, pilot)

    played(bench, scene)


def test_reseal_offers_the_event_in_sight(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("p", "down", "down", "b", "f3")
        await seen(app, pilot)
        await pilot.press("enter", "f2")
        await seen(app, pilot)
        work = hands(bench).started(webhook_id, new_run=False)
        assert b'"e1"' in work.body
        assert b'"e2"' not in work.body

    played(bench, scene)


def test_reseal_offers_to_leave_out_what_another_tocsin_refuses(
    bench: Bench, webhook_id: int
) -> None:
    bench.clock.now_ms += 3 * MINUTE
    refused = b'{"accepted":1,"repeated":0,"refused":[{"id":"gone"},{"id":"e2"}],"error":"x"}'
    bench.store.end(bench.store.started(webhook_id), 409, answer=refused)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        text = flat(await seen(app, pilot))
        assert "tocsin delivery reseal msg_1 --without e2 (b)" in text
        await pilot.press("b")
        text = flat(await seen(app, pilot))
        assert "e2 (to quarantine)" in text
        assert "its 1 other event is sealed anew" in text
        await pilot.press("f2")
        await seen(app, pilot)
        work = hands(bench).started(webhook_id, new_run=False)
        assert b'"e1"' in work.body
        assert b'"e2"' not in work.body

    played(bench, scene, (120, 40))


def test_the_body_is_written_to_a_new_private_file(
    bench: Bench, webhook_id: int, tmp_path: Path
) -> None:
    body = bench.opened.call(deliveries.body, "msg_1")
    target = tmp_path / "b"

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("w", *("backspace",) * 20, *str(target), "enter")
        await seen(app, pilot)
        assert target.read_bytes() == body
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        target.write_bytes(b"mine")
        await pilot.press("w", *("backspace",) * 20, *str(target), "enter")
        assert "is there already: choose another name" in flat(await seen(app, pilot))
        assert target.read_bytes() == b"mine"

    played(bench, scene)


def test_a_path_that_cannot_be_written_to_stays_to_be_mended(
    bench: Bench, webhook_id: int, tmp_path: Path
) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("w")
        box = app.screen.query_one("#save-path", Input)
        box.value = str(tmp_path / "none" / "b")
        await pilot.press("enter")
        text = flat(await seen(app, pilot))
        assert "No such file or directory" in text
        assert box.value == str(tmp_path / "none" / "b")
        box.value = str(tmp_path / "b")
        await pilot.press("enter")
        await seen(app, pilot)
        assert told(app)[-1].startswith("wrote ")
        assert (tmp_path / "b").exists()

    played(bench, scene)


def flat(text: str) -> str:
    """The words of a screen in one line, without frames."""
    return " ".join(text.replace("│", " ").split())


def test_where_the_body_was_written_is_told_with_its_folder(
    bench: Bench, webhook_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("w", "enter")
        await seen(app, pilot)
        assert told(app)[-1].endswith(f"to {tmp_path / 'msg_1.json'}")

    played(bench, scene)


def test_a_body_whose_events_were_pruned_is_told(bench: Bench) -> None:
    made = bench.store.add(fields())
    deliver(bench, made, 1)
    bench.clock.now_ms += DAY
    ages = Retention(keep_events_ms=1_000, keep_deliveries_ms=2 * DAY)
    bench.opened.call(Pruning(ages, bench.clock.now_ms).step)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        assert "the events of delivery msg_1 are no longer kept" in await seen(app, pilot)
        await pilot.press("w")
        await seen(app, pilot)
        assert "there is no body" in told(app)[-1]

    played(bench, scene)


def test_keys_lead_to_both_panes(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("p")
        assert isinstance(app.focused, JsonView)
        before = app.focused.size.height
        await pilot.press("a")
        await pilot.pause()
        assert isinstance(app.focused, LiveTable)
        assert app.screen.query_one(JsonView).size.height < before

    played(bench, scene)


def test_a_low_pane_says_how_many_headers_it_hides(bench: Bench, webhook_id: int) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        text = await seen(app, pilot)
        assert "more headers, | pager" in text
        await pilot.resize_terminal(140, 60)
        assert "more headers" not in await seen(app, pilot)

    played(bench, scene)


def test_what_is_delivered_offers_no_retry(bench: Bench) -> None:
    deliver(bench, bench.store.add(fields(name="siem")), 1, 200)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        keys = (await seen(app, pilot)).splitlines()[-1]
        assert "copy" in keys
        assert not [word for word in ("retry", "skip", "reseal") if word in keys]

    played(bench, scene)


@pytest.mark.parametrize("size", [(60, 24), (80, 24), (120, 40)])
def test_the_raw_body_is_all_there_and_folded(
    bench: Bench, webhook_id: int, size: tuple[int, int]
) -> None:
    body = bench.opened.call(deliveries.body, "msg_1").decode()

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("v")
        assert FOLD in await seen(app, pilot)
        raw = app.screen.query_one(RawText)
        shown = raw.lines(raw.size.width).plain
        assert shown.replace(f"\n{FOLD}", "") == body

    played(bench, scene, size)
