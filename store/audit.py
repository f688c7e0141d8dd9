"""The audit trail: every change, who made it and from where. Only ever added to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from peewee import fn

from domain.actors import Actor
from store.models import ChangeRow, WebhookRow, database, rows
from store.records import AuditEntry, record_from

if TYPE_CHECKING:
    from domain.filters import Term


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
    with database.atomic():
        note(actor, action, now_ms, webhook_id, **detail)


def changes(terms: Sequence[Term] = (), limit: int = 200) -> list[AuditEntry]:
    """Return the lines for which every term holds, the newest first."""
    query = ChangeRow.select().where(*_conditions(terms)).order_by(ChangeRow.id.desc())
    return [_entry(row) for row in list(query.limit(limit))]


def ids(terms: Sequence[Term] = ()) -> Sequence[int]:
    """Return the ids of the lines for which every term holds, the newest first.

    Nothing is ever taken out of the trail, so the ids of all lines are a range.
    """
    if not terms:
        return range(count(), 0, -1)
    query = ChangeRow.select(ChangeRow.id).where(*_conditions(terms)).order_by(ChangeRow.id.desc())
    return [id_ for (id_,) in rows(query)]


def count() -> int:
    """Return the number of lines."""
    return rows(ChangeRow.select(fn.MAX(ChangeRow.id)))[0][0] or 0


def load(wanted: Iterable[int]) -> list[AuditEntry]:
    """Return the lines with these ids, as far as there are any."""
    query = ChangeRow.select().where(ChangeRow.id.in_(list(wanted)))
    return [_entry(row) for row in list(query)]


def webhook_names() -> dict[int, str]:
    """Return the names of webhooks by their ids, of deleted ones too: the trail outlives them."""
    named = WebhookRow.name.is_null(False)
    return dict(rows(WebhookRow.select(WebhookRow.id, WebhookRow.name).where(named)))


def _conditions(terms: Sequence[Term]) -> list[Any]:
    if not terms:
        return [True]
    from store.filters import change_conditions  # nothing that the first screen waits for

    return change_conditions(terms)


def _entry(row: ChangeRow) -> AuditEntry:
    return record_from(AuditEntry, row, detail=json.loads(row.detail))
