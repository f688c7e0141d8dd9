"""Report of `tocsin status` as text and as JSON, whose members docs/json.md describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.json_shapes import Shape, delivery_shape, worker_shape
from cli.output import WARNING, Output, ago_text
from cli.source.text import next_try_text
from delivery.problems import answer_text, notes
from delivery.report import Report, make_report, undelivered
from domain.urls import mask_url
from domain.wording import counted, second_text, size_text, span_text, time_text
from store.overview import read_overview
from store.records import Delivery, StoredSource, StoredWorker, WebhookStatus
from store.workers import is_gone

if TYPE_CHECKING:
    from cli.context import Context
    from sources.geo_age import CountryData
    from store.database import Store

COLUMNS = (
    *("ID", "NAME", "TYPE", "STATE", "WAITING", "PENDING", "TRIES"),
    *("LAST ANSWER", "NEXT", "WHY"),
)
PENDING = (
    *("id", "events", "bytes", "attempts", "next_attempt", "reason"),
    *("last_status", "last_error", "last_detail", "asked", "blocked"),
)
"""Members of the JSON of a delivery that are shown of a pending one."""


def read_report(store: Store, context: Context) -> Report:
    """Read the store, and the settings that it holds."""
    overview = store.call(read_overview, store.vault)
    settings = context.configuration.with_stored(overview.settings).settings
    return make_report(overview, settings, store, context.now_ms())


def status_json(report: Report, warnings: list[str], countries: CountryData | None = None) -> Shape:
    """JSON of the report and of the country data in use."""
    paused = report.paused
    return {
        "webhooks": [_webhook_json(status, report) for status in report.overview.webhooks],
        "workers": [worker_shape(worker, report.now_ms) for worker in report.overview.workers],
        "events": {type_.value: seq for type_, seq in report.overview.heads.items()},
        "sources": [_source_json(source) for source in report.overview.sources],
        "paused": {"by": paused.by, "since": time_text(paused.since_ms)} if paused else None,
        "store": {
            "path": str(report.path),
            "bytes": report.bytes,
            "free_bytes": report.free_bytes,
            "outdated": report.outdated,
            "upgrade_percent": report.upgrade and report.upgrade.percent,
            "upgrade_under_way": report.upgrade is not None and report.upgrade.under_way,
            "copies": [{"path": str(copy.path), "bytes": copy.bytes} for copy in report.copies],
        },
        "countries": _countries_json(countries, report.now_ms) if countries else None,
        "warnings": warnings,
        "notes": notes(report),
    }


def _countries_json(data: CountryData, now_ms: int) -> Shape:
    old = data.warning(now_ms)
    return {"from": data.name, "made": time_text(data.made_ms), "warning": old or None}


def _webhook_json(status: WebhookStatus, report: Report) -> Shape:
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


def _pending_json(pending: Delivery, report: Report) -> Shape:
    detail = report.overview.last_words.get(pending.id) or None
    shape = delivery_shape(pending) | {"last_detail": detail}
    return {name: shape[name] for name in PENDING}


def _source_json(source: StoredSource) -> Shape:
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


def print_report(report: Report, warnings: list[str], out: Output) -> None:
    """Write the warnings, then webhooks, workers, sources, events and the store."""
    remarks = [f"{WARNING}{text}\n" for text in warnings]
    remarks += [f"NOTE: {text}\n" for text in notes(report)]
    if remarks:
        out.data("".join(remarks))
    if report.overview.webhooks:
        out.table([_row(status, report) for status in report.overview.webhooks], COLUMNS)
    else:
        out.data("No webhooks yet: `tocsin webhook add --help` says how to make one.")
    out.data("")
    for worker in report.overview.workers:
        out.data(_worker(worker, report))
    if not report.overview.workers:
        out.data("worker   none: nothing is sent until one is started")
    for source in report.overview.sources:
        out.data(_source(source, report))
    counts = ", ".join(f"{type_.value} {seq:,}" for type_, seq in report.overview.heads.items())
    out.data(f"events   ever accepted: {counts}")
    size, free = size_text(report.bytes), size_text(report.free_bytes)
    as_of = second_text(report.now_ms)
    out.data(f"store    {report.path}, {size}, {free} of disk free, as of {as_of}")


def _row(status: WebhookStatus, report: Report) -> tuple[object, ...]:
    fields, pending = status.webhook.fields, status.pending
    waits = report.waiting(status)
    return (
        status.webhook.id,
        fields.name,
        fields.type.value,
        "active" if fields.active else "inactive",
        undelivered(status),
        pending.events if pending else None,
        pending.attempts if pending else None,
        _last_answer(status, report.now_ms),
        _until(waits.next_ms, report.now_ms),
        waits.reason,
    )


def _last_answer(status: WebhookStatus, now_ms: int) -> str | None:
    answer = answer_text(status.last_status, status.last_error)
    if answer is None or status.last_attempt_ms is None:
        return None
    return f"{answer}, {ago_text(status.last_attempt_ms, now_ms)}"


def _until(next_ms: int | None, now_ms: int) -> str | None:
    if next_ms is None:
        return None
    return f"in {span_text(next_ms - now_ms)}" if next_ms > now_ms else "now"


def _worker(worker: StoredWorker, report: Report) -> str:
    does = "sends" if worker.active else "stands by"
    if worker.lost_lock:
        does = "sends no more"
    if worker.active and worker.stopping:
        does = "is stopping: it waits for its attempts in flight"
    if is_gone(worker, report.now_ms):
        does = "is gone"
    elif report.is_old(worker):
        does = _silent(worker)
    return (
        f"worker   {worker.id} ({worker.kind}, {worker.host}, pid {worker.pid}) {does}, "
        f"heartbeat {ago_text(worker.heartbeat_ms, report.now_ms)}"
    )


def _silent(worker: StoredWorker) -> str:
    if worker.active:
        return "is stopped or stuck, and keeps the lock on purpose"
    return "is gone" if worker.lost_lock else "is stopped, stuck or gone"


def _source(source: StoredSource, report: Report) -> str:
    now_ms = report.now_ms
    seen = (
        "never looked"
        if source.last_ok_ms is None
        else f"looked {ago_text(source.last_ok_ms, now_ms)}"
    )
    failing = f" ({counted(source.failures, 'time')})" if source.failures else ""
    again = next_try_text(source, now_ms) if report.worker_alive else ""
    problem = "" if source.error is None else f": {source.error}{again}"
    events = counted(source.accepted_events, "event")
    return f"source   {source.name}: {source.state}{failing}, {events}, {seen}{problem}"
