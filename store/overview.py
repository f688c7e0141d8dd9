"""Everything about a store that is shown at a glance, as of one moment."""

from __future__ import annotations

from dataclasses import dataclass

from domain.event_types import EventType
from store import events, models, reads, settings, sources, workers
from store.records import SourceHealth, WebhookStatus, Worker
from store.vault import Vault


@dataclass(frozen=True, slots=True)
class Overview:
    """The webhooks, who works, what comes in. `paused` is the JSON of who paused all sending."""

    webhooks: list[WebhookStatus]
    workers: list[Worker]
    sources: list[SourceHealth]
    heads: dict[EventType, int]
    paused: str | None
    settings: dict[str, str]


def read_overview(vault: Vault) -> Overview:
    """Read all of it in one transaction, so that its parts agree with each other."""
    with models.database.atomic("DEFERRED"):
        return Overview(
            webhooks=reads.statuses(vault),
            workers=workers.everyone(),
            sources=sources.health(),
            heads=events.heads(),
            paused=settings.paused(),
            settings=settings.load_all(),
        )
