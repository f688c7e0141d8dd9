"""Stores that released versions of Tocsin made, copied for a test, and what an upgrade must keep.

Each folder `tests/data/schema-N` has a store, its key, two exports and `kept.json`: what `kept`
gave for the store when that version made it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from domain.event_types import EventType
from store import alert_settings, clients, drafts, models, settings, sources, tokens, webhooks
from store.database import Store
from store.events import reading
from store.models import (
    AttemptRow,
    ChangeRow,
    DeliveryRow,
    HeadRow,
    QuarantineRow,
    WebhookRow,
    WorkerRow,
)
from store.queue import broker_cursors, sealing
from store.ranges import Ranges
from store.webhook_rows import redo_of
from tests.support.stores import ACTOR

RELEASED = sorted((Path(__file__).parents[1] / "data").glob("schema-*"))
MASKED, REVEALED = "export-masked.json", "export-revealed.json"
MADE_MS = 1_796_097_600_000
"""The time at which the stores were begun; none of their drafts is too old by then."""


def copy_of(released: Path, target: Path) -> Path:
    """A copy of a released store and its key at `target`, as private as they were."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(released / "tocsin.db", target)
    target.chmod(0o600)
    key = target.with_name("tocsin.key")
    shutil.copyfile(released / "tocsin.key", key)
    key.chmod(0o400)
    return target


def kept_by(released: Path) -> Any:
    """Return what must be in the store still, whatever came after that version."""
    return json.loads((released / "kept.json").read_text())


def kept(store: Store) -> Any:
    """Return what no upgrade may change, as JSON has it."""
    found = store.call(_kept, store)
    return json.loads(json.dumps(found, ensure_ascii=False, default=_text))


def _kept(store: Store) -> dict[str, Any]:
    return {
        "events": {type_.value: _events(type_) for type_ in EventType},
        "heads": sorted(models.rows(HeadRow.select())),
        "webhooks": [_webhook(row, store) for row in WebhookRow.select()],
        "deliveries": [_delivery(row) for row in DeliveryRow.select()],
        "attempts": models.rows(AttemptRow.select(*_ATTEMPT)),
        "quarantine": models.rows(QuarantineRow.select()),
        "settings": settings.load_all(),
        "paused": settings.paused(),
        "alerts": alert_settings.load_all(),
        "tokens": [asdict(one) for one in tokens.load_all()],
        "clients": [asdict(one) for kind in clients.NOUNS for one in clients.load_all(kind)],
        "queued for brokers": broker_cursors.queued(),
        "sources": [_source(one.name, store) for one in sources.load_all()],
        "workers": WorkerRow.select().count(),
        "changes": models.rows(ChangeRow.select(*_CHANGE)),
        "drafts": drafts.waiting(actor=ACTOR, now_ms=MADE_MS),
    }


_ATTEMPT = (
    AttemptRow.delivery,
    AttemptRow.number,
    AttemptRow.revision,
    AttemptRow.started_ms,
    AttemptRow.status,
    AttemptRow.error,
    AttemptRow.detail,
    AttemptRow.worker,
)
_CHANGE = (
    ChangeRow.at_ms,
    ChangeRow.user,
    ChangeRow.login,
    ChangeRow.address,
    ChangeRow.action,
    ChangeRow.webhook_id,
)


def _events(type_: EventType) -> list[tuple[object, ...]]:
    return [
        (one.seq, one.id, one.received_ms, hashlib.sha256(one.body).hexdigest())
        for one in reading.after(type_, 0, limit=1_000)
    ]


def _webhook(row: WebhookRow, store: Store) -> dict[str, Any]:
    redo = redo_of(row)
    counted = {name: getattr(row, name) for name in _COUNTED}
    if row.erased_ms is not None:
        return counted
    webhook = webhooks.find(row.id, store.vault)
    fields = asdict(webhook.fields)
    assert fields.pop("retry_interval_ms") is None  # no schema before 4 has one
    secrets = None if webhook.secrets is None else asdict(webhook.secrets)
    return {
        **counted,
        "fields": fields,
        "secrets": secrets,
        "redo": None if redo is None else {**asdict(redo), "numbers": _numbers(redo.numbers)},
    }


_COUNTED = (
    "id",
    "name",
    "type",
    "active",
    "revision",
    "target_revision",
    "cursor",
    "run_until",
    "last_run_ms",
    "redo_count",
    "released",
    "delivered_events",
    "skipped_events",
    "last_attempt_ms",
    "last_status",
    "last_error",
    "deleted_ms",
    "erased_ms",
)


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    """A delivery with the hash of its body as it is joined today."""
    frozen = {name: getattr(row, name) for name in _FROZEN}
    there = set(_numbers(sealing.numbers_of(row)))
    without = [seq for seq in range(row.first_seq, row.last_seq) if seq not in there]
    joined = hashlib.sha256(sealing.body_of(row)).hexdigest()
    return {**frozen, "without": json.dumps(without), "joined": joined}


def _numbers(kept: Ranges) -> list[int]:
    return [seq for first, last in kept for seq in range(first, last + 1)]


_FROZEN = (
    "id",
    "public_id",
    "webhook_id",
    "type",
    "first_seq",
    "last_seq",
    "count",
    "bytes",
    "sha256",
    "layout",
    "state",
    "attempts",
    "sealed_ms",
    "next_attempt_ms",
    "wait_ms",
    "reason",
    "sending_since_ms",
    "asked",
    "blocked",
    "ended_ms",
    "ended_by",
)


def _source(name: str, store: Store) -> dict[str, Any]:
    state = sources.load_state(name)
    return {
        **asdict(sources.find(name)),
        "secret": sources.secret_of(name, store.vault),
        "state": state and hashlib.sha256(state).hexdigest(),
    }


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"{type(value)} is not JSON")
