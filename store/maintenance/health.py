"""Health of a store: the checks of `tocsin db check`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from peewee import fn

from domain.wording import counted
from store import models
from store.errors import WrongKey
from store.events.keys import within
from store.events.reading import sizes
from store.models import DeliveryRow, EventRow, HeadRow, QuarantineRow, WebhookRow, rows
from store.queue import sealing
from store.queue.broker_cursors import queued
from store.vault import Vault
from store.webhook_rows import redo_of


def problems(vault: Vault) -> list[str]:
    """Return every fault, each as one sentence; of a sound store none."""
    return [*_engine(), *_heads(), *_pending_bodies(), *cursors(), *_key(vault)]


def cursors() -> list[str]:
    """Return the faults of cursors of webhooks and brokers, and of what is counted before them."""
    with models.database.atomic("DEFERRED"):
        heads = dict(rows(HeadRow.select(HeadRow.type, HeadRow.seq)))
        released = _released_counts()
        return [
            f"webhook {row.id} {fault}"
            for row in list(WebhookRow.select().where(WebhookRow.erased_ms.is_null()))
            for fault in _misplaced(row, heads, released.get(row.id, 0))
        ] + _broker_cursors()


def _broker_cursors() -> list[str]:
    """Check that brokers, as webhooks, stand at an event that there was."""
    return [
        f"broker {broker} stands {counted(-count, 'event')} behind the last event of {type_.value}"
        for broker, queues in queued().items()
        for type_, count in queues.items()
        if count < 0
    ]


def _engine() -> list[str]:
    rows = models.database.execute_sql("PRAGMA integrity_check").fetchall()
    found = [f"the database is damaged: {text}" for (text,) in rows if text != "ok"]
    links = models.database.execute_sql("PRAGMA foreign_key_check").fetchall()
    return found + [f"a row of {table} points to a row that is gone" for table, *_ in links]


def _heads() -> list[str]:
    """Check that sequences are dense: between what was pruned and the head no event is missing."""
    found = []
    for head in list(HeadRow.select()):
        kept = EventRow.select().where(within(head.type, head.pruned + 1)).count()
        missing = head.seq - head.pruned - kept
        if missing:
            are = "is" if missing == 1 else "are"
            found.append(f"{counted(missing, 'event')} of {head.type} {are} missing")
    return found


def _pending_bodies() -> list[str]:
    rows = list(DeliveryRow.select().where(DeliveryRow.state == "pending"))
    return [
        f"delivery {row.public_id} no longer has the bytes that were sealed"
        for row in rows
        if hashlib.sha256(sealing.body_of(row)).hexdigest() != row.sha256
    ]


def _misplaced(row: WebhookRow, heads: dict[str, int], released: int) -> Iterator[str]:
    for number in sorted({row.cursor, row.run_until}):
        if number > heads[row.type]:
            yield f"stands at event {number} of {row.type}, which has only {heads[row.type]}"
    there = _redo_there(row)
    if row.redo_count != there:
        yield f"counts {counted(row.redo_count, 'event')} to seal anew, but there are {there:,}"
    if row.released != released:
        yield f"counts {counted(row.released, 'released event')}, but there are {released:,}"


def _redo_there(row: WebhookRow) -> int:
    """Count the events in the store of the range that is to be sealed anew."""
    redo = redo_of(row)
    return 0 if redo is None else sizes(redo.type, redo.numbers)[0]


def _released_counts() -> dict[int, int]:
    query = (
        QuarantineRow.select(QuarantineRow.webhook, fn.COUNT(QuarantineRow.id))
        .where(QuarantineRow.released_ms.is_null(False), QuarantineRow.sent_in.is_null())
        .group_by(QuarantineRow.webhook)
    )
    return dict(rows(query))


def _key(vault: Vault) -> list[str]:
    try:
        vault.check()
    except WrongKey as error:
        return [str(error)]
    return []
