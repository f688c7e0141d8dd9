"""Sight of the form: what comes up, what is folded, what was tested and saved."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.widgets import Button, Collapsible, Input, Static

from domain.webhooks import WebhookFields
from store import models, settings
from store.webhook_edits import RotateSecret
from tests.support.apps import Bench, settings_bench
from tests.support.receiver_client import Receiver
from tests.support.stores import ACTOR, ALERTS, MINUTE, NOW, fields
from tests.support.webhook_forms import SIEM, Form, form, webhook
from tests.tui.webhook_form.test_saving import busy, until_closed
from tui.widgets.inputs import Dropdown, Field

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOTHING_SET = "Max bytes, Interval, Retry interval, CA file"


def verdict(shown: Form) -> str:
    return str(shown.app.screen.query_one("#test-result", Static).render())


def todo(shown: Form) -> str:
    return str(shown.app.screen.query_one("#form-todo", Static).render())


def fold(shown: Form) -> str:
    return str(shown.app.screen.query_one(Collapsible).title)


def test_a_letter_goes_to_the_next_option_that_begins_with_it(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            assert isinstance(shown.app.focused, Dropdown)
            for key, value in (
                ("e", "endpoint_stats"),
                ("l", "log_authn"),
                ("L", "log_changes"),
                ("l", "log_authn"),
                ("a", "alerts"),
                ("a", "alerts"),
                ("x", "alerts"),
            ):
                await shown.press(key)
                assert shown.value("type") == value
            await shown.press("enter", "e", "enter")
            assert shown.value("type") == "endpoint_stats"

    asyncio.run(scene())


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (120, 40)])
def test_an_open_list_covers_whole_cells_and_no_border(bench: Bench, size: tuple[int, int]) -> None:
    async def scene() -> None:
        async with form(bench, size=size) as shown:
            closed = shown.text.split("\n")
            await shown.press("enter")
            frame = shown.app.screen.query_one("#form-panel").region
            opened = shown.app.screen.query_one("#box-type OpenList").region
            for before, after in list(zip(closed, shown.text.split("\n"), strict=True))[2:-3]:
                assert after[: opened.x] == before[: opened.x]
                assert after[frame.right - 1] == before[frame.right - 1]
            assert opened.right < frame.right
            assert opened.bottom < size[1]
            assert closed[opened.y][: opened.x].strip("│ ") == ""

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("name", "keys", "placeholder"),
    [("start", ("s", "s"), "how long ago: 90s"), ("secret", ("o",), "whsec_...")],
)
def test_the_box_that_a_choice_brings_up_comes_into_view(
    bench: Bench, name: str, keys: tuple[str, ...], placeholder: str
) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            shown.app.screen.query_one(Collapsible).collapsed = False
            await shown.settle()
            shown.app.screen.query_one(f"#box-{name}").focus()
            await shown.settle()
            assert placeholder not in shown.text
            await shown.press(*keys)
            await shown.until(placeholder)

    asyncio.run(scene())


def test_what_is_typed_into_stays_in_view_where_room_is_taken_away(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            shown.app.screen.query_one("#box-max_events").focus()
            await shown.press(*"4321")
            for size in ((60, 15), (40, 10), (60, 15)):
                await shown.pilot.resize_terminal(*size)
            await shown.until("4321")

    asyncio.run(scene())


def test_where_there_is_no_room_for_all_keys_the_line_names_the_one_that_tells_them(
    bench: Bench,
) -> None:
    async def scene() -> None:
        async with form(bench, size=(60, 15)) as shown:
            assert "… f1 all keys" in shown.text
            await shown.press("f1")
            await shown.until("save what is typed")

    asyncio.run(scene())


def test_who_goes_on_with_a_draft_types_at_its_end(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("url", "https://a-longer-one.example.com/hooks/")
        async with form(bench, editing=1) as shown:
            await shown.press("escape", "7")
            assert shown.value("url") == "https://a-longer-one.example.com/hooks/7"

    asyncio.run(scene())


def test_the_fold_names_what_stands_in_it(bench: Bench) -> None:
    bench.store.add(fields(interval_ms=MINUTE, ca_file="/etc/ssl/own.pem"), secret=SECRET)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            assert fold(shown) == "Advanced   set: Interval, CA file, Secret"
            await shown.write("interval", "")
            await shown.write("retry_interval", "5s")
            assert fold(shown) == "Advanced   set: Retry interval, CA file, Secret"
            await shown.write("retry_interval", "")
            await shown.write("secret", "none")
            assert fold(shown) == "Advanced   set: CA file; not signed"
            await shown.write("ca_file", "")
            assert fold(shown) == f"Advanced   {NOTHING_SET}; not signed"
        async with form(bench) as shown:
            assert fold(shown) == f"Advanced   {NOTHING_SET}, From; not signed"
            assert f"{NOTHING_SET}, From; not signed" in shown.text
            await shown.write("secret", "generate")
            assert fold(shown) == "Advanced   set: Secret"
            await shown.write("secret", "keep")
            await shown.write("start", "start")
            assert fold(shown) == "Advanced   set: From; not signed"

    asyncio.run(scene())


def test_what_is_folded_is_read_to_its_end_beside_the_preview(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench, size=(120, 40)) as shown:
            lines = [line.split("│")[1].strip() for line in shown.text.splitlines()[2:-3]]
            assert f"{NOTHING_SET}, From; not signed" in " ".join(lines)

    asyncio.run(scene())


def test_an_open_fold_has_no_summary(bench: Bench) -> None:
    bench.store.add(fields(interval_ms=MINUTE))

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.until("▸ Advanced   set: Interval")
            shown.app.screen.query_one("CollapsibleTitle").focus()
            await shown.press("enter")
            await shown.until("▾ Advanced  ")
            assert "set: Interval" not in shown.text
            await shown.press("enter")
            await shown.until("▸ Advanced   set: Interval")

    asyncio.run(scene())


@pytest.mark.parametrize("id_", ["box-type", "box-state", "box-headers", "box-max_events"])
def test_the_focus_is_seen_without_colours(bench: Bench, id_: str) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            shown.app.screen.query_one(f"#{id_}").focus()
            await shown.settle()
            [field] = (it for it in shown.app.screen.query(Field) if it.has_focus_within)
            rows = range(field.region.y, field.region.bottom)
            lines = shown.text.split("\n")
            assert all(lines[row][field.region.x] == "▌" for row in rows)
            assert shown.text.count("▌") == len(rows)

    asyncio.run(scene())


def test_of_the_buttons_that_with_the_focus_alone_stands_out_without_colours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def scene() -> None:
        async with form(bench) as shown:
            buttons = list(shown.app.screen.query("#form-buttons Button").results(Button))
            assert not [it for it in buttons if it.styles.text_style.reverse]
            for button in [it for it in reversed(buttons) if it.focusable]:
                await shown.press("shift+tab")
                assert shown.app.focused is button
                assert [it for it in buttons if it.styles.text_style.reverse] == [button]

    asyncio.run(scene())


def test_revealing_brings_the_secret_into_view(bench: Bench) -> None:
    bench.store.add(fields(), secret=SECRET)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            assert SECRET not in shown.text
            await shown.press("ctrl+r")
            await shown.until(SECRET)
            await shown.press("f4")
            await shown.until("sent 38 bytes to the terminal")
            await shown.press("ctrl+r")
            assert SECRET not in shown.text
            await shown.press("f4")
            await shown.until("no secret is shown")

    asyncio.run(scene())


def test_while_two_secrets_sign_both_are_shown_and_until_when(bench: Bench) -> None:
    bench.store.add(fields(), secret=SECRET)
    bench.store.edit(1, fields(), RotateSecret(OTHER_SECRET))

    async def scene() -> None:
        async with form(bench, editing=1, size=(120, 40)) as shown:
            await shown.press("ctrl+r")
            assert shown.message("secret") == (
                f"{OTHER_SECRET}\n{SECRET} (the one before, until 2026-09-22T14:13:20Z)"
            )

    asyncio.run(scene())


def test_a_test_of_what_stood_there_before_is_marked(bench: Bench, receiver: Receiver) -> None:
    bench.store.add(WebhookFields(ALERTS, receiver.url("/ok/before")))

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.press("ctrl+t")
            await shown.until("✓ delivered")
            assert verdict(shown).startswith("✓")
            await shown.write("headers", "X-Key: another")
            assert verdict(shown).startswith("before your last change: ✓ delivered")
            await shown.write("url", receiver.url("/503/after"))
            assert verdict(shown).count("before your last change") == 1
            await shown.write("url", receiver.url("/ok/before"))
            await shown.write("headers", "")
            assert verdict(shown).startswith("✓")
            await shown.write("url", receiver.url("/503/after"))
            await shown.press("ctrl+t")
            await shown.until("✗ not delivered")
            assert verdict(shown).startswith("✗")

    asyncio.run(scene())


def test_a_test_that_ends_after_something_was_typed_is_marked(
    bench: Bench, receiver: Receiver
) -> None:
    bench.store.add(WebhookFields(ALERTS, receiver.url("/slow:1/typed")))

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.press("ctrl+t")
            await shown.write("headers", "X-Key: another")
            assert verdict(shown).startswith("before your last change: ")
            await shown.until("before your last change: ✓ delivered")

    asyncio.run(scene())


def test_it_says_that_it_is_saving_and_that_nothing_was_to_be_changed(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            with busy(bench):
                await shown.press("ctrl+s")
                shown.app.paint()
                assert todo(shown) == "saving ..."
            await until_closed(shown)
            await shown.until("nothing to change: webhook 1 (siem) is so already")

    asyncio.run(scene())
    assert webhook(bench).revision == 1


def test_a_save_that_the_store_refuses_keeps_the_form_as_it_is(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("name", "typed")
            bench.opened.call(models.database.execute_sql, "PRAGMA query_only = 1")
            await shown.press("ctrl+s")
            await shown.until("cannot be written")
            assert (todo(shown), shown.value("name")) == ("not saved yet", "typed")
            bench.opened.call(models.database.execute_sql, "PRAGMA query_only = 0")
            await shown.press("ctrl+s")
            await until_closed(shown)

    asyncio.run(scene())
    assert webhook(bench).fields.name == "typed"


def test_the_key_bar_speaks_of_an_open_choice_in_its_own_words(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.press("enter")
            assert "esc close the list" in shown.text
            await shown.press("escape")
            assert "esc back" in shown.text

    asyncio.run(scene())


def test_the_form_names_its_keys_as_they_are(bench: Bench) -> None:
    bench.store.add(SIEM)
    app = bench.app({"form.copy": "f6", "form.reveal": "f7"})

    async def scene() -> None:
        async with app.run_test(size=(80, 40)) as pilot:
            await pilot.press("e")
            shown = Form(bench, app, pilot, [])
            await shown.until("Advanced")
            await shown.press("f6")
            await shown.until("no secret is shown: f7 reveals it")
            app.screen.query_one(Collapsible).collapsed = False
            await shown.write("secret", "generate")
            await shown.until("The receiver needs it: f6 copies it, f7 shows it later.")

    asyncio.run(scene())


def test_an_interval_of_0_is_saved_and_shown_again(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("interval", "0s")
            await shown.write("retry_interval", "5s")
            await shown.press("ctrl+s")
            await until_closed(shown)
        saved = webhook(bench, 1).fields
        assert (saved.interval_ms, saved.retry_interval_ms) == (0, 5_000)
        async with form(bench, editing=1) as shown:
            assert (shown.value("interval"), shown.value("retry_interval")) == ("0s", "5s")

    asyncio.run(scene())


def test_empty_boxes_say_how_long_a_retry_waits_and_an_event_at_interval_0(
    tmp_path: Path,
) -> None:
    async def hint(bench: Bench, name: str) -> str:
        async with form(bench) as shown:
            box = shown.app.screen.query_one(f"#box-{name}", Input)
            return box.placeholder

    with settings_bench(tmp_path / "home" / "tocsin.db") as bench:
        assert asyncio.run(hint(bench, "retry_interval")) == "the interval; 3m where that is 0s"
        assert asyncio.run(hint(bench, "interval")) == (
            "3m (the setting); 0s: 1s after something waits"
        )
        bench.opened.call(settings.save, "retry_interval", "30s", ACTOR, NOW)
        bench.opened.call(settings.save, "linger", "0s", ACTOR, NOW)
        assert asyncio.run(hint(bench, "retry_interval")) == "30s (the setting)"
        assert asyncio.run(hint(bench, "interval")) == (
            "3m (the setting); 0s: as soon as something waits"
        )
