"""The audit trail for long lists, of which few rows are in sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peewee import fn

from domain.filters import Term
from store.audit import change_of
from store.filters import change_conditions
from store.models import ChangeRow, WebhookRow, rows
from store.records import AuditEntry


def ids(terms: Sequence[Term] = ()) -> Sequence[int]:
    """Return the ids of the lines for which every term holds, the newest first.

    Nothing is ever taken out of the trail, so the ids of all lines are a range.
    """
    if not terms:
        return range(count(), 0, -1)
    query = (
        ChangeRow.select(ChangeRow.id)
        .where(*change_conditions(terms))
        .order_by(ChangeRow.id.desc())
    )
    return [id_ for (id_,) in rows(query)]


def newest(terms: Sequence[Term], limit: int) -> list[AuditEntry]:
    """Return the lines for which every term holds, the newest first."""
    query = (
        ChangeRow.select().where(*change_conditions(terms) or [True]).order_by(ChangeRow.id.desc())
    )
    return [change_of(row) for row in list(query.limit(limit))]


def count() -> int:
    """Return the number of lines."""
    return rows(ChangeRow.select(fn.MAX(ChangeRow.id)))[0][0] or 0


def names() -> dict[int, str]:
    """Return the names of webhooks by their ids, of deleted ones too: the trail outlives them."""
    named = WebhookRow.name.is_null(False)
    return dict(rows(WebhookRow.select(WebhookRow.id, WebhookRow.name).where(named)))


def some(wanted: Iterable[int]) -> list[AuditEntry]:
    """Return the lines with these ids, as far as there are any."""
    query = ChangeRow.select().where(ChangeRow.id.in_(list(wanted)))
    return [change_of(row) for row in list(query)]
