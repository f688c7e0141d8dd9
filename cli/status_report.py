"""A store at a glance: what is read for `tocsin status`, and its JSON, a stable interface."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.render import time_text
from cli.waiting import Pace, Waiting, waiting
from domain.settings import Settings
from store.disk import free_bytes, store_bytes
from store.overview import Overview, read_overview
from store.records import Delivery, SourceHealth, WebhookStatus, Worker
from store.workers import OLD_HEARTBEAT_MS, SendingLock

if TYPE_CHECKING:
    from cli.context import Context
    from store.database import Store


@dataclass(frozen=True, slots=True)
class Paused:
    """Who paused all sending, and when."""

    by: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Report:
    """A store as it is at `now_ms`; `locked` says whether a process holds the sending lock."""

    overview: Overview
    settings: Settings
    path: Path
    outdated: bool
    bytes: int
    free_bytes: int
    locked: bool
    now_ms: int

    @property
    def paused(self) -> Paused | None:
        """Who paused all sending."""
        if self.overview.paused is None:
            return None
        return Paused(**json.loads(self.overview.paused))

    @property
    def worker_alive(self) -> bool:
        """Whether a worker sends that was heard of lately."""
        return any(worker.active and not self.is_old(worker) for worker in self.overview.workers)

    @property
    def pace(self) -> Pace:
        """What decides for all webhooks when they are served."""
        paused = self.paused
        return Pace(
            paused_by=paused.by if paused else None,
            worker_alive=self.worker_alive,
            interval_ms=self.settings.interval_ms,
            linger_ms=self.settings.linger_ms,
        )

    def is_old(self, worker: Worker) -> bool:
        """Whether a worker was not heard of for so long that it must be stopped, stuck or gone."""
        return self.now_ms - worker.heartbeat_ms > OLD_HEARTBEAT_MS

    def waiting(self, status: WebhookStatus) -> Waiting:
        """What one of the webhooks waits for."""
        return waiting(status, self.pace, self.now_ms)


def read_report(store: Store, context: Context) -> Report:
    """Read the store, and the settings that it holds."""
    overview = store.call(read_overview, store.vault)
    now_ms = context.now_ms()
    return Report(
        overview=overview,
        settings=context.configuration.with_stored(overview.settings).settings,
        path=store.path,
        outdated=store.outdated,
        bytes=store_bytes(store.path),
        free_bytes=free_bytes(store.path),
        locked=_is_locked(store.path, overview, now_ms),
        now_ms=now_ms,
    )


def undelivered(status: WebhookStatus) -> int:
    """How many events of a webhook are not delivered yet, sealed or not."""
    return status.queued + (status.pending.events if status.pending else 0)


def status_json(report: Report, warnings: list[str]) -> dict[str, Any]:
    """The report as `status --json` prints it."""
    from cli.commands.worker import worker_row

    paused = report.paused
    return {
        "webhooks": [_webhook_json(one, report) for one in report.overview.webhooks],
        "workers": [worker_row(one, report.now_ms) for one in report.overview.workers],
        "events": {type_.value: seq for type_, seq in report.overview.heads.items()},
        "sources": [_source_json(one) for one in report.overview.sources],
        "paused": {"by": paused.by, "since": time_text(paused.since_ms)} if paused else None,
        "store": {
            "path": str(report.path),
            "bytes": report.bytes,
            "free_bytes": report.free_bytes,
            "outdated": report.outdated,
        },
        "warnings": warnings,
    }


def _webhook_json(status: WebhookStatus, report: Report) -> dict[str, Any]:
    fields = status.webhook.fields
    pending = status.pending
    waits = report.waiting(status)
    return {
        "id": status.webhook.id,
        "name": fields.name,
        "type": fields.type.value,
        "state": "active" if fields.active else "inactive",
        "url": fields.url,
        "queued": status.queued,
        "pending": _pending_json(pending, report) if pending else None,
        "sending_since": time_text(pending.sending_since_ms) if pending else None,
        "waiting_since": time_text(status.waiting_since_ms),
        "next_run": time_text(waits.next_ms),
        "reason": waits.reason,
        "last_attempt": time_text(status.last_attempt_ms),
        "last_status": status.last_status,
        "last_error": status.last_error,
        "delivered_events": status.delivered_events,
        "delivered_at": time_text(status.delivered_ms),
        "skipped_events": status.skipped_events,
        "quarantined": status.quarantined_events,
    }


def _pending_json(pending: Delivery, report: Report) -> dict[str, Any]:
    return {
        "id": pending.id,
        "events": pending.events,
        "bytes": pending.bytes,
        "attempts": pending.attempts,
        "next_attempt": time_text(pending.next_attempt_ms),
        "reason": pending.reason or None,
        "last_status": pending.last_status,
        "last_error": pending.last_error,
        "last_detail": report.overview.last_words.get(pending.id) or None,
        "asked": pending.asked,
        "blocked": pending.blocked,
    }


def _source_json(source: SourceHealth) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "name": source.name,
        "accepted_events": source.accepted_events,
        "last_ok": time_text(source.last_ok_ms),
        "error": source.error,
        "error_at": time_text(source.error_ms),
        "failures": source.failures,
    }


def _is_locked(path: Path, overview: Overview, now_ms: int) -> bool:
    """Whether a worker holds the lock. It is only tried where a heartbeat leaves that in doubt."""
    active = [worker for worker in overview.workers if worker.active]
    if not any(now_ms - worker.heartbeat_ms > OLD_HEARTBEAT_MS for worker in active):
        return bool(active)
    lock = SendingLock(path)
    try:
        return not lock.acquire()
    except OSError:
        return True
    finally:
        lock.release()
