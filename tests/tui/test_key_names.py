"""The keys as they are shown: those that an admin gave them, and one sign for enter."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.apps import Bench, screen_text
from tests.support.stores import events, fields
from tui.key_names import and_key, key_of, keys_do, with_key
from tui.widgets.live_table import LiveTable


def test_the_key_of_an_id_is_the_one_that_it_was_given(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        app = bench.app(keymap={"webhooks.add": "n,plus", "webhooks.send": "r"})
        async with app.run_test() as pilot:
            await pilot.pause()
            assert key_of(app.screen, "webhooks.add") == "n"
            assert key_of(app.screen, "webhooks.edit") == "e"
            assert key_of(app.screen, "deliveries.skip") == ""
            await pilot.press("slash")
            assert key_of(app.screen, "webhooks.undo") == "u"  # the box takes it, nothing to undo

    asyncio.run(scene())


def test_enter_has_one_sign(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running(size=(160, 24)) as (app, pilot):
            for keys in ((), ("enter",), ("question_mark",)):
                await pilot.press(*keys)
                await pilot.pause()
                assert "↵" in screen_text(app)
                assert "⏎" not in screen_text(app)

    asyncio.run(scene())


def test_the_help_tells_the_screens_own_keys_first_each_with_its_id(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        app = bench.app(keymap={"webhooks.add": "n"})
        async with app.run_test(size=(120, 60)) as pilot:
            await pilot.press("question_mark")
            await pilot.pause()
            lines = [" ".join(line.strip("│ ").split()) for line in screen_text(app).split("\n")]
            assert "n add a webhook webhooks.add" in lines
            told = "y copy URL: copy the whole URL; is recorded webhooks.copy"
            own = lines.index(told)
            lists = lines.index("↑ k up table.up")
            everywhere = lines.index("q esc back back")
            assert own < lists < everywhere
            text = "\n".join(lines).lower()
            for of_textual in ("focus next", "copy selected", "palette: open"):
                assert of_textual not in text

    asyncio.run(scene())


def test_the_help_of_the_smallest_screen_has_ids_too(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running(size=(60, 15)) as (app, pilot):
            await pilot.press("question_mark")
            await pilot.pause()
            lines = [line.strip("│ ") for line in screen_text(app).split("\n")]
            below = next(row for row, line in enumerate(lines) if "add a webhook" in line) + 1
            assert lines[below] == "webhooks.add"

    asyncio.run(scene())


def test_questions_and_notices_name_the_keys_as_they_are(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        app = bench.app(keymap={"webhooks.undo": "z", "confirm.yes": "j", "confirm.no": "n,escape"})
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("x")
            await pilot.pause()
            assert "Delete (j)" in screen_text(app)
            assert "Cancel (n)" in screen_text(app)
            assert "z brings it back" in screen_text(app)
            await pilot.press("j")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "z undoes it" in screen_text(app)

    asyncio.run(scene())


def test_no_text_names_a_key_that_another_id_has_taken(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))
    taken = {"webhooks.send": "u", "confirm.other": "y"}

    async def scene() -> None:
        app = bench.app(keymap=taken)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert key_of(app.screen, "webhooks.undo") == ""
            await pilot.press("x")
            await pilot.pause()
            text = screen_text(app)
            assert "Delete " in text
            assert "()" not in text
            assert "brings it back" not in text
            await pilot.press("tab", "enter")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert screen_text(app).split("\n")[-1].strip() == "deleted webhook 1 (siem)"

    asyncio.run(scene())


def test_keys_in_sentences() -> None:
    assert with_key("Cancel", "n") == "Cancel (n)"
    assert with_key("Cancel", "") == "Cancel"
    assert and_key("it is paused", "u", "undoes it") == "it is paused; u undoes it"
    assert and_key("it is paused", "", "undoes it") == "it is paused"
    assert keys_do(("n", "sends it"), ("", "copies it"), ("q", "closes")) == "n sends it, q closes"


@pytest.mark.parametrize("keys", [("slash",), ("2", "slash"), ("3", "slash"), ("q", "a", "slash")])
def test_a_filter_offers_no_key_that_is_typed(bench: Bench, keys: tuple[str, ...]) -> None:
    webhook_id = bench.store.add(fields(name="siem"))
    bench.store.append(*events(1, 1))
    bench.store.end(bench.store.started(webhook_id), 200)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await bench.settle(app, pilot)
            for key in keys:
                await pilot.press(key)
                await app.workers.wait_for_complete()
                await bench.settle(app, pilot)
            assert screen_text(app).split("\n")[-1].split("  ")[:2] == [" ↵ find", "esc show all"]
            await pilot.press("escape")
            await bench.settle(app, pilot)
            assert "esc show all" not in screen_text(app).split("\n")[-1]

    asyncio.run(scene())


def test_rows_of_which_nothing_is_done_to_several_are_not_marked(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            for keys, markable in (((), True), (("q",), False), (("s",), False)):
                await pilot.press(*keys)
                await bench.settle(app, pilot)
                await pilot.press("space")
                assert bool(app.screen.query_one(LiveTable).marked) is markable
                await pilot.press(*("q" if markable else ""))

    asyncio.run(scene())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_help_has_columns_and_each_action_its_place(bench: Bench, width: int) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        app = bench.app(keymap={"webhooks.add": "f9"})
        async with app.run_test(size=(width, 60)) as pilot:
            await pilot.press("question_mark")
            await pilot.pause()
            lines = [line.strip().strip("│") for line in screen_text(app).split("\n")]
            adding, editing = (
                next(row for row, line in enumerate(lines) if f"webhooks.{one}" in line)
                for one in ("add", "edit")
            )
            assert adding < editing
            words = next(line for line in lines if "add a webhook" in line)
            assert words.split()[0].lower() == "f9"
            column = words.index("add a webhook")
            shown = lines[lines.index(words) :]
            said = [line for line in shown if len(line) > column and line[0] != "╰"]
            assert {line[column - 2 : column] for line in said} == {"  "}

    asyncio.run(scene())
