"""Texts typed into the form are kept: as a draft, and beside what others saved meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from store.models import DraftRow
from tests.support.apps import Bench
from tests.support.stores import MINUTE
from tests.support.waiting import PATIENCE_S
from tests.support.webhook_forms import HEADERS, SIEM, Form, edit_as_bob, form, webhook
from tui.screens.dialogs import ConfirmScreen
from tui.state.store_access import Refused, StoreAccess
from tui.webhook_form import draft_keeper, drafts
from tui.webhook_form.drafts import FormDraft
from tui.webhook_form.saving import Saved
from tui.webhook_form.screen import WebhookFormScreen


def test_escape_asks_only_if_something_was_typed_and_keeps_it(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.press("escape")
            assert shown.result == [None]
        async with form(bench) as shown:
            await shown.write("name", "siem")
            await shown.press("escape")
            assert "Leave without saving?" in shown.text
            await shown.press("enter")
            assert shown.value("name") == "siem"
            await shown.press("escape", "y")
            assert shown.result == [None]
        bench.clock.now_ms += 3 * MINUTE
        async with form(bench) as shown:
            assert "Drop your draft from 3m ago?" in shown.text
            assert "Add webhook, siem: you changed Name and did not save." in shown.text
            await shown.press("enter")
            assert shown.value("name") == "siem"
            await shown.write("name", "")
            await shown.press("escape")
            assert shown.result == [None]
        async with form(bench) as shown:
            assert not isinstance(shown.app.screen, ConfirmScreen)

    asyncio.run(scene())


def test_a_draft_survives_a_lost_connection_and_hides_what_was_typed(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("headers", "Authorization: ••••3f9a\nX-Key: verysecret-value")
            await shown.write("secret", "generate")
        async with form(bench, editing=1) as shown:
            await shown.press("escape")
            assert "X-Key: ••••alue" in shown.text
            assert "verysecret" not in shown.text
            await shown.press("ctrl+s")
            assert shown.result[0] == Saved(1, 2, shown.result[0].before, secret_changed=True)  # type: ignore[union-attr]

    asyncio.run(scene())
    assert webhook(bench).fields.headers == (HEADERS[0], ("X-Key", "verysecret-value"))
    assert webhook(bench).secrets is not None


def test_a_draft_is_kept_a_moment_after_the_last_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_keeper, "KEEP_AFTER_S", 0.05)

    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("name", "siem")
            async with asyncio.timeout(PATIENCE_S):
                while not bench.opened.call(lambda: DraftRow.select().count()):
                    await shown.pilot.pause(0.05)

    asyncio.run(scene())


def test_a_draft_is_kept_of_who_types_without_a_pause(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_keeper, "KEEP_AT_LATEST_S", 0.05)

    async def kept(shown: Form, name: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await drafts.find(shown.app._access, "new")
                if found is not None and found.typed.name == name:
                    return
                await shown.pilot.pause(0.01)

    async def scene() -> None:
        async with form(bench) as shown:
            for name in ("si", "siem"):
                await shown.write("name", name)
                await kept(shown, name)

    asyncio.run(scene())


def test_a_dropped_draft_is_gone(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("name", "siem")
        async with form(bench) as shown:
            await shown.press("f8")
            assert shown.value("name") == ""
        async with form(bench) as shown:
            assert not isinstance(shown.app.screen, ConfirmScreen)

    asyncio.run(scene())


def test_saving_ends_the_draft(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://example.com")
        async with form(bench) as shown:
            await shown.press("enter", "ctrl+s")
            assert shown.result == [Saved(1, 1)]
        async with form(bench) as shown:
            assert not isinstance(shown.app.screen, ConfirmScreen)

    asyncio.run(scene())


def test_saving_leaves_what_another_terminal_of_the_login_kept(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as here:
            await here.write("url", "https://here.example")
            await here.app.screen.draft_keeper.keep()  # type: ignore[attr-defined]
            bench.clock.now_ms += MINUTE
            async with form(bench) as there:
                await there.press("enter")
                await there.write("url", "https://there.example")
            await here.press("ctrl+s")
            assert here.result == [Saved(1, 1)]
        async with form(bench) as shown:
            await shown.press("enter")
            assert shown.value("url") == "https://there.example"

    asyncio.run(scene())


def test_who_changed_which_field_meanwhile_is_shown_and_the_typed_text_kept(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("url", "https://mine.example")
            edit_as_bob(bench, url="https://bobs.example", name="pager")
            bench.clock.now_ms += 4_000
            await shown.press("ctrl+s")
            assert "bob from 192.0.2.9 changed Name, URL 4s ago." in shown.text
            assert "Theirs: URL https://bobs.example" in shown.text
            bench.clock.now_ms += 5_000
            shown.app.paint(tick=True)
            assert "changed Name, URL 9s ago." in shown.notice
            assert shown.value("url") == "https://mine.example"
            assert shown.value("name") == "pager"
            assert "Save over it" in shown.text
            assert webhook(bench).fields.url == "https://bobs.example"
            await shown.press("ctrl+s")
            assert [saved and saved.revision for saved in shown.result] == [3]

    asyncio.run(scene())
    assert webhook(bench).fields == replace(SIEM, url="https://mine.example", name="pager")


def test_a_draft_goes_on_from_what_was_saved_meanwhile(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("max_events", "7")
        edit_as_bob(bench, headers=(("Authorization", "Bearer new-by-bob"),))
        async with form(bench, editing=1) as shown:
            await shown.press("escape")
            assert "bob from 192.0.2.9 changed Headers" in shown.text
            assert "saving keeps their changes too" in shown.text
            await shown.press("ctrl+s")
            assert len(shown.result) == 1

    asyncio.run(scene())
    saved = webhook(bench).fields
    assert (saved.max_events, saved.headers) == (7, (("Authorization", "Bearer new-by-bob"),))


def test_what_cannot_be_kept_is_said_to_be_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, obstacles = drafts.keep, ["the disk is full"]

    async def keep_if_possible(access: StoreAccess, subject: str, draft: FormDraft) -> int:
        if obstacles:
            raise Refused(obstacles[0])
        return await keep(access, subject, draft)

    async def questions(shown: Form) -> list[str]:
        """The questions of the form before it is left, and of the app before it ends."""
        asked = []
        for key in ("escape", "ctrl+q"):
            await shown.press(key)
            asked.append(shown.words)
            await shown.press("escape")
        return asked

    monkeypatch.setattr(drafts, "keep", keep_if_possible)

    async def scene() -> None:
        async with form(bench) as shown:
            screen = shown.app.screen
            assert isinstance(screen, WebhookFormScreen)
            await shown.write("name", "siem")
            await screen.draft_keeper.keep()
            await shown.until("what you type is not kept as a draft: the disk is full")
            for text in await questions(shown):
                assert "What you typed is lost." in text
                assert "offered next time" not in text
            obstacles.clear()
            await shown.write("name", "pager")
            await screen.draft_keeper.keep()
            for text in await questions(shown):
                assert "What you typed is kept as your draft and offered next time." in text
            obstacles.append("the disk is full again")
            await shown.write("name", "archive")
            await screen.draft_keeper.keep()
            for text in await questions(shown):
                assert "What you typed last is lost; the draft from before it is offered" in text
            await shown.press("escape", "y")

    asyncio.run(scene())
