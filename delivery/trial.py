"""The test of a webhook: one marked event, sent now, outside queue and order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from delivery.outcome import Outcome
from delivery.redact import secrets_of
from delivery.request import request_headers
from delivery.resolver import Resolver
from delivery.sender import poster
from domain.bodies import join_body, splice
from domain.event_types import EventType
from domain.ids import base58, new_test_id
from domain.settings import Settings
from domain.times import rfc3339
from domain.urls import mask_url
from store.records import Webhook

LEFT = "left before its end"
_ADDRESS = "192.0.2.1"
_EXAMPLES: dict[EventType, dict[str, object]] = {
    EventType.ALERTS: {
        "type": "test",
        "danger": 1,
        "params": {"ip": _ADDRESS},
    },
    EventType.ENDPOINT_STATS: {
        "ip": _ADDRESS,
        "port": 51820,
        "rx_delta": 0,
        "rx_total": 0,
        "tx_delta": 0,
        "tx_total": 0,
    },
    EventType.LOG_AUTHN: {
        "type": "test",
        "status": "ok",
        "ip": _ADDRESS,
        "errors": [],
        "verifications": [],
    },
    EventType.LOG_CHANGES: {
        "type": "test",
        "field": "test",
        "old_value": "",
        "new_value": "",
    },
}


def test_body(webhook: Webhook, now_ms: int, random_bytes: Callable[[int], bytes]) -> bytes:
    """A list of one event of the webhook's type, `"test": true` among its attributes."""
    fields = webhook.fields
    event = {
        "type": fields.type.value,
        "id": base58(int.from_bytes(random_bytes(8), "big")),
        "attributes": {"created": rfc3339(now_ms), "test": True, **_EXAMPLES[fields.type]},
    }
    compact = json.dumps(event, separators=(",", ":")).encode()
    return join_body([compact], splice(fields.extra_fields))


async def send_test(
    webhook: Webhook, settings: Settings, now_ms: int, random_bytes: Callable[[int], bytes]
) -> Outcome:
    """Send the test event; what came of it."""
    body = test_body(webhook, now_ms, random_bytes)
    return await send_once(webhook, new_test_id(random_bytes), body, settings, now_ms)


async def send_once(
    webhook: Webhook, message_id: str, body: bytes, settings: Settings, now_ms: int
) -> Outcome:
    """Send a body outside the queue with the webhook's own headers, signature and TLS, once."""
    own = webhook.fields.headers
    keys = webhook.secrets.in_force(now_ms) if webhook.secrets else ()
    headers = request_headers(message_id, body, admin_headers=own, secrets=keys, now_ms=now_ms)
    sender = poster(settings, webhook.fields.ca_file, Resolver())
    try:
        secrets = secrets_of(webhook.fields.url, own, keys)
        return await sender.post(webhook.fields.url, headers, body, secrets=secrets)
    finally:
        await sender.close()


async def noted_test(
    webhook: Webhook,
    settings: Settings,
    now_ms: int,
    random_bytes: Callable[[int], bytes],
    note: Callable[..., Awaitable[object]],
) -> Outcome:
    """Send the test, and `note` in the audit trail that it was sent, also if nobody awaits its end.

    `note` takes what `store.audit.note_alone` takes beside the actor and the time.
    """
    told = {
        "action": "webhook.test",
        "webhook_id": webhook.id or None,
        "url": mask_url(webhook.fields.url),
    }
    try:
        outcome = await send_test(webhook, settings, now_ms, random_bytes)
    except asyncio.CancelledError:
        await note(**told, status=None, error=LEFT)
        raise
    await note(**told, status=outcome.status, error=outcome.error)
    return outcome
