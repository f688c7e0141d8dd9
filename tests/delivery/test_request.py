"""The headers of a request, and its signature as a receiver checks it."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from delivery.request import request_headers, shown_request
from domain.version import VERSION
from store import webhooks
from store.queue import deliveries
from store.webhook_edits import RetireSecret, RotateSecret
from tests.support.receiver_client import Receiver, Request
from tests.support.running_worker import hook, running_worker
from tests.support.stores import ACTOR, ALERTS, Desk, compact, events, fields
from tests.support.waiting import eventually

BODY = b'[{"type":"alerts"}]'
NOW = 1_790_000_000_999
FIRST = "whsec_" + base64.b64encode(b"1" * 32).decode()
SECOND = "whsec_" + base64.b64encode(b"2" * 24).decode()


def headers(
    *admin: tuple[str, str], secrets: tuple[str, ...] = (), body: bytes = BODY
) -> list[tuple[str, str]]:
    return request_headers("msg_1", body, admin_headers=admin, secrets=secrets, now_ms=NOW)


def test_ours_come_first_and_the_triple_always() -> None:
    assert headers() == [
        ("Content-Type", "application/json"),
        ("User-Agent", f"tocsin/{VERSION}"),
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", "1790000000"),
    ]


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
def test_the_admins_header_wins_over_ours_whatever_its_case(name: str) -> None:
    sent = headers((name, "application/vnd.api+json"))
    kept = [value for key, value in sent if key.lower() == "content-type"]
    assert kept == ["application/vnd.api+json"]
    assert ("User-Agent", f"tocsin/{VERSION}") in sent


def test_the_admins_headers_keep_their_order_and_spelling() -> None:
    admin = (("X-Foo", "bar & baz"), ("authorization", "Bearer x"), ("User-Agent", "mine"))
    assert tuple(headers(*admin)[1:4]) == admin


def test_without_a_secret_there_is_no_signature() -> None:
    assert "webhook-signature" not in dict(headers())


def test_each_secret_in_force_signs() -> None:
    sent = dict(headers(secrets=(FIRST, SECOND)))["webhook-signature"].split(" ")
    assert sent == [dict(headers(secrets=(key,)))["webhook-signature"] for key in (FIRST, SECOND)]
    assert len(set(sent)) == 2


# Requests that are shown


def note_of_first_attempt(desk: Desk, webhook_id: int) -> str:
    """The note beside the request of the first attempt, as it is shown now."""
    [attempt] = desk.call(deliveries.attempts, "msg_1")
    webhook = desk.call(webhooks.find, webhook_id, desk.store.vault)
    return shown_request(desk.delivery("msg_1"), webhook, attempt, NOW).note


def test_only_an_edit_of_what_shapes_requests_is_noted_beside_an_older_one(desk: Desk) -> None:
    webhook_id = desk.add(fields(name="siem"))
    desk.append(*events(1, 1))
    desk.end(desk.started(webhook_id), 500)
    for active in (False, True):
        desk.call(webhooks.set_active, [webhook_id], active, ACTOR, NOW)
    desk.edit(webhook_id, fields(name="siem", interval_ms=60_000))
    assert note_of_first_attempt(desk, webhook_id) == ""
    desk.edit(webhook_id, fields(name="siem", headers=(("X-Foo", "bar"),)))
    note = "edited since (revision 1): the headers are those of now"
    assert note_of_first_attempt(desk, webhook_id) == note


# A real receiver with the official package


def verify(request: Request, secret: str) -> object:
    """Verify a request that came in with the package."""
    return Webhook(secret).verify(request.body, dict(request.headers))


def received(desk: Desk, receiver: Receiver, path: str) -> Request:
    """Queue one more event and wait for its request."""
    before = len(receiver.requests(path))
    desk.append(*events(before + 1, before + 1))
    with running_worker(desk):
        request = receiver.wait(path, acked=before + 1)[-1]
        eventually(lambda: desk.status(1).pending is None)
    return request


def test_the_official_package_takes_what_we_sign(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/ok/signed"
    fields = hook(shared_receiver.url(path), headers=(("X-Foo", "bar & baz"),))
    desk.add(fields, secret=FIRST)
    request = received(desk, shared_receiver, path)
    assert verify(request, FIRST) == [{"type": "alerts", "id": "e1", "attributes": {"text": ""}}]
    with pytest.raises(WebhookVerificationError):
        verify(request, SECOND)
    with pytest.raises(WebhookVerificationError):
        verify(replace(request, body=request.body + b" "), FIRST)
    assert request.header("x-foo") == "bar & baz"


def test_while_rotating_old_and_new_receivers_take_it(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/ok/rotating"
    fields = hook(shared_receiver.url(path), interval_ms=1_000)
    desk.add(fields, secret=FIRST)

    desk.edit(1, fields, RotateSecret(SECOND))
    request = received(desk, shared_receiver, path)
    assert verify(request, FIRST) == verify(request, SECOND)

    desk.edit(1, fields, RetireSecret())
    request = received(desk, shared_receiver, path)
    assert verify(request, SECOND)
    with pytest.raises(WebhookVerificationError):
        verify(request, FIRST)


def test_a_signature_covers_bytes_beyond_ascii(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/ok/signed-words"
    desk.add(hook(shared_receiver.url(path), extra_fields=(("où", "là 🔔"),)), secret=FIRST)
    request = received(desk, shared_receiver, path)
    event = {"type": ALERTS.value, "id": "e1", "attributes": {"text": ""}, "où": "là 🔔"}
    assert verify(request, FIRST) == [event]
    assert request.body == compact([event])
