"""Attempts of deliveries: starting them and recording their results.

The worker is the only caller; what admins do is in `store/queue/delivery_requests.py`.
Every function is one transaction, and only ever touches deliveries that are still pending.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_

from peewee import JOIN, fn

from store import data_version, settings
from store.errors import WrongKey
from store.models import AttemptRow, DeliveryRow, HeadRow, WebhookRow, database, rows
from store.queue.delivery_requests import apply_request
from store.queue.hot_path import HotPath
from store.queue.sealing import NewId, frozen_body, seal
from store.queue.shared_bodies import SharedBodies
from store.records import AttemptResult, Limits, PendingPlan, Verdict, WebhookPlan, Work
from store.vault import Vault
from store.webhook_rows import read_target, secrets_of

MayBegin = Callable[[], bool]
"""Asked within the transaction, for which a call may have waited long, on the store's thread: False
if the worker is to begin no attempt any more."""


def plans() -> list[WebhookPlan]:
    """Read the facts from which every webhook's next step is planned; none while paused."""
    if settings.paused() is not None:
        return []
    webhook, delivery = WebhookRow, DeliveryRow
    query = (
        webhook.select(
            webhook.id,
            webhook.type,
            webhook.interval_ms,
            HeadRow.seq,
            webhook.cursor,
            webhook.run_until,
            webhook.last_run_ms,
            webhook.redo_count,
            webhook.released,
            delivery.id,
            delivery.attempts,
            delivery.next_attempt_ms,
            delivery.wait_ms,
            delivery.blocked,
        )
        .join(HeadRow, on=(HeadRow.type == webhook.type))
        .switch(webhook)
        .join(
            delivery,
            JOIN.LEFT_OUTER,
            on=((delivery.webhook == webhook.id) & (delivery.state == "pending")),
        )
        .where(webhook.active, webhook.deleted_ms.is_null())
    )
    return [_plan(*row) for row in rows(query)]


def _plan(
    webhook_id: int,
    type_: str,
    interval_ms: int | None,
    head: int,
    cursor: int,
    run_until: int,
    last_run_ms: int | None,
    redo_count: int,
    released: int,
    delivery_id: int | None,
    attempts: int,
    next_attempt_ms: int,
    wait_ms: int,
    blocked: str | None,
) -> WebhookPlan:
    pending = None
    if delivery_id is not None:
        pending = PendingPlan(
            delivery_id, attempts, next_attempt_ms, wait_ms, blocked=blocked is not None
        )
    return WebhookPlan(
        webhook_id=webhook_id,
        type=type_,
        interval_ms=interval_ms,
        head=head,
        cursor=cursor,
        run_until=run_until,
        last_run_ms=last_run_ms,
        redo_count=redo_count,
        released=released,
        pending=pending,
    )


def undelivered(heads: Mapping[str, int] | None = None) -> int:
    """Count the active webhooks that have something undelivered.

    With `heads`, what is queued after these numbers of each type does not count.
    """
    webhook = WebhookRow
    queued = HeadRow.seq > webhook.cursor
    if heads is not None:
        before = [(webhook.type == type_) & (webhook.cursor < seq) for type_, seq in heads.items()]
        queued = reduce(or_, before)
    pending = DeliveryRow.select(DeliveryRow.webhook).where(DeliveryRow.state == "pending")
    query = (
        webhook.select(fn.COUNT(webhook.id))
        .join(HeadRow, on=(HeadRow.type == webhook.type))
        .where(
            webhook.active,
            webhook.deleted_ms.is_null(),
            queued | (webhook.redo_count > 0) | (webhook.released > 0) | webhook.id.in_(pending),
        )
    )
    return int(rows(query)[0][0])


def start_next(
    webhook_id: int,
    *,
    limits: Limits,
    new_id: NewId,
    vault: Vault,
    now_ms: int,
    shared: SharedBodies,
    may_begin: MayBegin,
    new_run: bool = False,
) -> Work | None:
    """Start the pending delivery's next attempt, or seal the next delivery and start its first.

    `new_run` notes the head of now as the end of a new run; otherwise nothing past the run's end
    is sealed. None if there is nothing to send, or it may not be sent now. Raises StoreOvertaken:
    what a newer Tocsin keeps may mean something else than this one would send.
    """
    with database.atomic():
        data_version.check_schema()
        if not may_begin():
            return None
        hot_path = HotPath(limits, new_id, vault, now_ms, shared)
        work = hot_path.start(webhook_id, new_run=new_run)
        if work is not None:
            return work
        return _start_next(webhook_id, limits, new_id, vault, now_ms, new_run)


def record(
    work: Work,
    result: AttemptResult,
    verdict: Verdict,
    *,
    limits: Limits,
    new_id: NewId,
    vault: Vault,
    now_ms: int,
    shared: SharedBodies,
    may_begin: MayBegin,
    go_on: bool,
    new_run: bool = False,
) -> Work | None:
    """Write the result of an attempt; after a delivery, seal and start the run's next one.

    `new_run` begins a new run, if something waits that came after this one began; after an edit
    of the interval during the attempt, the next plan says when.
    A request that an admin made during the attempt is applied here; a 2XX wins over it.
    """
    with database.atomic():
        if not verdict.delivered:
            _record_failure(work, result, verdict, now_ms)
            return None
        hot_path = HotPath(limits, new_id, vault, now_ms, shared)
        recorded = hot_path.record(work, result, go_on=go_on and may_begin(), new_run=new_run)
        if recorded is None:
            _write_late(work, result)
            return None
        if not recorded.is_open:
            return recorded.following
        row = WebhookRow.get_by_id(work.webhook_id)
        if not _may_go_on(row):
            return None
        may_begin_run = new_run and row.interval_ms == work.interval_ms
        return _go_on(row, limits, new_id, vault, now_ms, may_begin_run)


def recover(worker_id: str, now_ms: int) -> int:
    """Clear up after a worker that died in the middle of attempts; return how many these were.

    Called with the sending lock held, so nobody is sending. What was in flight is due now.
    """
    with database.atomic():
        lost = list(
            DeliveryRow.select().where(
                DeliveryRow.state == "pending", DeliveryRow.sending_since_ms.is_null(False)
            )
        )
        for delivery in lost:
            _note_lost_attempt(delivery, worker_id, now_ms)
            delivery.sending_since_ms = None
            delivery.next_attempt_ms, delivery.wait_ms = now_ms, 0
            delivery.reason = f"attempt {delivery.attempts + 1}, the last one was cut off"
            delivery.save()
            apply_request(delivery, WebhookRow.get_by_id(delivery.webhook_id), now_ms)
        return len(lost)


def _start_next(
    webhook_id: int, limits: Limits, new_id: NewId, vault: Vault, now_ms: int, new_run: bool
) -> Work | None:
    row = WebhookRow.get_or_none(
        WebhookRow.id == webhook_id, WebhookRow.active, WebhookRow.deleted_ms.is_null()
    )
    if row is None or settings.paused() is not None:
        return None
    delivery = DeliveryRow.get_or_none(
        DeliveryRow.webhook == webhook_id, DeliveryRow.state == "pending"
    )
    if delivery is None:
        return _seal_and_begin(row, limits, new_id, vault, now_ms, new_run)
    body = frozen_body(delivery)
    if body is None or delivery.blocked is not None:
        return None
    return _begin(delivery, body, row, vault, now_ms)


def _seal_and_begin(
    row: WebhookRow, limits: Limits, new_id: NewId, vault: Vault, now_ms: int, new_run: bool
) -> Work | None:
    sealed = seal(row, limits, new_id, now_ms, new_run)
    return _begin(*sealed, row, vault, now_ms) if sealed is not None else None


def _begin(delivery: DeliveryRow, body: bytes, row: WebhookRow, vault: Vault, now_ms: int) -> Work:
    """Count the attempt before it is made, so that a crash still counts."""
    secrets = secrets_of(row, vault)
    target = read_target(row, vault)
    delivery.attempts += 1
    delivery.sending_since_ms = now_ms
    DeliveryRow.update(attempts=delivery.attempts, sending_since_ms=now_ms).where(
        DeliveryRow.id == delivery.id
    ).execute()
    return Work(
        delivery_id=delivery.id,
        public_id=delivery.public_id,
        webhook_id=row.id,
        number=delivery.attempts,
        count=delivery.count,
        body=body,
        url=target.url,
        shown_url=row.url,
        headers=target.headers,
        secrets=secrets.in_force(now_ms) if secrets else (),
        ca_file=row.ca_file,
        revision=row.revision,
        interval_ms=row.interval_ms,
        retry_interval_ms=row.retry_interval_ms,
    )


def _may_go_on(row: WebhookRow) -> bool:
    if not row.active or row.deleted_ms is not None:
        return False
    return settings.paused() is None


def _go_on(
    row: WebhookRow, limits: Limits, new_id: NewId, vault: Vault, now_ms: int, new_run: bool
) -> Work | None:
    """Seal and start the next delivery; where that fails, what was recorded must stand."""
    begins_run = new_run and HeadRow.get_by_id(row.type).seq > row.run_until
    try:
        with database.atomic():
            return _seal_and_begin(row, limits, new_id, vault, now_ms, begins_run)
    except WrongKey:
        return None  # the next turn reports the key


def _record_failure(work: Work, result: AttemptResult, verdict: Verdict, now_ms: int) -> None:
    delivery = _write_late(work, result)
    if delivery is None or delivery.state != "pending":
        return
    if delivery.attempts > work.number:
        return  # another worker has taken over, and begun the next one
    row = WebhookRow.get_by_id(work.webhook_id)
    delivery.sending_since_ms = None
    delivery.last_status = row.last_status = result.status
    delivery.last_error = row.last_error = result.error
    row.last_attempt_ms = result.started_ms + result.duration_ms
    delivery.next_attempt_ms = verdict.next_attempt_ms
    delivery.wait_ms = verdict.wait_ms
    delivery.reason = verdict.reason
    if row.target_revision > work.revision:
        delivery.next_attempt_ms, delivery.wait_ms = now_ms, 0
        delivery.reason = f"attempt {work.number + 1}, its settings were changed"
    delivery.save()
    row.save()
    apply_request(delivery, row, now_ms)


def _write_late(work: Work, result: AttemptResult) -> DeliveryRow | None:
    """Write the attempt alone, and return its delivery.

    None if it ended meanwhile, by the clock so long ago that it is pruned.
    """
    delivery: DeliveryRow | None = DeliveryRow.get_or_none(DeliveryRow.id == work.delivery_id)
    if delivery is not None:
        _write_attempt(work, result)
    return delivery


def _write_attempt(work: Work, result: AttemptResult) -> None:
    AttemptRow.insert(
        delivery=work.delivery_id,
        number=work.number,
        url=work.shown_url,
        revision=work.revision,
        started_ms=result.started_ms,
        duration_ms=result.duration_ms,
        status=result.status,
        error=result.error,
        detail=result.detail,
        answer_headers=json.dumps(result.answer_headers, ensure_ascii=False),
        answer_body=result.answer_body,
        worker=result.worker,
    ).execute()


def _note_lost_attempt(delivery: DeliveryRow, worker_id: str, now_ms: int) -> None:
    row = WebhookRow.get_by_id(delivery.webhook_id)
    AttemptRow.insert(
        delivery=delivery.id,
        number=delivery.attempts,
        url=row.url,
        revision=row.revision,
        started_ms=delivery.sending_since_ms,
        duration_ms=max(0, now_ms - (delivery.sending_since_ms or now_ms)),
        error="CutOff",
        detail="the worker ended during this attempt: whether it arrived is unknown",
        worker=worker_id,
    ).execute()
