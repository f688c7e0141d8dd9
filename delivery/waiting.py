"""Why what is queued for a webhook is not sent yet, and when it will be."""

from __future__ import annotations

import msgspec

from domain.times import format_duration
from store.records import Delivery, WebhookStatus

CROWDED = "due, and waits until one of the attempts under way ends"


class SendingState(msgspec.Struct, frozen=True):
    """What decides for all webhooks: who holds sending up, and the waits of those without own.

    `stopping` says that the worker alive begins no further attempt. `crowd` attempts under way, if
    not 0, leave no room for another.
    """

    paused_by: str | None
    worker_alive: bool
    interval_ms: int
    linger_ms: int
    stopping: bool = False
    crowd: int = 0


class Waiting(msgspec.Struct, frozen=True):
    """`reason` is None if nothing waits; `next_ms` is None also if something must happen first."""

    reason: str | None = None
    next_ms: int | None = None


def waiting(status: WebhookStatus, sending: SendingState, now_ms: int) -> Waiting:
    """What a webhook waits for."""
    pending = status.pending
    if pending is None and not status.queued:
        return Waiting()
    if pending is not None and pending.sending_since_ms is not None and sending.worker_alive:
        return Waiting(_under_way(pending))
    hindered = hindrance(status, sending)
    if hindered is not None:
        return Waiting(hindered)
    if pending is not None:
        found = Waiting(pending.reason, pending.next_attempt_ms)
    else:
        found = _run(status, sending, now_ms)
    if sending.crowd and (found.next_ms or 0) <= now_ms:
        return Waiting(CROWDED, now_ms)
    return found


def interval_of(status: WebhookStatus, interval_ms: int) -> int:
    """The interval that a webhook goes by, where the setting is `interval_ms`."""
    return status.webhook.fields.interval_ms or interval_ms


def failed_attempts(delivery: Delivery) -> int:
    """How many attempts of a pending delivery are over."""
    return delivery.attempts - (delivery.sending_since_ms is not None or delivery.cut_off)


def is_failing(delivery: Delivery | None) -> bool:
    """Whether the last attempt of a delivery that is still pending is known to have failed."""
    return delivery is not None and (
        delivery.last_status is not None or delivery.last_error is not None
    )


def _under_way(pending: Delivery) -> str:
    asked = f"; {pending.asked} is asked for and follows it" if pending.asked else ""
    return f"attempt {pending.attempts} is under way{asked}"


def hindrance(status: WebhookStatus, sending: SendingState) -> str | None:
    """What must change before anything is sent at all, whether or not something waits."""
    if not status.webhook.fields.active:
        return "inactive: it collects and sends nothing"
    if sending.paused_by is not None:
        return f"all sending is paused by {sending.paused_by}"
    if status.pending is not None and status.pending.blocked is not None:
        return f"blocked: {status.pending.blocked}"
    if not status.webhook.readable:
        return "its URL, headers and secrets cannot be read: put the right key file back"
    if not sending.worker_alive:
        return "no worker is sending"
    return "the worker that sends is stopping" if sending.stopping else None


def _run(status: WebhookStatus, sending: SendingState, now_ms: int) -> Waiting:
    """A run is due one interval after the start of the last one, the first one after the linger."""
    if status.run_open:
        return Waiting("the run under way goes on", now_ms)
    if status.last_run_ms is None:
        return Waiting("first run", (status.waiting_since_ms or now_ms) + sending.linger_ms)
    interval_ms = interval_of(status, sending.interval_ms)
    due_ms = min(status.last_run_ms, now_ms) + interval_ms
    return Waiting(f"next run, interval {format_duration(interval_ms)}", due_ms)
