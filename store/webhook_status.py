"""Status of each webhook: its queue, its pending delivery and its last result, in few queries."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from peewee import ModelSelect, fn

from store import models
from store.events import keys
from store.models import DeliveryRow, EventRow, HeadRow, QuarantineRow, WebhookRow, rows
from store.queue.deliveries import delivery_of
from store.records import Webhook, WebhookStatus
from store.vault import Vault
from store.webhook_rows import record_of


def statuses(vault: Vault | None) -> list[WebhookStatus]:
    """Return every webhook with its queue, counted without touching an event: head minus cursor."""
    with models.database.atomic("DEFERRED"):
        pending = {
            row.webhook_id: row
            for row in list(DeliveryRow.select().where(DeliveryRow.state == "pending"))
        }
        quarantined = _quarantined_counts()
        heads = dict(rows(HeadRow.select(HeadRow.type, HeadRow.seq)))
        times = _FirstTimes(heads)
        webhooks = WebhookRow.select().where(WebhookRow.deleted_ms.is_null())
        return [
            _status(row, times, pending.get(row.id), quarantined.get(row.id, 0), vault)
            for row in _light_rows(webhooks.order_by(WebhookRow.id))
        ]


@dataclass(slots=True)
class _FirstTimes:
    """Times at which the first event from a number on was accepted.

    Most webhooks of a type have the same cursor, so that one query serves all of them.
    """

    heads: Mapping[str, int]
    known: dict[tuple[str, int], int | None] = field(default_factory=dict)

    def from_number(self, type_: str, seq: int) -> int | None:
        """Return the time, None if no event of the type has this number or a later one."""
        if seq > self.heads[type_]:
            return None
        if (type_, seq) not in self.known:
            event = EventRow
            there = event.select(event.received_ms).where(keys.within(type_, seq))
            times = rows(there.order_by(keys.order()).limit(1))
            self.known[type_, seq] = int(times[0][0]) if times else None
        return self.known[type_, seq]


def _light_rows(query: ModelSelect[Any]) -> list[Any]:
    """Return the rows of a query for whole models as named tuples, made faster than models.

    They have the model's names and SQLite's values: what is boolean is 0 or 1.
    """
    names = tuple(field.name for field in query.model._meta.sorted_fields)
    return list(map(_row_class(query.model.__name__, names)._make, rows(query)))


@lru_cache
def _row_class(name: str, fields: tuple[str, ...]) -> Any:
    return namedtuple(name, fields)


def _status(
    row: WebhookRow,
    times: _FirstTimes,
    pending: DeliveryRow | None,
    quarantined: int,
    vault: Vault | None,
) -> WebhookStatus:
    webhook: Webhook = record_of(row, vault)
    return WebhookStatus(
        webhook=webhook,
        queued=times.heads[row.type] - row.cursor + row.redo_count + row.released,
        pending=delivery_of(pending) if pending is not None else None,
        last_run_ms=row.last_run_ms,
        run_open=bool(row.redo_count or row.released or row.cursor < row.run_until),
        delivered_events=row.delivered_events,
        delivered_ms=row.delivered_ms,
        skipped_events=row.skipped_events,
        quarantined_events=quarantined,
        released_events=row.released,
        waiting_since_ms=_waiting_since(row, pending, times),
        last_attempt_ms=row.last_attempt_ms,
        last_status=row.last_status,
        last_error=row.last_error,
    )


def _waiting_since(row: WebhookRow, pending: DeliveryRow | None, times: _FirstTimes) -> int | None:
    type_, seq = row.type, row.cursor + 1
    if pending is not None:
        type_, seq = pending.type, pending.first_seq
    elif row.redo_type is not None and row.redo_next is not None:
        type_, seq = row.redo_type, row.redo_next
    waiting = [times.from_number(type_, seq)]
    if row.released:
        waiting += [int(time_ms) for (time_ms,) in rows(_released_times(row.id))]
    return min((time_ms for time_ms in waiting if time_ms is not None), default=None)


def _released_times(webhook_id: int) -> ModelSelect[EventRow]:
    held = QuarantineRow
    query = held.select(held.type, held.seq).where(
        held.webhook == webhook_id, held.released_ms.is_null(False), held.sent_in.is_null()
    )
    waiting = [keys.key_of(type_, seq) for type_, seq in rows(query)]
    return EventRow.select(EventRow.received_ms).where(keys.among(waiting))


def _quarantined_counts() -> dict[int, int]:
    query = (
        QuarantineRow.select(QuarantineRow.webhook, fn.COUNT(QuarantineRow.id))
        .where(QuarantineRow.sent_in.is_null(), QuarantineRow.released_ms.is_null())
        .group_by(QuarantineRow.webhook)
    )
    return dict(rows(query))
