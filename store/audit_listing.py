"""Reading the audit trail for a list of which few rows are in sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peewee import fn

from store.audit import change_of
from store.models import Change, rows
from store.records import Change as ChangeRecord


def ids(webhook_id: int | None = None) -> Sequence[int]:
    """The ids of all lines or of those about one webhook, the newest first.

    Nothing is ever taken out of the trail, so all of them are a mere range.
    """
    if webhook_id is None:
        last = rows(Change.select(fn.MAX(Change.id)))[0][0]
        return range(last or 0, 0, -1)
    query = Change.select(Change.id).where(Change.webhook_id == webhook_id)
    return [id_ for (id_,) in rows(query.order_by(Change.id.desc()))]


def some(wanted: Iterable[int]) -> list[ChangeRecord]:
    """The lines with these ids that there are."""
    query = Change.select().where(Change.id.in_(list(wanted)))
    return [change_of(row) for row in list(query)]
