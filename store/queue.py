"""What admins ask of a webhook's queue: send it now, or drop what is old in it."""

from __future__ import annotations

from domain.actors import Actor
from store import audit
from store.backlog import cut_before, head_of
from store.models import Delivery, database
from store.webhook_rows import live, set_redo


def send_now(webhook_id: int, actor: Actor, now_ms: int) -> int:
    """Start a run now: what is queued goes at once. How many events that is."""
    with database.atomic():
        row = live(webhook_id)
        row.run_until = head_of(row.type)
        row.last_run_ms = now_ms
        row.save()
        retry_pending_now(webhook_id, now_ms, f"asked by {actor.text}")
        count = int(row.run_until - row.cursor + row.redo_count + row.released)
        audit.note(actor, "webhook.send", now_ms, webhook_id, events=count)
        return count


def backlog_before(webhook_id: int, before_ms: int) -> int:
    """How many queued events `skip_backlog` would drop."""
    return cut_before(live(webhook_id), before_ms).events


def skip_backlog(webhook_id: int, before_ms: int, actor: Actor, now_ms: int) -> int:
    """Drop the queued events accepted before a time; the pending delivery stays. How many.

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
    delivery = Delivery.get_or_none(
        Delivery.webhook == webhook_id,
        Delivery.state == "pending",
        Delivery.sending_since_ms.is_null(),
    )
    if delivery is not None:
        delivery.next_attempt_ms, delivery.wait_ms = now_ms, 0
        delivery.reason = f"attempt {delivery.attempts + 1}, {why}"
        delivery.save()
