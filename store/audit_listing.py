"""Reading the audit trail for a list of which few rows are in sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peewee import fn

from domain.filters import Term
from store.audit import change_of
from store.filters import change_conditions
from store.models import ChangeRow, WebhookRow, rows
from store.records import Change


def ids(terms: Sequence[Term] = ()) -> Sequence[int]:
    """The ids of the lines for which every term holds, the newest first.

    Nothing is ever taken out of the trail, so all of them are a mere range.
    """
    if not terms:
        return range(count(), 0, -1)
    query = (
        ChangeRow.select(ChangeRow.id)
        .where(*change_conditions(terms))
        .order_by(ChangeRow.id.desc())
    )
    return [id_ for (id_,) in rows(query)]


def newest(terms: Sequence[Term], limit: int) -> list[Change]:
    """The lines for which every term holds, the newest first."""
    query = (
        ChangeRow.select().where(*change_conditions(terms) or [True]).order_by(ChangeRow.id.desc())
    )
    return [change_of(row) for row in list(query.limit(limit))]


def count() -> int:
    """How many lines there are."""
    return rows(ChangeRow.select(fn.MAX(ChangeRow.id)))[0][0] or 0


def names() -> dict[int, str]:
    """The webhooks that have a name, deleted ones too: the trail outlives them."""
    named = WebhookRow.name.is_null(False)
    return dict(rows(WebhookRow.select(WebhookRow.id, WebhookRow.name).where(named)))


def some(wanted: Iterable[int]) -> list[Change]:
    """The lines with these ids that there are."""
    query = ChangeRow.select().where(ChangeRow.id.in_(list(wanted)))
    return [change_of(row) for row in list(query)]
