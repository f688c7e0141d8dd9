"""The audit trail: every change, who made it and from where. Only ever added to."""

from __future__ import annotations

import json

from domain.actors import Actor
from store import models
from store.models import ChangeRow
from store.records import AuditEntry


def note(
    actor: Actor, action: str, now_ms: int, webhook_id: int | None = None, **detail: object
) -> None:
    """Write one line; called inside the transaction of the change that it records.

    `detail` must have its secrets masked already.
    """
    ChangeRow.insert(
        at_ms=now_ms,
        user=actor.user,
        login=actor.login,
        address=actor.address,
        action=action,
        webhook_id=webhook_id,
        detail=json.dumps(detail, ensure_ascii=False),
    ).execute()


def note_alone(
    actor: Actor, action: str, now_ms: int, webhook_id: int | None = None, **detail: object
) -> None:
    """Write one line that belongs to no other change, such as a reveal."""
    with models.database.atomic():
        note(actor, action, now_ms, webhook_id, **detail)


def changes(
    *, webhook_id: int | None = None, since_ms: int | None = None, limit: int = 200
) -> list[AuditEntry]:
    """Return the newest lines, newest first."""
    query = ChangeRow.select().order_by(ChangeRow.id.desc()).limit(limit)
    if webhook_id is not None:
        query = query.where(ChangeRow.webhook_id == webhook_id)
    if since_ms is not None:
        query = query.where(ChangeRow.at_ms >= since_ms)
    return [change_of(row) for row in list(query)]


def change_of(row: ChangeRow) -> AuditEntry:
    """Make the record of a row."""
    return AuditEntry(
        id=row.id,
        at_ms=row.at_ms,
        user=row.user,
        login=row.login,
        address=row.address,
        action=row.action,
        webhook_id=row.webhook_id,
        detail=json.loads(row.detail),
    )
