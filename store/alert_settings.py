"""What admins have set for the kinds of alerts."""

from __future__ import annotations

import json
from collections.abc import Mapping

from domain import alert_kinds
from domain.actors import Actor
from store import audit
from store.edit_words import options_moved
from store.models import AlertSetting, database


def load_all() -> dict[str, dict[str, str]]:
    """What differs from the defaults, as text, by kind and option."""
    return {row.kind: json.loads(row.options) for row in list(AlertSetting.select())}


def edit(kind: str, options: Mapping[str, str], actor: Actor, now_ms: int) -> dict[str, str]:
    """Keep what is set for a kind now. Raises FieldError, FieldErrors; returns what is kept."""
    after = alert_kinds.kind_named(kind).check(options)
    with database.atomic():
        row = AlertSetting.get_or_none(AlertSetting.kind == kind)
        before = {} if row is None else json.loads(row.options)
        if before == after:
            return after
        if after:
            AlertSetting.insert(kind=kind, options=json.dumps(after)).on_conflict(
                "REPLACE"
            ).execute()
        else:
            AlertSetting.delete().where(AlertSetting.kind == kind).execute()
        audit.note(actor, "alert.edit", now_ms, None, alert=kind, **options_moved(before, after))
        return after
