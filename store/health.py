"""Whether the store is sound: what `tocsin db check` looks at."""

from __future__ import annotations

import hashlib

from store import models, sealing
from store.errors import WrongKey
from store.vault import Vault


def problems(vault: Vault) -> list[str]:
    """Every fault found, each as one sentence; an empty list is a sound store."""
    return [*_engine(), *_heads(), *_pending_bodies(), *_key(vault)]


def _engine() -> list[str]:
    rows = models.database.execute_sql("PRAGMA integrity_check").fetchall()
    found = [f"the database is damaged: {text}" for (text,) in rows if text != "ok"]
    links = models.database.execute_sql("PRAGMA foreign_key_check").fetchall()
    return found + [f"a row of {table} points to a row that is gone" for table, *_ in links]


def _heads() -> list[str]:
    """Sequences are dense: between what was pruned and the head no event may be missing."""
    found = []
    for head in list(models.Head.select()):
        kept = (
            models.Event.select()
            .where(models.Event.type == head.type, models.Event.seq > head.pruned)
            .count()
        )
        if kept != head.seq - head.pruned:
            found.append(f"{head.seq - head.pruned - kept} events of {head.type} are missing")
    return found


def _pending_bodies() -> list[str]:
    rows = list(models.Delivery.select().where(models.Delivery.state == "pending"))
    return [
        f"delivery {row.public_id} no longer has the bytes that were sealed"
        for row in rows
        if hashlib.sha256(sealing.body_of(row)).hexdigest() != row.sha256
    ]


def _key(vault: Vault) -> list[str]:
    try:
        vault.check()
    except WrongKey as error:
        return [str(error)]
    return []
