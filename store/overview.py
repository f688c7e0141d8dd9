"""Overview of a store: all that screens and `status` show of it, as of one moment."""

from __future__ import annotations

import msgspec

from domain.event_types import EventType
from store import lookalikes, models, refusals, settings, sources, webhook_status, workers
from store.errors import WrongKey
from store.events import future_times, reading
from store.events.future_times import LatestTimes
from store.models import AttemptRow, DeliveryRow, rows
from store.queue import broker_cursors
from store.records import StoredSource, StoredWorker, WebhookStatus
from store.vault import Vault


class Overview(msgspec.Struct, frozen=True):
    """The webhooks, who works, what comes in.

    `crowd` is how many attempts are under way while others must wait for one to end, else 0.
    `brokers` has, by the name of each, how many events it has yet to pull; `refused`, by the name
    of a source, how many are kept that it could not queue.
    `last_words` has, by the id of each pending delivery that was tried, the result of its last
    attempt in plain words. `latest` has the latest times of each type of events. `lookalikes`
    has the names that people may take for one another. `paused` is the JSON of who paused all
    sending. `key_fault` is what is wrong with the key file, if that was checked.
    """

    webhooks: list[WebhookStatus]
    last_words: dict[str, str]
    workers: list[StoredWorker]
    sources: list[StoredSource]
    refused: dict[str, int]
    brokers: dict[str, int]
    heads: dict[EventType, int]
    latest: dict[str, LatestTimes]
    lookalikes: list[tuple[str, ...]]
    paused: str | None
    crowd: int
    settings: dict[str, str]
    key_fault: str | None


def read_overview(vault: Vault | None) -> Overview:
    """Read all of it in one transaction, so that its parts agree with each other."""
    with models.database.atomic("DEFERRED"):
        return Overview(
            webhooks=webhook_status.statuses(vault),
            last_words=_last_words(),
            workers=workers.load_all(),
            sources=sources.load_all(),
            refused=refusals.waiting_by_source(),
            brokers={name: sum(queue.values()) for name, queue in broker_cursors.queued().items()},
            heads=reading.heads(),
            latest=future_times.latest(),
            lookalikes=lookalikes.load_all(),
            paused=settings.paused(),
            crowd=workers.crowd(),
            settings=settings.load_all(),
            key_fault=_key_fault(vault),
        )


def _key_fault(vault: Vault | None) -> str | None:
    try:
        if vault is not None:
            vault.check()
    except WrongKey as error:
        return str(error)
    return None


def _last_words() -> dict[str, str]:
    last = DeliveryRow.attempts - DeliveryRow.sending_since_ms.is_null(False)
    query = (
        AttemptRow.select(DeliveryRow.public_id, AttemptRow.detail)
        .join(
            DeliveryRow, on=((AttemptRow.delivery == DeliveryRow.id) & (AttemptRow.number == last))
        )
        .where(DeliveryRow.state == "pending")
    )
    return dict(rows(query))
