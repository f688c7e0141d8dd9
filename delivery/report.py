"""A store at a glance: what `tocsin status` and every screen show."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import msgspec

from delivery.waiting import SendingState, Waiting, waiting
from domain.settings import Settings
from domain.source_kinds import kind_named
from store.database import Store
from store.files import free_bytes, store_bytes
from store.overview import Overview
from store.records import StoredSource, StoredWorker, WebhookStatus
from store.workers import OLD_HEARTBEAT_MS, SendingLock


class Paused(msgspec.Struct, frozen=True):
    """Who paused all sending, and when."""

    by: str
    since_ms: int


class Report(msgspec.Struct, frozen=True):
    """A store as it is at `now_ms`; `locked` says whether a process holds the sending lock.

    `names` is how many hard links its file has.
    """

    overview: Overview
    settings: Settings
    path: Path
    outdated: bool
    bytes: int
    free_bytes: int
    locked: bool
    now_ms: int
    names: int = 1

    @property
    def paused(self) -> Paused | None:
        """Who paused all sending."""
        if self.overview.paused is None:
            return None
        return Paused(**json.loads(self.overview.paused))

    @property
    def added_sources(self) -> list[StoredSource]:
        """All sources but the one that every store has from the start, and that no worker runs."""
        return [one for one in self.overview.sources if not kind_named(one.kind).built_in]

    @property
    def worker_alive(self) -> bool:
        """Whether a worker sends: it holds the lock and was heard of lately."""
        return is_sending(self.overview.workers, self.now_ms, locked=self.locked)

    @property
    def sending_state(self) -> SendingState:
        """What decides for all webhooks when they are served."""
        paused = self.paused
        return SendingState(
            paused_by=paused.by if paused else None,
            worker_alive=self.worker_alive,
            interval_ms=self.settings.interval_ms,
            linger_ms=self.settings.linger_ms,
            crowd=self.overview.crowd,
            stopping=any(one.active and one.stopping for one in self.overview.workers),
        )

    def is_old(self, worker: StoredWorker) -> bool:
        """Whether a worker was not heard of for so long that it must be stopped, stuck or gone."""
        return _is_old(worker, self.now_ms)

    def waiting(self, status: WebhookStatus) -> Waiting:
        """What one of the webhooks waits for."""
        return waiting(status, self.sending_state, self.now_ms)


def make_report(overview: Overview, settings: Settings, store: Store, now_ms: int) -> Report:
    """What was read of a store, with what its files and its lock say."""
    return Report(
        overview=overview,
        settings=settings,
        path=store.path,
        outdated=store.outdated,
        bytes=store_bytes(store.path),
        free_bytes=free_bytes(store.path),
        locked=SendingLock(store.path).is_held(),
        now_ms=now_ms,
        names=store.presence.names,
    )


def is_sending(workers: Iterable[StoredWorker], now_ms: int, *, locked: bool) -> bool:
    """Whether one of the workers sends: somebody holds the lock, and it was heard of lately."""
    return locked and any(worker.active and not _is_old(worker, now_ms) for worker in workers)


def _is_old(worker: StoredWorker, now_ms: int) -> bool:
    return now_ms - worker.heartbeat_ms > OLD_HEARTBEAT_MS


def undelivered(status: WebhookStatus) -> int:
    """How many events of a webhook are not delivered yet, sealed or not."""
    return status.queued + (status.pending.events if status.pending else 0)


def aside_words(statuses: Iterable[WebhookStatus]) -> list[str]:
    """What reseals left out and is not sealed since: kept apart, or released by now."""
    every = list(statuses)
    kept = sum(one.quarantined_events for one in every)
    released = sum(one.released_events for one in every)
    told = [f"{kept:,} in quarantine"] if kept else []
    return [*told, f"{released:,} released, about to be sent"] if released else told


def undelivered_events(report: Report) -> int:
    """How many events of active webhooks are not delivered yet."""
    return sum(undelivered(one) for one in report.overview.webhooks if one.webhook.fields.active)
