"""The form by its keys: adding, editing, duplicating, and that nothing typed is lost."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from domain.event_types import EventType
from domain.webhooks import WebhookFields
from tests.support.apps import Bench, screen_text
from tests.support.receiver_client import Receiver
from tests.support.stores import events, fields
from tests.support.webhook_forms import HEADERS, SIEM, actions, form, trail, webhook
from tui.webhook_form.saving import Saved


def test_a_webhook_is_added_by_keys_alone(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("a")
            await pilot.pause()
            await pilot.press("enter", "l", "o", "g", "enter", "tab", "tab", *"siem", "tab")
            await pilot.press(*"https://example.com/q?a=1", "tab", *"X-Foo: bar & baz", "tab")
            await pilot.press(*"source: tocsin", "tab", *"500")
            await pilot.pause()
            assert "up to 500 events" in screen_text(app)
            await pilot.press("ctrl+s")
            await pilot.pause()
            await bench.settle(app, pilot)
            assert "siem" in screen_text(app)

    asyncio.run(scene())
    assert webhook(bench).fields == WebhookFields(
        EventType.LOG_AUTHN,
        "https://example.com/q?a=1",
        name="siem",
        headers=(("X-Foo", "bar & baz"),),
        extra_fields=(("source", "tocsin"),),
        max_events=500,
    )


def test_every_field_is_seen_at_80_by_24(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            for word in ("Type", "State", "Name", "URL", "Headers", "Extra fields", "Max events"):
                assert word in shown.text
            assert "Advanced" in shown.text
            assert EventType.ALERTS.description in shown.words
            assert "Next request: " in shown.text

    asyncio.run(scene())


def test_every_field_can_be_reached_at_60_by_15(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench, size=(60, 15)) as shown:
            for _ in range(7):
                await shown.press("tab")
            assert "Advanced" in shown.text
            await shown.press("enter")
            for _ in range(5):
                await shown.press("tab")
            assert "now: what is accepted from now on" in shown.text

    asyncio.run(scene())


def test_each_type_is_offered_with_what_it_means(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.press("enter")
            listed = [line[line.index("│", 1) :] for line in shown.text.split("\n")[4:15]]
            read = " ".join(" ".join(listed).replace("│", " ").split())
            for type_ in EventType:
                assert type_.title in shown.text
                assert type_.description in read

    asyncio.run(scene())


def test_an_error_stands_under_its_field_while_typing(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            assert not shown.can_save()
            assert "to do: URL" in shown.text
            await shown.press("tab", "tab", "tab", *"ftp://x")
            assert "✗ ftp is not supported; write https:// or http://" in shown.text
            await shown.write("url", "https://example.com")
            assert "✗" not in shown.message("url")
            assert shown.can_save()
            await shown.write("headers", "Author")
            assert "line 1 has no colon; write it as `X-Foo: bar`" in shown.text
            assert not shown.can_save()

    asyncio.run(scene())


def test_saving_what_is_wrong_shows_all_errors_and_goes_to_the_first(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("start", "since")
            await shown.press("ctrl+s")
            assert "it is empty; write it as https://example.com/path" in shown.text
            assert "is not a time" in shown.message("since")
            assert shown.app.focused is shown.app.screen.query_one("#box-url")
            await shown.write("url", "https://example.com")
            await shown.press("ctrl+s")
            assert shown.app.focused is shown.app.screen.query_one("#box-since")
            assert shown.is_open

    asyncio.run(scene())
    assert not actions(bench)


def test_q_and_the_question_mark_are_typed(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.press("q", "question_mark")
            assert shown.is_open
            await shown.press("tab", "tab", "q", "question_mark")
            assert shown.value("name") == "q?"

    asyncio.run(scene())


def test_where_to_start_is_asked_only_when_adding(bench: Bench) -> None:
    bench.store.append(*events(1, 3))
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://example.com")
            await shown.write("start", "start")
            await shown.press("ctrl+s")
            assert shown.result == [Saved(2, 1)]
        async with form(bench, editing=1) as shown:
            assert not shown.app.screen.query("#field-start")

    asyncio.run(scene())
    assert bench.store.status(2).queued == 3


def test_hidden_values_that_nobody_touched_stay(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            assert "Authorization: ••••3f9a" in shown.text
            assert "abcdefgh" not in shown.text
            await shown.write("headers", shown.value("headers") + "\nX-New: 1")
            await shown.press("ctrl+s")
            assert [saved and saved.revision for saved in shown.result] == [2]

    asyncio.run(scene())
    assert webhook(bench).fields == replace(SIEM, headers=(*HEADERS, ("X-New", "1")))


def test_dots_are_never_stored(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("headers", "X-Token: ••••3f9a")
            assert "line 1: dots stand for the hidden value of another header" in shown.text
            await shown.press("ctrl+s")
            assert shown.is_open

    asyncio.run(scene())
    assert webhook(bench).fields == SIEM


def test_revealing_is_recorded_and_can_be_taken_back(bench: Bench) -> None:
    bench.store.add(SIEM, secret="whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")

    async def scene() -> None:
        async with form(bench, editing=1, size=(80, 40)) as shown:
            shown.app.screen.query_one("#advanced").collapsed = False  # type: ignore[attr-defined]
            await shown.press("ctrl+r")
            assert "Bearer abcdefghijkl3f9a" in shown.text
            assert "whsec_AAEC" in shown.text
            assert actions(bench)[0] == "webhook.reveal"
            await shown.press("ctrl+r")
            assert "abcdefgh" not in shown.text
            assert "whsec_AAEC" not in shown.text
            assert actions(bench).count("webhook.reveal") == 1
            await shown.press("escape")
            assert shown.result == [None]

    asyncio.run(scene())
    assert trail(bench)[0].webhook_id == 1


def test_a_refused_save_leaves_the_text_and_says_why(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://example.com")
            await shown.write("name", "siem")
            await shown.press("ctrl+s")
            assert "the name siem is taken by webhook 1: choose another" in shown.text
            assert shown.value("name") == "siem"
            await shown.write("name", "siem2")
            await shown.press("ctrl+s")
            assert shown.result == [Saved(2, 1)]

    asyncio.run(scene())


def test_a_new_type_names_what_is_dropped_and_asks(bench: Bench) -> None:
    bench.store.add(SIEM)
    bench.store.append(*events(1, 12))

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            await shown.write("type", "log_authn")
            await shown.press("ctrl+s")
            assert "Drop 12 queued events of webhook 1 (siem), to change" in shown.text
            await shown.press("escape")
            assert shown.is_open
            assert shown.value("type") == "log_authn"
            await shown.press("ctrl+s", "y")
            assert len(shown.result) == 1

    asyncio.run(scene())
    assert webhook(bench).fields.type is EventType.LOG_AUTHN
    assert bench.store.status(1).skipped_events == 12


def test_an_edit_says_what_becomes_of_the_pending_delivery(bench: Bench) -> None:
    bench.store.add(SIEM)
    bench.store.append(*events(1, 2))
    bench.store.end(bench.store.started(1), 503)

    async def scene() -> None:
        async with form(bench, editing=1, size=(120, 40)) as shown:
            assert "pending delivery" not in shown.notice
            await shown.write("name", "other")
            assert (
                "Once saved: the pending delivery msg_1 (2 events) keeps its body." in shown.notice
            )
            await shown.write("retry_interval", "1h")
            assert "Its next attempt stays at" in shown.notice
            await shown.write("url", "https://other.example")
            assert "is tried again now, with the new settings." in shown.notice
            await shown.write("max_events", "1")
            assert "Resealing it" in shown.notice

    asyncio.run(scene())


def test_a_duplicate_is_for_another_type_with_the_same_hidden_headers(bench: Bench) -> None:
    bench.store.add(SIEM, secret="whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    bench.store.add(fields(EventType.ENDPOINT_STATS))

    async def scene() -> None:
        async with form(bench, copy_of=1) as shown:
            assert "Duplicate webhook 1 (siem)" in shown.text
            assert "Authorization: ••••3f9a" in shown.text
            await shown.press("ctrl+s")
            assert shown.result == [Saved(3, 1)]

    asyncio.run(scene())
    copied = webhook(bench, 3)
    assert copied.fields == replace(SIEM, name=None, type=EventType.LOG_AUTHN)
    assert copied.secrets == webhook(bench, 1).secrets


def test_a_generated_secret_is_shown_until_it_is_saved(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1, size=(80, 40)) as shown:
            shown.app.screen.query_one("#advanced").collapsed = False  # type: ignore[attr-defined]
            await shown.write("secret", "generate")
            assert "whsec_AAEC" in shown.text
            assert "f4 copies it" in shown.text
            assert "2 headers, signed" in shown.text
            await shown.press("ctrl+s")
            assert shown.result[0] is not None
            assert shown.result[0].secret_changed

    asyncio.run(scene())
    secrets = webhook(bench).secrets
    assert secrets is not None
    assert secrets.current.startswith("whsec_AAEC")


def test_a_test_is_sent_with_what_is_typed_before_it_is_saved(
    bench: Bench, receiver: Receiver
) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.press("ctrl+t")
            assert "it is empty" in shown.text
            await shown.write("url", receiver.url("/ok/form"))
            await shown.write("headers", "X-Try: 1")
            await shown.press("ctrl+t")
            await shown.until("✓ delivered: answered 200 OK, after ")
            await shown.write("url", receiver.url("/503/form"))
            await shown.press("f5")
            await shown.until("✗ not delivered: answered 503 Service Unavailable")
            assert shown.is_open

    asyncio.run(scene())
    request = receiver.requests("/ok/form")[0]
    assert request.header("x-try") == "1"
    assert request.events[0]["attributes"]["test"] is True
    assert actions(bench) == ["webhook.test", "webhook.test"]
    assert [change.detail["status"] for change in trail(bench)] == [503, 200]


def test_a_ca_file_that_is_none_is_found_before_saving(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://example.com")
            await shown.write("ca_file", "/nowhere/ca.pem")
            await shown.press("ctrl+s")
            await shown.until("cannot read the CA file /nowhere/ca.pem")
            assert shown.is_open

    asyncio.run(scene())
    assert not actions(bench)


def test_the_request_stands_beside_the_form_where_there_is_room(bench: Bench) -> None:
    bench.store.add(SIEM)

    async def scene() -> None:
        async with form(bench, editing=1, size=(120, 40)) as shown:
            assert "POST /hook" in shown.text
            assert "webhook-timestamp: " in shown.text
            assert '"source": "tocsin"' in shown.text
            await shown.write("name", "typed")
            await shown.pilot.resize_terminal(80, 24)
            await shown.settle()
            assert (
                "Next request: 2 headers, up to 1,000 events: POST example.com/hook" in shown.text
            )
            assert "webhook-timestamp" not in shown.text
            assert shown.value("name") == "typed"

    asyncio.run(scene())


def test_without_the_right_key_the_form_says_so(bench: Bench) -> None:
    bench.store.add(SIEM)
    bench.opened.vault.key_file.unlink()
    bench.opened.vault._cipher = None

    async def scene() -> None:
        async with form(bench, editing=1) as shown:
            assert shown.result == [None]
            await shown.until("the key file")

    asyncio.run(scene())
