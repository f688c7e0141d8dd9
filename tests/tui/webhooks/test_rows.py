"""Admin › Webhooks: finding rows, choosing several, and taking back what was done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from domain.actors import Actor
from domain.signing import generate_secret
from store import webhooks
from store.database import Store
from store.queue import backlog
from store.records import Secrets, Webhook
from store.webhook_edits import ROTATION_MS, RestoreSecrets, RotateSecret
from tests.support.apps import Bench, screen_text, told
from tests.support.stores import NOW, fields
from tui.app import TocsinApp
from tui.webhook_form.saving import Saved
from tui.webhook_form.screen import WebhookFormScreen
from tui.webhooks.screen import WebhooksScreen
from tui.widgets.live_table import LiveTable

OLD = generate_secret(lambda count: b"\x01" * count)
NEW = generate_secret(lambda count: b"\x02" * count)
OTHER = Actor("bob", "bob", "192.0.2.9")
Scene = Callable[[TocsinApp, Pilot[int]], Awaitable[None]]


def play(bench: Bench, scene: Scene, size: tuple[int, int] = (80, 24)) -> None:
    async def whole() -> None:
        async with bench.running(size) as (app, pilot):
            await pilot.pause()
            await scene(app, pilot)

    asyncio.run(whole())


def names(app: TocsinApp) -> list[str]:
    """The names in the list, from the top."""
    screen = webhooks_screen(app)
    known = screen.live.report.overview.webhooks  # type: ignore[union-attr]
    by_id = {one.webhook.id: one.webhook.fields.name or "" for one in known}
    return [by_id[key] for key in screen.table.keys]


def webhooks_screen(app: TocsinApp) -> WebhooksScreen:
    return next(one for one in app.screen_stack if isinstance(one, WebhooksScreen))


def found(bench: Bench, webhook_id: int) -> Webhook:
    return bench.opened.call(webhooks.find, webhook_id, bench.opened.vault)


def active(bench: Bench) -> list[int]:
    known = bench.opened.call(webhooks.load_all, bench.opened.vault)
    return [one.id for one in known if one.fields.active]


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def test_the_frame_offers_a_key_only_while_it_is_not_typed_into_the_filter(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        assert "+ add (a) ─╮" in screen_text(app)
        for mark, offered in (("", "+ add"), ("space", "unmark")):
            await press(pilot, *filter(None, [mark]), "slash")
            assert f"{offered} ─╮" in screen_text(app)
            await press(pilot, *"pag", "enter")
            assert f"{offered} (" in screen_text(app)
            await press(pilot, "escape")

    play(three, scene)


def test_the_filter_shows_rows_that_hold_a_text_or_do_not(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "slash", *"pag")
        assert names(app) == ["pager"]
        assert "1 of 3" in screen_text(app)
        await press(pilot, "escape")
        assert len(names(app)) == 3
        await press(pilot, "slash", *"!pag")
        assert sorted(names(app)) == ["archive", "siem"]

    play(three, scene)


def test_the_worst_is_first_and_other_columns_sort(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        assert names(app) == ["pager", "siem", "archive"]
        await press(pilot, "s")
        assert names(app) == ["siem", "pager", "archive"]  # Alerts, Log Authn, Log Changes
        await press(pilot, "S")
        assert names(app) == ["archive", "pager", "siem"]
        await press(pilot, "s")
        assert names(app) == ["archive", "pager", "siem"]  # by receiver
        await press(pilot, "s")
        assert names(app)[0] == "siem"  # by what waits, most first

    play(three, scene)


def test_only_faults_are_shown_until_all_are_again(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "f")
        assert names(app) == ["pager"]
        await press(pilot, "escape")
        assert len(names(app)) == 3

    play(three, scene)


def test_an_action_is_for_all_marked_rows(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "space", "space", "p")
        assert active(three) == [3]
        await press(pilot, "u")
        assert active(three) == [1, 2, 3]

    play(three, scene)


def test_marks_stay_after_an_action_and_the_title_says_how_to_unmark(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        table = webhooks_screen(app).table
        await press(pilot, "space", "space", "p", "n", "y", "p")
        assert table.marked == {1, 2}
        assert "2 marked" in screen_text(app)
        assert active(three) == [1, 2, 3]
        await press(pilot, "q")
        assert not table.marked
        assert "marked" not in screen_text(app).splitlines()[1]
        assert app.screen is webhooks_screen(app)

    play(three, scene)


def test_marks_of_deleted_rows_go_and_the_others_stay(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "space", "space")
        three.opened.call(webhooks.delete, [2], OTHER, NOW)
        await three.settle(app, pilot)
        assert webhooks_screen(app).table.marked == {1}
        assert "1 marked" in screen_text(app)

    play(three, scene)


def test_send_now_starts_a_run_and_says_what_still_holds_it_up(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        webhooks_screen(app).table.move_to(1)
        await press(pilot, "n")
        assert "2 events of webhook 1 (siem) wait on: no worker is sending" in told(app)[-1]
        store = three.store
        store.ids.made = 1  # the failing delivery has the first
        run = store.start(1, new_run=False)
        assert run is not None
        assert run.count == 2

    play(three, scene)


def test_send_now_of_a_webhook_that_is_gone_is_refused_and_nothing_goes(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        three.opened.call(webhooks.delete, [2], OTHER, NOW)
        await press(pilot, "n")
        text = screen_text(app)
        assert "undelete" in text
        assert "go now" not in text

    play(three, scene)


def test_the_next_webhook_of_an_emptied_list_has_the_keys_at_once(bench: Bench) -> None:
    gone = bench.store.add(fields(name="pager"))

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        screen = webhooks_screen(app)
        bench.opened.call(webhooks.delete, [gone], OTHER, NOW)
        await bench.settle(app, pilot)
        assert screen.focused is None
        bench.store.add(fields(name="siem"))
        await app.live.reread()
        app.paint()
        assert screen.focused is screen.table  # in this moment: a key may be waiting

    play(bench, scene)


def test_a_list_that_comes_back_takes_no_keys_from_the_filter(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        screen = webhooks_screen(app)
        await press(pilot, "slash", "s")
        ids = [1, 2, 3]
        three.opened.call(webhooks.delete, ids, OTHER, NOW)
        await three.settle(app, pilot)
        three.opened.call(webhooks.undelete, ids, OTHER, NOW)
        await three.settle(app, pilot)
        await press(pilot, *"iem")
        assert screen.filter_line.box.value == "siem"
        assert names(app) == ["siem"]
        await press(pilot, *["backspace"] * 4, "exclamation_mark")
        assert len(names(app)) == 3

    play(three, scene)


def test_sending_many_is_one_change_and_the_keys_go_on_meanwhile(
    three: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = asyncio.Event(), []
    run = Store.run

    async def waiting(self: Store, query: Any, *args: Any, **named: Any) -> Any:
        if query is backlog.send_now:
            asked.append(args[0])
            await gate.wait()
        return await run(self, query, *args, **named)

    monkeypatch.setattr(Store, "run", waiting)

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await pilot.press("space", "space", "space", "n", "y", "slash", *"arch")
        assert names(app) == ["archive"]
        assert len(asked) == 1
        assert sorted(asked[0]) == [1, 2, 3]
        gate.set()
        await press(pilot)
        assert "3 events of 3 webhooks wait on: no worker is sending" in told(app)[-1]

    play(three, scene)


def test_a_pause_tells_and_undoes_only_what_it_changed(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        webhooks_screen(app).table.marked |= {1, 2}
        app.live._file_times.needs_read = lambda: False  # type: ignore[method-assign]
        three.opened.call(webhooks.set_active, [1], False, OTHER, NOW)
        await press(pilot, "p")
        assert told(app)[-1].startswith("webhook 2 (pager) paused: inactive")
        assert active(three) == [3]
        await press(pilot, "u")
        assert told(app)[-1] == "undone: paused webhook 2 (pager)"
        assert active(three) == [2, 3]

    play(three, scene)


def test_an_undo_says_how_many_were_so_already(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        webhooks_screen(app).table.marked |= {1, 2}
        await press(pilot, "p")
        assert active(three) == [3]
        three.opened.call(webhooks.set_active, [1], True, OTHER, NOW)
        await press(pilot, "u")
        assert told(app)[-1] == "undone: paused 2 webhooks; 1 webhook was so already"
        assert active(three) == [1, 2, 3]

    play(three, scene)


def test_a_refused_delete_leaves_nothing_to_undo(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "x")
        three.opened.call(webhooks.delete, [2], OTHER, NOW)
        await press(pilot, "y")
        await press(pilot, "u")
        assert "there is nothing to undo" in screen_text(app)
        assert [one.id for one in three.opened.call(webhooks.load_all, three.opened.vault)] == [
            1,
            3,
        ]

    play(three, scene)


def test_an_undo_brings_back_those_that_nobody_brought_back_before(three: Bench) -> None:
    async def scene(_app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "space", "space", "x")
        await press(pilot, "y")
        assert active(three) == [3]
        three.opened.call(webhooks.undelete, [1], OTHER, NOW)
        await press(pilot, "u")
        assert active(three) == [1, 2, 3]

    play(three, scene)


def test_a_refused_undo_can_be_tried_again_when_its_reason_is_gone(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        await press(pilot, "x")
        await press(pilot, "y")
        usurper = three.store.add(fields(name="pager"))
        await press(pilot, "u")
        assert "is taken by webhook" in screen_text(app)
        three.store.edit(usurper, fields(name="other"))
        await press(pilot, "u")
        assert 2 in active(three)

    play(three, scene)


def test_an_undo_refused_twice_gives_way_to_the_one_before_it(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        webhooks_screen(app).table.move_to(1)
        await press(pilot, "p")
        webhooks_screen(app).table.move_to(2)
        await press(pilot, "x")
        await press(pilot, "y")
        three.clock.now_ms += webhooks.UNDELETE_MS
        await press(pilot, "u")
        await press(pilot, "u")
        assert "is given up" in screen_text(app)
        await press(pilot, "u")
        assert 1 in active(three)

    play(three, scene)


def test_a_clock_that_jumps_takes_no_undo_of_a_delete_away(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        three.clock.uptime_ms = webhooks.UNDELETE_MS
        webhooks_screen(app).table.move_to(2)
        await press(pilot, "x")
        await press(pilot, "y")
        assert 2 not in active(three)
        three.clock.now_ms += webhooks.UNDELETE_MS
        await press(pilot, "u")
        assert 2 in active(three)

    play(three, scene)


def test_the_undo_of_an_edit_leaves_a_running_rotation_as_it_was(bench: Bench) -> None:
    webhook_id = bench.store.add(fields(name="siem"), secret=OLD)
    bench.store.edit(webhook_id, fields(name="siem"), RotateSecret(NEW))
    before = found(bench, webhook_id)
    edited = bench.store.edit(webhook_id, fields(name="renamed"), RestoreSecrets(None)).webhook

    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        saved = Saved(webhook_id, edited.revision, before, secret_changed=True)
        webhooks_screen(app).actions.remember_edit(saved)
        await press(pilot, "u")

    play(bench, scene)
    after = found(bench, webhook_id)
    assert after.fields.name == "siem"
    assert after.secrets == Secrets(NEW, OLD, NOW + ROTATION_MS)


def test_the_palette_lists_each_action_once(three: Bench) -> None:
    async def scene(app: TocsinApp, _pilot: Pilot[int]) -> None:
        titles = [command.title for command in app.get_system_commands(app.screen)]
        words = [title.rpartition(" (")[0] for title in titles if " (" in title]
        assert words.count("delete") == words.count("add") == words.count("send now") == 1

    play(three, scene)


def test_the_smallest_screen_shows_when_the_next_attempt_is(three: Bench) -> None:
    async def scene(app: TocsinApp, _pilot: Pilot[int]) -> None:
        header = next(line for line in screen_text(app).splitlines() if "Receiver" in line)
        assert "Next" in header

    play(three, scene, (60, 15))


def test_a_wide_screen_shows_the_url_beside_the_name(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        row = next(line for line in screen_text(app).split("\n") if " pager " in line)
        assert "example.com" in row

    play(three, scene, (200, 24))


def test_the_undo_of_one_session_leaves_what_another_admin_did(three: Bench) -> None:
    async def scene(app: TocsinApp, pilot: Pilot[int]) -> None:
        saved = Saved(1, 1, found(three, 1))
        three.store.edit(1, fields(name="theirs"))
        webhooks_screen(app).actions.remember_edit(saved)
        await press(pilot, "u")
        assert found(three, 1).fields.name == "theirs"

    play(three, scene)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_words_at_the_right_of_the_title_can_be_clicked(bench: Bench, width: int) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running((width, 24)) as (app, pilot):
            await bench.settle(app, pilot)
            await pilot.press("space")
            await bench.settle(app, pilot)
            top = screen_text(app).split("\n")[1]
            assert top.rstrip().endswith("unmark (q) ─╮")
            await pilot.click(offset=(width - 5, 1))
            await bench.settle(app, pilot)
            assert not app.screen.query_one(LiveTable).marked
            assert screen_text(app).split("\n")[1].rstrip().endswith("+ add (a) ─╮")
            await pilot.click(offset=(width - 5, 1))
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert isinstance(app.screen, WebhookFormScreen)

    asyncio.run(scene())
