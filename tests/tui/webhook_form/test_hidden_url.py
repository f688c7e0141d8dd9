"""The URL behind dots: hidden until it is revealed, and dots are never taken for one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.errors import FieldError
from domain.urls import mask_url
from store import audit, drafts, webhooks
from tests.support.apps import Bench, told
from tests.support.stores import ACTOR, fields
from tests.support.waiting import PATIENCE_S
from tests.support.webhook_forms import Form, actions, form, webhook
from tests.tui.webhooks.test_rows import press
from tui.webhook_form.hidden_values import hide_url, read_url, reveal_url, with_url
from tui.webhook_form.session import TYPED_INTO_DOTS
from tui.webhooks.screen import WebhooksScreen

URL = "https://hooks.slack.com/services/T0123ABCD/B0456EFGH/aBcDeFgHiJkLmNoPqRsTuVwX"
SHOWN = "https://hooks.slack.com/services/••••"
SLACK = replace(fields(name="slack"), url=URL)


@given(st.text(max_size=60), st.text(max_size=60))
@example("", "@")
def test_hiding_loses_nothing(url: str, other: str) -> None:
    known = with_url(url, with_url(other, {}))
    assert reveal_url(hide_url(url, known), known) == url
    assert hide_url(url, known) in (url, mask_url(url))


@pytest.mark.parametrize("text", [f"{SHOWN}x", SHOWN[:-1], "https://example.com/a/••••"])
def test_changed_dots_are_no_url(text: str) -> None:
    with pytest.raises(FieldError, match="its dots stand for what is hidden") as caught:
        read_url(text, with_url(URL, {}))
    assert "T0123ABCD" not in str(caught.value)


def test_an_edit_beside_it_keeps_it(bench: Bench) -> None:
    bench.store.add(SLACK)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            assert shown.value("url") == SHOWN
            assert "POST hooks.slack.com/services/" in shown.text
            assert "T0123ABCD" not in shown.text
            await shown.write("max_events", "7")
            await shown.press("ctrl+s")
            assert not shown.is_open

    asyncio.run(scene())
    assert webhook(bench).fields == replace(SLACK, max_events=7)
    assert "webhook.reveal" not in actions(bench)


def test_it_is_shown_and_hidden_again_by_the_key_that_is_recorded(bench: Bench) -> None:
    bench.store.add(SLACK)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.press("ctrl+r")
            assert shown.value("url") == URL
            assert actions(bench)[0] == "webhook.reveal"
            await shown.press("end", "2", "ctrl+r")
            assert shown.value("url") == f"{URL}2"
            await shown.press("ctrl+z")
            assert shown.value("url") == SHOWN
            await shown.press("ctrl+s")

    asyncio.run(scene())
    assert webhook(bench).fields == SLACK
    assert actions(bench).count("webhook.reveal") == 1


def test_what_is_typed_into_the_dots_is_refused_with_the_way_on(bench: Bench) -> None:
    bench.store.add(SLACK)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.press("end", "x")
            cure = "take it back with ctrl+z and reveal it first"
            assert f"its dots stand for what is hidden; {cure}" in shown.message("url")
            assert not shown.can_save()
            await shown.write("url", "https://example.com/other/hook")
            assert shown.message("url") == ""
            await shown.press("ctrl+s")

    asyncio.run(scene())
    assert webhook(bench).fields.url == "https://example.com/other/hook"


def test_what_is_typed_into_the_dots_is_taken_back_before_they_are_revealed(bench: Bench) -> None:
    bench.store.add(SLACK)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.press("end", "x", "ctrl+r")
            assert told(shown.app) == [TYPED_INTO_DOTS]
            assert shown.value("url") == f"{SHOWN}x"
            assert "webhook.reveal" not in actions(bench)
            await shown.press("ctrl+z", "ctrl+r")
            assert shown.value("url") == URL
            assert actions(bench).count("webhook.reveal") == 1

    asyncio.run(scene())


def test_a_draft_comes_back_hidden_and_is_encrypted(bench: Bench) -> None:
    async def leave(shown: Form) -> None:
        await shown.write("url", URL)
        await shown.press("escape", "y")

    async def scene() -> None:
        async with form(bench) as shown:
            await leave(shown)
        async with form(bench) as shown:
            assert "Add webhook, https://hooks.slack.com/services/••••: you changed" in shown.words
            await shown.press("escape")
            assert shown.value("url") == SHOWN
            await shown.press("ctrl+s")

    asyncio.run(scene())
    assert webhook(bench).fields.url == URL
    assert bench.opened.call(drafts.waiting, actor=ACTOR, now_ms=0) == []
    assert b"T0123ABCD" not in bench.opened.path.read_bytes()


def test_a_duplicate_has_it_and_a_type_that_its_receiver_lacks(bench: Bench) -> None:
    bench.store.add(SLACK)
    bench.store.add(replace(SLACK, name="other", url=f"{URL}2"))

    async def scene() -> None:
        async with form(bench, copy_of=1) as shown:
            assert shown.value("url") == SHOWN
            await shown.press("ctrl+s")

    asyncio.run(scene())
    assert webhook(bench, 3).fields.url == URL


def test_what_somebody_else_saved_is_taken_up_behind_the_dots(bench: Bench) -> None:
    bench.store.add(SLACK)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("max_events", "7")
            vault = bench.opened.vault
            bench.opened.call(
                webhooks.edit,
                1,
                replace(SLACK, url=f"{URL}2"),
                None,
                revision=None,
                vault=vault,
                actor=ACTOR,
                now_ms=bench.clock.now_ms,
            )
            await shown.press("ctrl+s")
            await shown.until("What you typed is kept")
            assert shown.value("url") == SHOWN
            await shown.press("ctrl+s")

    asyncio.run(scene())
    assert webhook(bench).fields == replace(SLACK, url=f"{URL}2", max_events=7)


def test_a_copy_of_the_url_is_whole_and_recorded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []

    async def note(_: object, text: str, _said: str) -> None:
        copied.append(text)

    monkeypatch.setattr("tui.webhooks.actions.copy", note)
    bench.store.add(SLACK)
    bench.store.add(fields(name="plain"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await app.push_screen(WebhooksScreen(app._access, app.live))
            await press(pilot, "y")
            await press(pilot, "down", "y")

    asyncio.run(scene())
    assert copied == [URL, "https://example.com/hook"]
    assert [one.webhook_id for one in bench.opened.call(audit.changes)][:1] == [1]
    assert actions(bench).count("webhook.reveal") == 1


def test_a_copy_of_a_masked_url_says_that_it_is_whole_and_recorded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    bench.store.add(SLACK)
    bench.store.add(fields(name="plain"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await app.push_screen(WebhooksScreen(app._access, app.live))
            await press(pilot, "y")
            assert told(app)[-1].startswith(f"sent {len(URL)} bytes to the terminal (OSC 52)")
            assert told(app)[-1].endswith("; it is the whole URL, unmasked, and that is recorded")
            await press(pilot, "down", "y")
            assert "unmasked" not in told(app)[-1]

    asyncio.run(scene())
    [newest] = bench.opened.call(audit.changes, limit=1)
    assert (newest.action, newest.detail) == ("webhook.reveal", {"copied": "URL"})


def test_without_the_key_no_test_goes_to_what_is_left_of_it(bench: Bench) -> None:
    bench.store.add(SLACK)
    bench.opened.vault.key_file.unlink()
    bench.opened.vault._cipher = None

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await app.push_screen(WebhooksScreen(app._access, app.live))
            await press(pilot, "t")
            while not any("the key file" in one for one in told(app)):
                await pilot.pause()

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))
    assert "webhook.test" not in actions(bench)


def test_a_refused_address_is_saved_after_a_question(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "http://169.254.169.254/")
            await shown.press("ctrl+s")
            assert "Save it all the same?" in shown.text
            await shown.press("escape")
            assert shown.is_open
            await shown.press("ctrl+s", "y")
            assert len(shown.result) == 1
        async with form(bench, editing=1) as shown:
            await shown.write("name", "asked once")
            await shown.press("ctrl+s")
            assert not shown.is_open

    asyncio.run(scene())
    assert webhook(bench).fields.name == "asked once"
