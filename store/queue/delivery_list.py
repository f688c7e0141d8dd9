"""Deliveries for long lists: all ids of a search, then the rows in sight by their ids.

The ids here are row numbers: they grow in the order of sealing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from peewee import ModelSelect, fn

from domain.event_types import EventType
from domain.filters import Terms
from store import models
from store.engine import each_of
from store.errors import NotFound
from store.events import reading
from store.filters import delivery_conditions
from store.models import AttemptRow, DeliveryRow, rows
from store.queue import deliveries, sealing
from store.records import Attempt, Delivery, StoredEvent


class Search(msgspec.Struct, frozen=True):
    """A search of deliveries; every term must hold, and with none everything is found."""

    webhook_id: int | None = None
    terms: Terms = ()


class SearchResult(msgspec.Struct, frozen=True):
    """Result of a search among the deliveries that are new or may have changed.

    `last_id` is the newest of all deliveries, `open_ids` are the pending ones of the webhook (or
    of all), found or not. `found` is in the order in which they ended; the pending ones, in the
    order of sealing, come last.
    """

    last_id: int
    open_ids: frozenset[int]
    found: list[int]
    total: int


def run_search(search: Search, after_id: int, open_ids: frozenset[int]) -> SearchResult:
    """Search those sealed after `after_id` and those that were pending when last looked at.

    `run_search(search, 0, frozenset())` searches all of them.
    """
    delivery = DeliveryRow
    with models.database.atomic("DEFERRED"):
        query = delivery.select(delivery.id).where(*_conditions(search))
        if after_id:
            query = query.where((delivery.id > after_id) | delivery.id.in_(each_of(open_ids)))
        pending = delivery.select(delivery.id).where(delivery.state == "pending")
        return SearchResult(
            last_id=rows(delivery.select(fn.MAX(delivery.id)))[0][0] or 0,
            open_ids=frozenset(_ids(_of(search.webhook_id, pending))),
            found=_ids(query.order_by(delivery.ended_ms.is_null(), delivery.ended_ms, delivery.id)),
            total=_of(search.webhook_id, delivery.select(delivery.id)).count(),
        )


class ListedDelivery(msgspec.Struct, frozen=True):
    """A delivery of a list, with duration and result in words of its last finished attempt."""

    delivery: Delivery
    took_ms: int | None = None
    words: str = ""


def listed(ids: Sequence[int]) -> dict[int, ListedDelivery]:
    """Return the deliveries of these row ids, as far as they are kept."""
    with models.database.atomic("DEFERRED"):
        found = list(DeliveryRow.select().where(DeliveryRow.id.in_(list(ids))))
        last = {
            row_id: (took_ms, words)
            for row_id, took_ms, words in rows(_last_attempts([row.id for row in found]))
        }
        return {
            row.id: ListedDelivery(deliveries.delivery_of(row), *last.get(row.id, ()))
            for row in found
        }


def row_ids(public_ids: Sequence[str]) -> list[int]:
    """Return the row ids of these deliveries, as far as they are kept, in no certain order."""
    delivery = DeliveryRow
    return _ids(delivery.select(delivery.id).where(delivery.public_id.in_(list(public_ids))))


def attempt_ids(public_id: str) -> list[int]:
    """Return the row ids of a delivery's attempts, newest first."""
    attempt = AttemptRow
    query = (
        attempt.select(attempt.id)
        .join(DeliveryRow)
        .where(DeliveryRow.public_id == public_id)
        .order_by(attempt.number.desc(), attempt.id.desc())
    )
    return _ids(query)


def attempts(ids: Sequence[int]) -> dict[int, Attempt]:
    """Return the attempts of these row ids, as far as they are kept."""
    query = AttemptRow.select().where(AttemptRow.id.in_(list(ids)))
    return {row.id: deliveries.attempt_of(row) for row in list(query)}


def members(public_id: str) -> list[StoredEvent]:
    """Return the events of a delivery in order, as far as they are kept. Raises NotFound."""
    delivery = DeliveryRow.get_or_none(DeliveryRow.public_id == public_id)
    if delivery is None:
        raise NotFound(f"there is no delivery {public_id} any more")
    return reading.load_ranges(EventType(delivery.type), sealing.numbers_of(delivery))


def _last_attempts(ids: Sequence[int]) -> ModelSelect[AttemptRow]:
    """Select the last attempts by their numbers, since a delivery may have had ten thousand."""
    attempt, delivery = AttemptRow, DeliveryRow
    last = delivery.attempts - delivery.sending_since_ms.is_null(False)
    return (
        attempt.select(delivery.id, attempt.duration_ms, attempt.detail)
        .join(delivery, on=((attempt.delivery == delivery.id) & (attempt.number == last)))
        .where(delivery.id.in_(list(ids)))
    )


def _ids(query: Any) -> list[int]:
    return [row_id for (row_id,) in rows(query)]


def _of(webhook_id: int | None, query: ModelSelect[DeliveryRow]) -> ModelSelect[DeliveryRow]:
    return query if webhook_id is None else query.where(DeliveryRow.webhook == webhook_id)


def _conditions(search: Search) -> list[Any]:
    conditions = delivery_conditions(search.terms)
    if search.webhook_id is not None:
        conditions.append(DeliveryRow.webhook == search.webhook_id)
    return conditions or [True]
