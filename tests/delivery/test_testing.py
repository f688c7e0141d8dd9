"""The test of a webhook."""

from __future__ import annotations

import asyncio
import base64
import json
import os

import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook as Verifier

from delivery.outcome import Outcome
from delivery.testing import body_for_test, send_test
from domain.event_types import EventType
from domain.events import read_array
from domain.settings import Settings
from domain.webhooks import WebhookFields
from store import webhooks
from store.records import Secrets, Webhook
from tests.support.certificates import Authority
from tests.support.program import ROOT
from tests.support.receiver_client import Receiver
from tests.support.running_worker import hook, real_now_ms, running_worker
from tests.support.stores import Desk, events

SAMPLES = ROOT / "tests" / "data" / "samples"
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
EXTRA = (("source", "tocsin"), ("site", "Zürich"))


def webhook(fields: WebhookFields, secret: str | None = None) -> Webhook:
    return Webhook(
        id=1,
        revision=1,
        fields=fields,
        secrets=Secrets(secret) if secret else None,
        readable=True,
        created_ms=0,
        updated_ms=0,
        deleted_ms=None,
    )


def tried(wanted: Webhook, settings: Settings | None = None) -> Outcome:
    return asyncio.run(send_test(wanted, settings or Settings(), real_now_ms(), os.urandom))


@pytest.mark.parametrize("type_", list(EventType))
def test_it_is_a_whole_event_of_the_webhooks_type_that_says_it_is_a_test(type_: EventType) -> None:
    body = body_for_test(webhook(hook("http://h/", type_=type_)), 1_790_000_000_123, os.urandom)
    (event,) = read_array(body, now_ms=0, random64=lambda: 1)
    assert event.type is type_
    (found,) = json.loads(body)
    (real,) = json.loads((SAMPLES / f"{type_.value}.json").read_text())
    assert found["attributes"].pop("test") is True
    assert found["attributes"]["created"] == "2026-09-21T14:13:20Z"
    assert shape(found) == shape(real)


def shape(value: object) -> object:
    """The members and kinds of values, whatever the values are."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value)


def test_a_kept_event_is_sent_as_it_is(shared_receiver: Receiver) -> None:
    path = "/ok/kept"
    wanted = webhook(hook(shared_receiver.url(path), extra_fields=EXTRA))
    kept = b'{"type":"alerts","id":"x","attributes":{"created":"2026-09-21T14:13:20Z"}}'
    asyncio.run(send_test(wanted, Settings(), real_now_ms(), os.urandom, kept))
    (request,) = shared_receiver.requests(path)
    assert request.body == b"[" + kept[:-1] + b',"source":"tocsin","site":"Z\xc3\xbcrich"}]'
    assert str(request.header("webhook-id")).startswith("msg_test_")


def test_its_id_and_extra_fields_are_as_in_a_delivery(shared_receiver: Receiver) -> None:
    path = "/ok/trial"
    fields = hook(shared_receiver.url(path), extra_fields=EXTRA, headers=(("X-Key", "k"),))
    first, second = tried(webhook(fields, SECRET)), tried(webhook(fields, SECRET))
    assert (first.delivered, second.delivered) == (True, True)
    requests = shared_receiver.requests(path)
    for request in requests:
        assert str(request.header("webhook-id")).startswith("msg_test_")
        assert request.header("x-key") == "k"
        (event,) = request.events
        assert (event["source"], event["site"]) == ("tocsin", "Zürich")
        assert event["attributes"]["test"] is True
        Verifier(SECRET).verify(request.body, dict(request.headers))
    assert len({request.header("webhook-id") for request in requests}) == 2
    assert len({request.events[0]["id"] for request in requests}) == 2


@pytest.mark.parametrize("status", [302, 404, 503])
def test_it_tells_what_the_receiver_said(shared_receiver: Receiver, status: int) -> None:
    path = f"/big:{status}/trial" if status != 302 else "/302/trial"
    outcome = tried(webhook(hook(shared_receiver.url(path))))
    assert (outcome.status, outcome.delivered) == (status, False)
    assert outcome.answer_body
    assert len(shared_receiver.requests(path)) == 1


def test_an_echo_shows_no_secret(shared_receiver: Receiver) -> None:
    headers = (("Authorization", "Bearer 0123456789abcdef"), ("X-Trace", "on"))
    outcome = tried(webhook(hook(shared_receiver.url("/echo:302"), headers=headers), SECRET))
    told = f"{outcome} {outcome.answer_body.decode()}"
    assert "Authorization: ••••cdef" in told
    assert "X-Trace: on" in told
    assert "0123456789" not in told


def test_it_obeys_the_settings(shared_receiver: Receiver) -> None:
    wanted = webhook(hook(shared_receiver.url("/hang/trial")))
    assert tried(wanted, Settings(timeout_ms=200)).error is not None
    refused = tried(
        webhook(hook(shared_receiver.url("/ok/refused"))), Settings(network_policy="public")
    )
    assert refused.error == "AddressRefused"
    assert shared_receiver.requests("/ok/refused") == []


def test_it_trusts_the_webhooks_own_authority(tls_receiver: Receiver, authority: Authority) -> None:
    fields = hook(tls_receiver.url("/ok/trial"))
    assert not tried(webhook(fields)).delivered
    assert tried(webhook(replace(fields, ca_file=str(authority.file)))).delivered


def test_it_touches_neither_queue_nor_order(desk: Desk, receiver: Receiver) -> None:
    path = "/script:held,200/trial"
    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 2))
    with running_worker(desk):
        receiver.wait(path, count=1)
        before = desk.status(1)
        assert tried(desk.call(webhooks.find, 1, desk.store.vault)).delivered
        assert desk.status(1) == before
        assert len(receiver.requests(path)) == 2
        receiver.release(path)
