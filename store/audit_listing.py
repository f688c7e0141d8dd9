"""Reading the audit trail for a list of which few rows are in sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peewee import fn

from domain.filters import Term
from store.audit import change_of
from store.filters import change_conditions
from store.models import Change, Webhook, rows
from store.records import Change as ChangeRecord


def ids(terms: Sequence[Term] = ()) -> Sequence[int]:
    """The ids of the lines for which every term holds, the newest first.

    Nothing is ever taken out of the trail, so all of them are a mere range.
    """
    if not terms:
        return range(count(), 0, -1)
    query = Change.select(Change.id).where(*change_conditions(terms)).order_by(Change.id.desc())
    return [id_ for (id_,) in rows(query)]


def newest(terms: Sequence[Term], limit: int) -> list[ChangeRecord]:
    """The lines for which every term holds, the newest first."""
    query = Change.select().where(*change_conditions(terms) or [True]).order_by(Change.id.desc())
    return [change_of(row) for row in list(query.limit(limit))]


def count() -> int:
    """How many lines there are."""
    return rows(Change.select(fn.MAX(Change.id)))[0][0] or 0


def names() -> dict[int, str]:
    """The webhooks that have a name, deleted ones too: the trail outlives them."""
    named = Webhook.name.is_null(False)
    return dict(rows(Webhook.select(Webhook.id, Webhook.name).where(named)))


def some(wanted: Iterable[int]) -> list[ChangeRecord]:
    """The lines with these ids that there are."""
    query = Change.select().where(Change.id.in_(list(wanted)))
    return [change_of(row) for row in list(query)]
