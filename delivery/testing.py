"""Test of a webhook: one event sent now, outside queue and order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from delivery.network import Resolver
from delivery.outcome import Outcome
from delivery.redact import secrets_of
from delivery.request import request_headers
from delivery.sender import make_poster
from domain.bodies import join_body, splice
from domain.event_types import EventType
from domain.ids import base58, new_test_id
from domain.settings import DAY_MS, MINUTE_MS, Settings
from domain.times import rfc3339
from domain.urls import mask_url
from store.records import StoredEvent, Webhook

_ADDRESS, _OLD_ADDRESS = "192.0.2.1", "198.51.100.1"

ABANDONED = "left before its end"


def sample_event(type_: EventType, event_id: str, now_ms: int) -> dict[str, Any]:
    """Return a complete event of the type with `"test": true` and addresses for documentation."""
    now_ms -= now_ms % 1000
    attributes, relationships = _MAKERS[type_](now_ms)
    return {
        "attributes": {"created": rfc3339(now_ms), **attributes, "test": True},
        "id": event_id,
        **({"relationships": relationships} if relationships else {}),
        "type": type_.value,
    }


_Parts = tuple[dict[str, Any], dict[str, Any]]


def _alert(now_ms: int) -> _Parts:
    attributes = {
        "danger": 1,
        "params": {
            "country": "US",
            "country_name": "United States",
            "days": 45,
            "host": "test-host",
            "host_pub": "FgepD86z1Jo",
            "ip": _ADDRESS,
            "peer": "test-peer",
            "peer_pub": "j9CwNyPm7Q8",
        },
        "suppress_until": rfc3339(now_ms + DAY_MS),
        "type": "endpoint_ip_first_use_country",
        "updated": rfc3339(now_ms),
    }
    return attributes, {}


def _endpoint_stats(now_ms: int) -> _Parts:
    attributes = {
        "handshake": rfc3339(now_ms - MINUTE_MS),
        "ip": _ADDRESS,
        "port": 51820,
        "rx_delta": 748,
        "rx_total": 31_591_436,
        "tx_delta": 772,
        "tx_total": 70_276_620,
    }
    return attributes, _related("endpoint", "endpoints", "CtfsGB3cABY")


def _log_authn(_: int) -> _Parts:
    attributes = {
        "errors": [],
        "ip": _ADDRESS,
        "status": "ok",
        "type": "X-Custos",
        "url": "/sessions",
        "verifications": ["password", "user"],
    }
    return attributes, _related("user", "users", "3tjDGN2gXpT")


def _log_changes(_: int) -> _Parts:
    attributes = {
        "field": "ip",
        "id": "PykHtrVmLHs",
        "new_value": _ADDRESS,
        "old_value": _OLD_ADDRESS,
        "type": "endpoints",
    }
    return attributes, _related("user", "users", "NZ1Gq4fs3sp")


def _related(name: str, type_: str, id_: str) -> dict[str, Any]:
    return {name: {"data": [{"id": id_, "type": type_}]}}


_MAKERS = {
    EventType.ALERTS: _alert,
    EventType.ENDPOINT_STATS: _endpoint_stats,
    EventType.LOG_AUTHN: _log_authn,
    EventType.LOG_CHANGES: _log_changes,
}


def body_for_test(
    webhook: Webhook, now_ms: int, random_bytes: Callable[[int], bytes], event: bytes | None = None
) -> bytes:
    """Return a list of one event: the given one, or a sample of the webhook's type."""
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
    """Send the given event, or a sample, and return the outcome."""
    body = body_for_test(webhook, now_ms, random_bytes, event)
    return await send_once(webhook, new_test_id(random_bytes), body, settings, now_ms)


async def send_once(
    webhook: Webhook, message_id: str, body: bytes, settings: Settings, now_ms: int
) -> Outcome:
    """Send a body outside the queue with the webhook's own headers, signature and TLS, once."""
    own = webhook.fields.headers
    keys = webhook.secrets.in_force(now_ms) if webhook.secrets else ()
    headers = request_headers(message_id, body, admin_headers=own, secrets=keys, now_ms=now_ms)
    sender = make_poster(settings, webhook.fields.ca_file, Resolver())
    try:
        secrets = secrets_of(webhook.fields.url, own, keys)
        return await sender.post(webhook.fields.url, headers, body, secrets=secrets)
    finally:
        await sender.close()


async def audited_test(
    webhook: Webhook,
    settings: Settings,
    now_ms: int,
    random_bytes: Callable[[int], bytes],
    note: Callable[..., Awaitable[object]],
    event: StoredEvent | None = None,
) -> Outcome:
    """Send the test and `note` it in the audit trail, also if this is cancelled.

    `note` takes the arguments of `store.audit.note_alone` beside the actor and the time.
    """
    facts = {
        "action": "webhook.test",
        "webhook_id": webhook.id or None,
        "url": mask_url(webhook.fields.url),
        **({"event": event.id, "number": event.seq} if event else {}),
    }
    try:
        kept = event.body if event else None
        outcome = await send_test(webhook, settings, now_ms, random_bytes, kept)
    except asyncio.CancelledError:
        await note(**facts, status=None, error=ABANDONED)
        raise
    await note(**facts, status=outcome.status, error=outcome.error)
    return outcome
