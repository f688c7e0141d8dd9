"""`tocsin status` as JSON, a stable interface; docs/json.md says what each member means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delivery.problems import notes
from delivery.report import Report, make_report, undelivered
from domain.urls import mask_url
from domain.wording import time_text
from store.overview import read_overview
from store.records import Delivery, StoredSource, WebhookStatus

if TYPE_CHECKING:
    from cli.context import Context
    from sources.geo_age import CountryData
    from store.database import Store


def read_report(store: Store, context: Context) -> Report:
    """Read the store, and the settings that it holds."""
    overview = store.call(read_overview, store.vault)
    settings = context.configuration.with_stored(overview.settings).settings
    return make_report(overview, settings, store, context.now_ms())


def status_json(
    report: Report, warnings: list[str], countries: CountryData | None = None
) -> dict[str, Any]:
    """The report, and what tells countries, as `status --json` prints them."""
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
        "countries": _countries_json(countries, report.now_ms) if countries else None,
        "warnings": warnings,
        "notes": notes(report),
    }


def _countries_json(data: CountryData, now_ms: int) -> dict[str, Any]:
    old = data.warning(now_ms)
    return {"from": data.name, "made": time_text(data.made_ms), "warning": old or None}


def _webhook_json(status: WebhookStatus, report: Report) -> dict[str, Any]:
    fields = status.webhook.fields
    pending = status.pending
    waits = report.waiting(status)
    return {
        "id": status.webhook.id,
        "name": fields.name,
        "type": fields.type.value,
        "state": "active" if fields.active else "inactive",
        "url": mask_url(fields.url),
        "waiting": undelivered(status),
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
        "released": status.released_events,
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


def _source_json(source: StoredSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "kind": source.kind,
        "state": source.state,
        "accepted_events": source.accepted_events,
        "last_ok": time_text(source.last_ok_ms),
        "error": source.error,
        "error_at": time_text(source.error_ms),
        "failures": source.failures,
    }
