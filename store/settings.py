"""The settings kept in the store, and the pause of all sending.

A file of its own beside `alert_settings`, which loads the kinds of alerts.
"""

from __future__ import annotations

import json

from domain.actors import Actor
from store import audit
from store.models import FactRow, SettingRow, database

PAUSED = "paused"


def load_all() -> dict[str, str]:
    """Return every setting of the store as text, by name."""
    return {row.name: row.value for row in list(SettingRow.select())}


def save(name: str, text: str, actor: Actor, now_ms: int) -> None:
    """Keep a setting; the caller has checked it."""
    with database.atomic():
        before = SettingRow.get_or_none(SettingRow.name == name)
        SettingRow.insert(name=name, value=text).on_conflict("REPLACE").execute()
        audit.note(
            actor, "config.set", now_ms, setting=name, before=before and before.value, after=text
        )


def unset(name: str, actor: Actor, now_ms: int) -> bool:
    """Forget a setting; False if the store had none of that name."""
    with database.atomic():
        gone = bool(SettingRow.delete().where(SettingRow.name == name).execute())
        if gone:
            audit.note(actor, "config.unset", now_ms, setting=name)
        return gone


def paused() -> str | None:
    """Return who paused all sending and since when, as JSON text; None if nobody did."""
    fact = FactRow.get_or_none(FactRow.name == PAUSED)
    return fact.value if fact else None


def pause(actor: Actor, now_ms: int) -> None:
    """Start no further attempt of any webhook, in any process, until `unpause`."""
    with database.atomic():
        FactRow.insert(
            name=PAUSED, value=json.dumps({"by": actor.text, "since_ms": now_ms})
        ).on_conflict("REPLACE").execute()
        audit.note(actor, "worker.pause", now_ms)


def unpause(actor: Actor, now_ms: int) -> bool:
    """Go on sending; False if nobody had paused."""
    with database.atomic():
        gone = bool(FactRow.delete().where(FactRow.name == PAUSED).execute())
        if gone:
            audit.note(actor, "worker.unpause", now_ms)
        return gone
