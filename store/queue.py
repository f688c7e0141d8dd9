"""Requests of admins for a webhook's queue: send it now, or drop what is old in it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.actors import Actor
from store import audit
from store.backlog import cut_before, head_of, pending_events
from store.models import DeliveryRow, database
from store.webhook_rows import live, set_redo


class Run(msgspec.Struct, frozen=True):
    """Numbers of the events that a run sends: those queued, after those of the pending delivery."""

    queued: int
    pending: int

    @property
    def events(self) -> int:
        """Number of all events that are sent."""
        return self.queued + self.pending


def send_now(webhook_ids: Sequence[int], actor: Actor, now_ms: int) -> dict[int, Run]:
    """Start a run of each webhook, or of none: what is queued goes at once."""
    with database.atomic():
        return {webhook_id: _start_run(webhook_id, actor, now_ms) for webhook_id in webhook_ids}


def _start_run(webhook_id: int, actor: Actor, now_ms: int) -> Run:
    row = live(webhook_id)
    row.run_until = head_of(row.type)
    row.last_run_ms = now_ms
    row.save()
    retry_pending_now(webhook_id, now_ms, f"asked by {actor.text}")
    queued = int(row.run_until - row.cursor + row.redo_count + row.released)
    audit.note(actor, "webhook.send", now_ms, webhook_id, events=queued)
    return Run(queued, pending_events(webhook_id))


def backlog_before(webhook_id: int, before_ms: int) -> int:
    """Count the queued events that `skip_backlog` would drop."""
    return cut_before(live(webhook_id), before_ms).events


def skip_backlog(webhook_id: int, before_ms: int, actor: Actor, now_ms: int) -> int:
    """Drop the queued events accepted before a time, and count them; the pending delivery stays.

    The first kept event ends the cut, so that clocks which jumped never drop a newer one.
    """
    with database.atomic():
        row = live(webhook_id)
        cut = cut_before(row, before_ms)
        row.cursor += cut.from_queue
        row.run_until = max(row.run_until, row.cursor)
        set_redo(row, cut.redo)
        row.skipped_events += cut.events
        row.save()
        audit.note(
            actor, "webhook.skip", now_ms, webhook_id, before_ms=before_ms, events=cut.events
        )
        return cut.events


def retry_pending_now(webhook_id: int, now_ms: int, why: str) -> None:
    """Make the pending delivery due, unless its attempt is in flight."""
    delivery = DeliveryRow.get_or_none(
        DeliveryRow.webhook == webhook_id,
        DeliveryRow.state == "pending",
        DeliveryRow.sending_since_ms.is_null(),
    )
    if delivery is not None:
        delivery.next_attempt_ms, delivery.wait_ms = now_ms, 0
        delivery.reason = f"attempt {delivery.attempts + 1}, {why}"
        delivery.save()
