"""JSON of webhooks, deliveries, events and workers: a stable interface, described in docs/json.md.

Times are RFC 3339 in UTC, durations as options take them; null is "not set" or "not yet".
"""

from __future__ import annotations

import json
import re
from typing import Any

from delivery.report import undelivered
from domain.safe import mask_value, safe
from domain.urls import mask_url
from domain.wording import duration_text, time_text
from store.records import (
    Attempt,
    Delivery,
    QuarantinedEvent,
    StoredEvent,
    StoredWorker,
    Webhook,
    WebhookStatus,
)
from store.workers import OLD_HEARTBEAT_MS, is_gone

Shape = dict[str, Any]
_NOT_PLAIN = re.compile(r"[^ -~]")


def webhook_shape(webhook: Webhook, status: WebhookStatus | None, *, reveal: bool) -> Shape:
    """A webhook. `status` is None for a deleted one; without `reveal` secrets are masked."""
    fields = webhook.fields
    secrets = webhook.secrets
    shape = {
        "id": webhook.id,
        "name": fields.name,
        "type": fields.type.value,
        "state": "active" if fields.active else "inactive",
        "url": shown_url(webhook, reveal=reveal),
        "headers": header_lines(webhook, reveal=reveal) if webhook.readable else None,
        "extra_fields": [f"{key}: {value}" for key, value in fields.extra_fields],
        "max_events": fields.max_events,
        "max_bytes": fields.max_bytes,
        "interval": duration_text(fields.interval_ms),
        "retry_interval": duration_text(fields.retry_interval_ms),
        "ca_file": fields.ca_file,
        "secret": secrets is not None if webhook.readable else None,
        "secret_rotation_ends": time_text(secrets.previous_until_ms) if secrets else None,
        "revision": webhook.revision,
        "created": time_text(webhook.created_ms),
        "updated": time_text(webhook.updated_ms),
        "deleted": time_text(webhook.deleted_ms),
        "waiting": undelivered(status) if status else None,
        "queued": status.queued if status else None,
        "pending": status.pending.id if status and status.pending else None,
        "quarantined": status.quarantined_events if status else None,
        "released": status.released_events if status else None,
    }
    if reveal:
        shape["secrets"] = secret_lines(webhook)
    return shape


def shown_url(webhook: Webhook, *, reveal: bool) -> str:
    """The URL, masked unless revealed."""
    return webhook.fields.url if reveal else mask_url(webhook.fields.url)


def header_lines(webhook: Webhook, *, reveal: bool) -> list[str]:
    """The headers, their values masked unless revealed."""
    return [
        f"{name}: {value if reveal else mask_value(value)}"
        for name, value in webhook.fields.headers
    ]


def secret_lines(webhook: Webhook) -> list[str]:
    """The signing secrets in clear, the current one first."""
    secrets = webhook.secrets
    if secrets is None:
        return []
    return [secrets.current, secrets.previous] if secrets.previous else [secrets.current]


def quarantine_shape(event: QuarantinedEvent, created: str) -> Shape:
    """An event in quarantine, and its `created`."""
    return {
        "type": event.type.value,
        "id": event.event_id,
        "created": safe(created) or None,
        "seq": event.seq,
        "delivery": event.delivery_id,
        "since": time_text(event.at_ms),
        "released": time_text(event.released_ms),
    }


def delivery_shape(delivery: Delivery) -> Shape:
    """A delivery."""
    return {
        "id": delivery.id,
        "webhook": delivery.webhook_id,
        "type": delivery.type.value,
        "state": delivery.state,
        "events": delivery.events,
        "bytes": delivery.bytes,
        "sha256": delivery.sha256,
        "attempts": delivery.attempts,
        "sealed": time_text(delivery.sealed_ms),
        "sending_since": time_text(delivery.sending_since_ms),
        "next_attempt": time_text(delivery.next_attempt_ms),
        "reason": delivery.reason or None,
        "asked": delivery.asked,
        "blocked": delivery.blocked,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "ended": time_text(delivery.ended_ms),
        "ended_by": delivery.ended_by,
    }


def attempt_shape(attempt: Attempt) -> Shape:
    """An attempt, with the start of the receiver's answer."""
    return {
        "number": attempt.number,
        "url": attempt.url,
        "revision": attempt.revision,
        "started": time_text(attempt.started_ms),
        "duration_ms": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
        "detail": attempt.detail or None,
        "answer_headers": [f"{name}: {value}" for name, value in attempt.answer_headers],
        "answer_body": safe(attempt.answer_body, keep_newlines=True),
        "worker": attempt.worker,
    }


def worker_shape(worker: StoredWorker, now_ms: int) -> Shape:
    """A worker."""
    role = "active" if worker.active else "standing by"
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "kind": worker.kind,
        "role": "gone" if is_gone(worker, now_ms) else role,
        "started": time_text(worker.started_ms),
        "heartbeat": time_text(worker.heartbeat_ms),
        "heartbeat_old": now_ms - worker.heartbeat_ms > OLD_HEARTBEAT_MS,
    }


def event_json(event: StoredEvent, **more: object) -> str:
    """An event on one line. Its body is copied, so that numbers keep their spelling."""
    about = {
        "type": event.type.value,
        "id": event.id,
        "seq": event.seq,
        "accepted": time_text(event.received_ms),
        **more,
    }
    return f'{json.dumps(about)[:-1]}, "event": {ascii_json(event.body)}}}'


def ascii_json(body: bytes) -> str:
    """The JSON with all but plain ASCII escaped; such characters are in strings only."""
    return _NOT_PLAIN.sub(_escaped, body.decode())


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
