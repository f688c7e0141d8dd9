"""Reading the audit trail for a list of which few rows are in sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from peewee import fn

from store.audit import change_of
from store.models import Change, Webhook, rows
from store.records import Change as ChangeRecord
from store.terms import HasText, OfWebhook, Since, Term, Test, never_null


def ids(terms: Sequence[Term] = ()) -> Sequence[int]:
    """The ids of the lines for which every term holds, the newest first.

    Nothing is ever taken out of the trail, so all of them are a mere range.
    """
    if not terms:
        return range(count(), 0, -1)
    query = Change.select(Change.id).where(*_conditions(terms)).order_by(Change.id.desc())
    return [id_ for (id_,) in rows(query)]


def newest(terms: Sequence[Term], limit: int) -> list[ChangeRecord]:
    """The lines for which every term holds, the newest first."""
    query = Change.select().where(*_conditions(terms) or [True]).order_by(Change.id.desc())
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


def _conditions(terms: Sequence[Term]) -> list[Any]:
    return [never_null(_tested(one.test), inverse=one.inverse) for one in terms]


def _tested(test: Test) -> Any:
    match test:
        case OfWebhook(webhook_id):
            return Change.webhook_id == webhook_id
        case Since(since_ms):
            return Change.at_ms >= since_ms
        case HasText(text, webhook_ids):
            found = Change.webhook_id.in_(list(webhook_ids))
            for field in (Change.user, Change.login, Change.address, Change.action):
                found |= fn.COALESCE(field, "").contains(text)
            # On the screen "max_events" reads as "max events".
            return found | fn.REPLACE(Change.detail, "_", " ").contains(text.replace("_", " "))
        case _:
            raise ValueError(f"no change has a {type(test).__name__}")
