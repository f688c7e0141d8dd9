"""What `tocsin status` says to people."""

from __future__ import annotations

from cli.output import Output
from cli.source_text import again_text
from delivery.problems import answer_text, notes
from delivery.report import Report, undelivered
from domain.wording import counted, second_text, size_text, span_text
from store.records import StoredSource, StoredWorker, WebhookStatus
from store.workers import is_gone

COLUMNS = (
    "ID",
    "NAME",
    "TYPE",
    "STATE",
    "WAITING",
    "PENDING",
    "TRIES",
    "LAST ANSWER",
    "NEXT",
    "WHY",
)


def print_report(report: Report, warnings: list[str], out: Output) -> None:
    """Write the warnings, then the webhooks, who works, what comes in, and the store."""
    said = [*(f"WARNING: {text}" for text in warnings), *(f"NOTE: {one}" for one in notes(report))]
    for line in said:
        out.data(line)
    if said:
        out.data("")
    if report.overview.webhooks:
        out.table([_row(status, report) for status in report.overview.webhooks], COLUMNS)
    else:
        out.data("No webhooks yet: `tocsin webhook add --help` says how to make one.")
    out.data("")
    for line in (*_workers(report), *_sources(report), _events(report), _store(report)):
        out.data(line)


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
    return f"{answer}, {span_text(now_ms - status.last_attempt_ms)} ago"


def _until(next_ms: int | None, now_ms: int) -> str | None:
    if next_ms is None:
        return None
    return f"in {span_text(next_ms - now_ms)}" if next_ms > now_ms else "now"


def _workers(report: Report) -> list[str]:
    return [_worker(worker, report) for worker in report.overview.workers] or [
        "worker   none: nothing is sent until one is started"
    ]


def _worker(worker: StoredWorker, report: Report) -> str:
    age = span_text(report.now_ms - worker.heartbeat_ms)
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
        f"heartbeat {age} ago"
    )


def _silent(worker: StoredWorker) -> str:
    if worker.active:
        return "is stopped or stuck, and keeps the lock on purpose"
    return "is gone" if worker.lost_lock else "is stopped, stuck or gone"


def _sources(report: Report) -> list[str]:
    return [_source(source, report) for source in report.overview.sources]


def _source(source: StoredSource, report: Report) -> str:
    now_ms = report.now_ms
    seen = "never looked" if source.last_ok_ms is None else _ago(source.last_ok_ms, now_ms)
    failing = f" ({counted(source.failures, 'time')})" if source.failures else ""
    again = again_text(source, now_ms) if report.worker_alive else ""
    problem = "" if source.error is None else f": {source.error}{again}"
    events = counted(source.accepted_events, "event")
    return f"source   {source.name}: {source.state}{failing}, {events}, {seen}{problem}"


def _ago(time_ms: int, now_ms: int) -> str:
    return f"looked {span_text(now_ms - time_ms)} ago"


def _events(report: Report) -> str:
    counts = ", ".join(f"{type_.value} {seq:,}" for type_, seq in report.overview.heads.items())
    return f"events   {counts}"


def _store(report: Report) -> str:
    free = size_text(report.free_bytes)
    return (
        f"store    {report.path}, {size_text(report.bytes)}, {free} of disk free, "
        f"as of {second_text(report.now_ms)}"
    )
