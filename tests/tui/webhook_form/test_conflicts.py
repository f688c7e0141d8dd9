"""Edits of another admin while the form is open: told within a second, with what can be done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from store import webhooks
from tests.support.apps import Bench
from tests.support.webhook_forms import BOB, SIEM, edit_as_bob, form, webhook
from tests.tui.webhook_form.test_saving import until_closed

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture
def bob(bench: Bench) -> Iterator[Bench]:
    """Another connection to the store, as another terminal has."""
    store = bench.opened.sibling()
    yield Bench(store, bench.clock)
    store.close()


def delete_as_bob(bench: Bench) -> None:
    bench.opened.call(webhooks.delete, [1], BOB, bench.clock.now_ms)


def undelete_as_bob(bench: Bench) -> None:
    bench.opened.call(webhooks.undelete, [1], BOB, bench.clock.now_ms)


def test_what_somebody_saves_is_told_without_a_key_and_without_a_pending_delivery(
    bench: Bench,
    bob: Bench,
) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("max_events", "7")
            edit_as_bob(bob, name="pager")
            await shown.until("bob from 192.0.2.9 changed Name just now.")
            assert "saving keeps their changes too" in shown.text
            assert (shown.value("name"), shown.value("max_events")) == ("pager", "7")
            await shown.press("ctrl+s")
            await until_closed(shown)

    asyncio.run(scene())
    assert webhook(bench).fields == replace(SIEM, name="pager", max_events=7)


def test_a_conflict_is_told_still_when_more_is_saved_and_shows_no_secret(
    bench: Bench, bob: Bench
) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1, size=(120, 40)) as shown:
            await shown.write("extra_fields", "source: mine")
            await shown.write("headers", "Authorization: Bearer mine-mine-mine-mine")
            edit_as_bob(
                bob,
                headers=(("Authorization", "Bearer theirs-theirs-theirs"),),
                extra_fields=(("source", "tocsin"), ("site", "branch")),
            )
            await shown.until("Save over it")
            edit_as_bob(bob, name="pager")
            await shown.until("changed Name just now")
            told = " ".join(shown.notice.split())
            assert "saving puts your Headers, Extra fields over it" in told
            assert "Theirs: Headers Authorization: ••••eirs; Extra fields" in told
            assert "site: branch" in told
            assert "Save over it" in shown.text

    asyncio.run(scene())


def test_what_was_deleted_meanwhile_can_be_brought_back_and_saved(bench: Bench, bob: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("name", "typed")
            delete_as_bob(bob)
            await shown.until("bob from 192.0.2.9 deleted it just now.")
            told = " ".join(shown.notice.split())
            assert "It can't be saved now: `tocsin webhook undelete 1` brings it back" in told
            assert "saving keeps" not in told
            assert "Add as new" in shown.text
            undelete_as_bob(bob)
            await shown.until("undeleted it just now.")
            assert "can't be saved" not in shown.notice
            await shown.press("ctrl+s")
            await until_closed(shown)

    asyncio.run(scene())
    assert webhook(bench).fields.name == "typed"


def test_what_was_deleted_meanwhile_can_be_added_as_a_new_one(bench: Bench, bob: Bench) -> None:
    bench.store.add(SIEM, secret=SECRET)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("name", "typed")
            delete_as_bob(bob)
            await shown.until("Add as new")
            await shown.press("ctrl+s")
            assert "Add what is typed as a new webhook?" in shown.text
            await shown.press("n")
            assert shown.is_open
            await shown.press("ctrl+s", "y")
            await until_closed(shown)

    asyncio.run(scene())
    assert webhook(bench, 2).fields == replace(SIEM, name="typed")
    secrets = webhook(bench, 2).secrets
    assert secrets is not None
    assert secrets.current == SECRET


def test_a_url_without_a_key_is_warned_of_among_the_extra_fields(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://example.com/hook")
            await shown.write("extra_fields", "http://127.0.0.1:9000/x")
            assert shown.message("extra_fields") == (
                "! http is taken as the key and //127.0.0.1:9000/x as its value: "
                "a URL too wants a key"
            )
            assert shown.can_save()
            await shown.write("extra_fields", "console: http://127.0.0.1:9000/x")
            assert shown.message("extra_fields") == ""

    asyncio.run(scene())


def test_an_address_that_is_refused_is_warned_of_under_the_url(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "http://169.254.169.254/latest")
            assert shown.message("url") == (
                "! 169.254.169.254 is a cloud metadata address, "
                "refused by network_policy local: nothing will be sent to it"
            )
            assert shown.can_save()
            await shown.write("url", "http://metadata.example/latest")
            assert shown.message("url") == ""

    asyncio.run(scene())


def test_changed_dots_are_taken_back_also_after_a_reveal(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            shown.app.screen.query_one("#box-headers").focus()
            await shown.press("ctrl+home", "end", "Q")
            assert "the dots of Authorization were changed" in shown.message("headers")
            await shown.press("ctrl+r")
            assert "X-Foo: bar & baz" in shown.value("headers")
            await shown.press("ctrl+z")
            assert shown.value("headers").startswith("Authorization: Bearer abcdefghijkl3f9a\n")
            assert shown.message("headers") == ""

    asyncio.run(scene())


def test_hiding_leaves_nothing_readable_to_take_back_to(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            shown.app.screen.query_one("#box-headers").focus()
            await shown.press("ctrl+r", "pagedown", "end", "enter", *"X-B: 1", "ctrl+r")
            for _ in range(9):
                assert "abcdefghijkl" not in shown.value("headers")
                await shown.press("ctrl+z")
            assert shown.value("headers") == "Authorization: ••••3f9a\nX-Foo: ••••"

    asyncio.run(scene())


def test_one_line_can_be_taken_back_too(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            shown.app.screen.query_one("#box-url").focus()
            await shown.press("end", "backspace", *"p/new")
            assert shown.value("url").endswith("p/new")
            for _ in range(9):
                await shown.press("ctrl+z")
            assert shown.value("url") == SIEM.url

    asyncio.run(scene())
