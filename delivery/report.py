"""Report on a store: waiting events, reasons, workers; for `tocsin status` and every screen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote

import msgspec

from delivery.outcome import RefusalEntry, refused_member
from domain.event_types import EventType
from domain.settings import Settings
from domain.source_kinds import kind_named
from domain.times import format_duration
from domain.wording import counted, second_text
from store.database import Store
from store.files import free_bytes, store_bytes
from store.migrations import LATEST
from store.migrations.progress import Copy, Upgrade, copies
from store.overview import Overview
from store.queue.deliveries import Held
from store.records import (
    Delivery,
    QuarantinedEvent,
    StoredEvent,
    StoredSource,
    StoredWorker,
    Webhook,
    WebhookStatus,
    target_of,
)
from store.workers import OLD_HEARTBEAT_MS, SendingLock

CROWDED = "due, and waits until one of the attempts under way ends"


class SendingState(msgspec.Struct, frozen=True):
    """State of sending that holds for all webhooks, and the defaults of the waits in milliseconds.

    `stopping` means that the live worker begins no further attempt. `crowd` attempts under way, if
    not 0, leave no room for another.
    """

    paused_by: str | None
    worker_alive: bool
    interval_ms: int
    linger_ms: int
    stopping: bool = False
    crowd: int = 0


class Waiting(msgspec.Struct, frozen=True):
    """Reason for a wait, None if nothing waits; `next_ms` is None if the end is not known."""

    reason: str | None = None
    next_ms: int | None = None


def waiting(status: WebhookStatus, sending: SendingState, now_ms: int) -> Waiting:
    """Return the reason why a webhook waits, and until when."""
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
    """Return the interval of a webhook; `interval_ms` is the setting, its default."""
    own_ms = status.webhook.fields.interval_ms
    return interval_ms if own_ms is None else own_ms


def at_interval_0(linger_ms: int) -> str:
    """Return when a webhook of interval 0 sends, in words."""
    if linger_ms == 0:
        return "as soon as something waits"
    return f"{format_duration(linger_ms)} after something waits"


def failed_attempts(delivery: Delivery) -> int:
    """Return the number of attempts of a pending delivery that are over."""
    return delivery.attempts - (delivery.sending_since_ms is not None or delivery.cut_off)


def is_failing(delivery: Delivery | None) -> bool:
    """Return whether the last attempt of a pending delivery is known to have failed."""
    return delivery is not None and (
        delivery.last_status is not None or delivery.last_error is not None
    )


def _under_way(pending: Delivery) -> str:
    request = f"; {pending.asked} is asked for and follows it" if pending.asked else ""
    return f"attempt {pending.attempts} is under way{request}"


def hindrance(status: WebhookStatus, sending: SendingState) -> str | None:
    """Return what must change before anything is sent, whether or not something waits."""
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
    """Return the next run: an interval after the start of the last, the first after the linger.

    With an interval of 0 every run begins after the linger.
    """
    if status.run_open:
        return Waiting("the run under way goes on", now_ms)
    lingered_ms = (status.waiting_since_ms or now_ms) + sending.linger_ms
    if status.last_run_ms is None:
        return Waiting("first run", lingered_ms)
    interval_ms = interval_of(status, sending.interval_ms)
    if interval_ms == 0:
        return Waiting(f"next run, {at_interval_0(sending.linger_ms)}", lingered_ms)
    due_ms = min(status.last_run_ms, now_ms) + interval_ms
    return Waiting(f"next run, interval {format_duration(interval_ms)}", due_ms)


class Paused(msgspec.Struct, frozen=True):
    """Pause of all sending: by whom and since when."""

    by: str
    since_ms: int


class Report(msgspec.Struct, frozen=True):
    """State of a store at `now_ms`; `locked` means that a process holds the sending lock.

    `names` is the number of hard links of its file, `copies` are those that upgrades made of it.
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
    upgrade: Upgrade | None = None
    copies: tuple[Copy, ...] = ()

    @property
    def paused(self) -> Paused | None:
        """Return the pause of all sending, None without one."""
        if self.overview.paused is None:
            return None
        return Paused(**json.loads(self.overview.paused))

    @property
    def added_sources(self) -> list[StoredSource]:
        """Return all sources but the built-in one, which no worker runs."""
        return [source for source in self.overview.sources if not kind_named(source.kind).built_in]

    @property
    def worker_alive(self) -> bool:
        """Return whether a worker sends: it holds the lock and has beaten lately."""
        return is_sending(self.overview.workers, self.now_ms, locked=self.locked)

    @property
    def sending_state(self) -> SendingState:
        """Return the state of sending that holds for all webhooks."""
        paused = self.paused
        return SendingState(
            paused_by=paused.by if paused else None,
            worker_alive=self.worker_alive,
            interval_ms=self.settings.interval_ms,
            linger_ms=self.settings.linger_ms,
            crowd=self.overview.crowd,
            stopping=any(worker.active and worker.stopping for worker in self.overview.workers),
        )

    def is_old(self, worker: StoredWorker) -> bool:
        """Return whether a worker's heartbeat is so old that it must be stopped, stuck or gone."""
        return _is_old(worker, self.now_ms)

    def waiting(self, status: WebhookStatus) -> Waiting:
        """Return the reason why a webhook waits, and until when."""
        return waiting(status, self.sending_state, self.now_ms)


def make_report(overview: Overview, settings: Settings, store: Store, now_ms: int) -> Report:
    """Return a report of an overview, with the state of the store's files and lock."""
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
        upgrade=store.upgrade,
        copies=tuple(copies(store.path, LATEST)),
    )


def is_sending(workers: Iterable[StoredWorker], now_ms: int, *, locked: bool) -> bool:
    """Return whether one of the workers sends: the lock is held, and its heartbeat is recent."""
    return locked and any(worker.active and not _is_old(worker, now_ms) for worker in workers)


def _is_old(worker: StoredWorker, now_ms: int) -> bool:
    return now_ms - worker.heartbeat_ms > OLD_HEARTBEAT_MS


def undelivered(status: WebhookStatus) -> int:
    """Return the number of undelivered events of a webhook, sealed or not."""
    return status.queued + (status.pending.events if status.pending else 0)


def quarantine_words(statuses: Iterable[WebhookStatus]) -> list[str]:
    """Return the counts of events that reseals left out: in quarantine, or released."""
    every = list(statuses)
    kept = sum(status.quarantined_events for status in every)
    released = sum(status.released_events for status in every)
    words = [f"{kept:,} in quarantine"] if kept else []
    return [*words, f"{released:,} released, about to be sent"] if released else words


def held_words(where: Held) -> str:
    """Return where an event waits that has yet to be sent to a webhook."""
    return {"queued": "waits: queued", "released": "released, about to be sent"}.get(where, where)


def undelivered_events(report: Report) -> int:
    """Return the number of undelivered events of active webhooks."""
    statuses = report.overview.webhooks
    return sum(undelivered(status) for status in statuses if status.webhook.fields.active)


def effect_on_pending(before: Webhook, after: Webhook, pending: Delivery) -> str:
    """Return what an edit means for the pending delivery, a sentence or two."""
    again = ""
    if target_of(before.fields, before.secrets) != target_of(after.fields, after.secrets):
        in_flight = pending.sending_since_ms is not None
        when = "when the attempt in flight is over" if in_flight else "now"
        again = f" and is tried again {when}, with the new settings"
    return (
        f"The pending delivery {pending.id} ({counted(pending.events, 'event')}) "
        f"keeps its body{again}.{'' if again else _wait_words(before, after, pending)}"
    )


def _wait_words(before: Webhook, after: Webhook, pending: Delivery) -> str:
    """Return a sentence on the attempt that waits, after an edit of an interval; "" if none does.

    It is left where it is: the receiver may have asked for that time.
    """
    if _intervals(before) == _intervals(after) or pending.next_attempt_ms is None:
        return ""
    if pending.sending_since_ms is not None or pending.cut_off or not is_failing(pending):
        return ""
    at = second_text(pending.next_attempt_ms)
    return f" Its next attempt stays at {at}: `tocsin delivery retry {pending.id}` makes it now."


def is_resealable(before: Webhook, after: Webhook) -> bool:
    """Return whether a reseal of the pending delivery would make another body."""
    return _contents(before) != _contents(after)


def taken_twice(events: int) -> str:
    """Return the sentence about a receiver that took some of the events that are sealed anew."""
    if events == 1:
        return "A receiver that took it already gets it twice."
    return "A receiver that took some of them already gets those twice."


def reseal_command(
    delivery_id: str, refused: Sequence[RefusalEntry], members: Sequence[StoredEvent]
) -> str:
    """Return the command that sets the first refused event aside and sends the others on."""
    event = refused_member(refused, members)
    apart = None if event is None else event.apart_from(members)
    without = quote(refused[0].id if event is None else event.id)
    command = f"tocsin delivery reseal {delivery_id} --without {without}"
    return command if apart is None else f"{command} {apart.option}"


def release_command(event: QuarantinedEvent) -> str:
    """Return the command that sends an event out of quarantine."""
    command = f"tocsin webhook release {event.webhook_id} {quote(event.event_id)}"
    return command if event.apart is None else f"{command} {event.apart.option}"


def drop_question(droppings: Sequence[tuple[Webhook, int]], after: EventType) -> str:
    """Return the question before an edit of the type drops queued events of each webhook."""
    lost = ", ".join(
        f"{counted(events, 'queued event')} of {before.named}" for before, events in droppings
    )
    types = dict.fromkeys(before.fields.type.title for before, _ in droppings)
    return f"Drop {lost}, to change the type from {' and '.join(types)} to {after.title}?"


def _intervals(webhook: Webhook) -> tuple[int | None, int | None]:
    return webhook.fields.interval_ms, webhook.fields.retry_interval_ms


def _contents(webhook: Webhook) -> tuple[object, ...]:
    fields = webhook.fields
    return fields.extra_fields, fields.max_events, fields.max_bytes
