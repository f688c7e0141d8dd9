"""The test of a webhook: one event, sent now, outside queue and order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from delivery.outcome import Outcome
from delivery.redact import secrets_of
from delivery.request import request_headers
from delivery.resolver import Resolver
from delivery.sample_events import sample_event
from delivery.sender import poster
from domain.bodies import join_body, splice
from domain.ids import base58, new_test_id
from domain.settings import Settings
from domain.urls import mask_url
from store.records import StoredEvent, Webhook

LEFT = "left before its end"


def body_of_test(
    webhook: Webhook,
    now_ms: int,
    random_bytes: Callable[[int], bytes],
    event: bytes | None = None,
) -> bytes:
    """A list of one event: a sample of the webhook's type, or the kept one that is given."""
    fields = webhook.fields
    if event is None:
        event_id = base58(int.from_bytes(random_bytes(8), "big"))
        sample = sample_event(fields.type, event_id, now_ms)
        event = json.dumps(sample, separators=(",", ":")).encode()
    return join_body([event], splice(fields.extra_fields))


async def send_test(
    webhook: Webhook,
    settings: Settings,
    now_ms: int,
    random_bytes: Callable[[int], bytes],
    event: bytes | None = None,
) -> Outcome:
    """Send the test event, or the kept one that is given; what came of it."""
    body = body_of_test(webhook, now_ms, random_bytes, event)
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
    event: StoredEvent | None = None,
) -> Outcome:
    """Send the test, and `note` in the audit trail that it was sent, also if nobody awaits its end.

    `note` takes what `store.audit.note_alone` takes beside the actor and the time.
    """
    told = {
        "action": "webhook.test",
        "webhook_id": webhook.id or None,
        "url": mask_url(webhook.fields.url),
        **({"event": event.id} if event else {}),
    }
    try:
        kept = event.body if event else None
        outcome = await send_test(webhook, settings, now_ms, random_bytes, kept)
    except asyncio.CancelledError:
        await note(**told, status=None, error=LEFT)
        raise
    await note(**told, status=outcome.status, error=outcome.error)
    return outcome
