"""Requests of admins for deliveries: retry now, skip, reseal, release from quarantine.

An attempt in flight is never cut: a request meanwhile is kept in `DeliveryRow.asked` and applied
when the outcome is recorded. A 2XX wins over it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from domain.actors import Actor
from domain.event_types import EventType
from store import audit
from store.errors import Conflict, NotFound
from store.events.reading import find, load_ranges
from store.models import DeliveryRow, QuarantineRow, WebhookRow, database
from store.queue.sealing import numbers_of
from store.webhook_rows import Redo, redo_of, set_redo
from store.workers import SendingLock, is_anyone_sending


class RequestResult(msgspec.Struct, frozen=True):
    """Result of a request: `done` now, or kept until the attempt in flight is over."""

    done: bool
    events: int


def retry(public_id: str, actor: Actor, now_ms: int) -> RequestResult:
    """Make a pending delivery due now; a blocked one is checked once more.

    After an attempt in flight the next one follows at once, unless a request is kept already.
    """
    with database.atomic():
        delivery = pending(public_id)
        in_flight = delivery.sending_since_ms is not None and is_anyone_sending()
        if not in_flight:
            _make_due(delivery, actor.text, now_ms)
        elif delivery.asked is None:
            delivery.asked = json.dumps({"do": "retry", "by": actor.text})
        delivery.save()
        audit.note(actor, "delivery.retry", now_ms, delivery.webhook_id, delivery=public_id)
        return RequestResult(done=not in_flight, events=delivery.count)


def with_idle(
    request: Callable[..., RequestResult], store_path: Path, *args: Any, **named: Any
) -> RequestResult:
    """Make a request with `idle`, which is True if no worker can be sending.

    None begins before the request is written: the thread that writes holds the lock, not the
    caller, who may go away meanwhile.
    """
    lock = SendingLock(store_path)
    try:
        return request(*args, idle=lock.acquire(), **named)
    finally:
        lock.leave()


def skip(public_id: str, actor: Actor, now_ms: int, *, idle: bool) -> RequestResult:
    """Give a pending delivery up. `idle`: no worker holds the sending lock."""
    request = {"do": "skip", "by": actor.text}
    return _request(public_id, request, actor, now_ms, idle=idle)


def reseal(
    public_id: str,
    actor: Actor,
    now_ms: int,
    *,
    idle: bool,
    max_events: int | None = None,
    without: int | None = None,
) -> RequestResult:
    """End a pending delivery and seal its events anew, in order, under new ids.

    `max_events` a request for these events only; `without` is the number of an event that is left
    out and goes into quarantine.
    """
    with database.atomic():
        delivery = pending(public_id)
        if without is not None:
            _check_member(delivery, without)
        request = {"do": "reseal", "by": actor.text, "max_events": max_events, "without": without}
        return _request(public_id, request, actor, now_ms, idle=idle)


def release(webhook_id: int, type_: str, seq: int, actor: Actor, now_ms: int) -> None:
    """Send an event from quarantine after all, in a delivery of its own."""
    with database.atomic():
        event = QuarantineRow.get_or_none(
            QuarantineRow.webhook == webhook_id,
            QuarantineRow.type == type_,
            QuarantineRow.seq == seq,
            QuarantineRow.sent_in.is_null(),
        )
        if event is None:
            raise NotFound(
                f"webhook {webhook_id} has no event {seq:,} of type {type_} in quarantine"
            )
        if event.released_ms is not None:
            raise Conflict(f"event {event.event_id} was released already and is about to be sent")
        event.released_ms = now_ms
        event.save()
        WebhookRow.update(released=WebhookRow.released + 1).where(
            WebhookRow.id == webhook_id
        ).execute()
        audit.note(actor, "webhook.release", now_ms, webhook_id, event=event.event_id, number=seq)


def pending(public_id: str) -> DeliveryRow:
    """Return the row of a pending delivery. Raises NotFound or Conflict."""
    delivery: DeliveryRow | None = DeliveryRow.get_or_none(DeliveryRow.public_id == public_id)
    if delivery is None:
        raise NotFound(f"no delivery {public_id}; `tocsin delivery list` shows what there is")
    if delivery.state != "pending":
        raise Conflict(f"delivery {public_id} is {delivery.state}: this is for pending ones")
    return delivery


def apply_request(delivery: DeliveryRow, row: WebhookRow, now_ms: int) -> None:
    """Carry out the request that was made while a delivery's attempt was in flight, if any was."""
    if delivery.asked is None:
        return
    request = json.loads(delivery.asked)
    if request["do"] == "retry":
        _make_due(delivery, request["by"], now_ms)
        delivery.save()
    elif request["do"] == "skip":
        end_skipped(delivery, row, request["by"], now_ms)
    else:
        _reseal(delivery, row, request, now_ms)


def end_skipped(delivery: DeliveryRow, row: WebhookRow, by: str, now_ms: int) -> None:
    """End a pending delivery as skipped and count what it dropped."""
    _end(delivery, "skipped", by, now_ms)
    row.skipped_events += delivery.count
    row.save()


def _request(
    public_id: str, request: Mapping[str, Any], actor: Actor, now_ms: int, *, idle: bool
) -> RequestResult:
    with database.atomic():
        delivery = pending(public_id)
        delivery.asked = json.dumps(request)
        in_flight = delivery.sending_since_ms is not None and not idle
        if in_flight:
            delivery.save()
        else:
            delivery.sending_since_ms = None
            apply_request(delivery, WebhookRow.get_by_id(delivery.webhook_id), now_ms)
        detail = {key: value for key, value in request.items() if key not in ("do", "by") and value}
        if "without" in detail:
            number = detail["without"]
            detail |= {"without": _id_of(delivery.type, number), "number": number}
        audit.note(
            actor,
            f"delivery.{request['do']}",
            now_ms,
            delivery.webhook_id,
            delivery=public_id,
            events=delivery.count,
            **detail,
        )
        return RequestResult(done=not in_flight, events=delivery.count)


def _make_due(delivery: DeliveryRow, by: str, now_ms: int) -> None:
    delivery.blocked = delivery.asked = None
    delivery.next_attempt_ms, delivery.wait_ms = now_ms, 0
    delivery.reason = f"attempt {delivery.attempts + 1}, asked by {by}"


def _check_member(delivery: DeliveryRow, seq: int) -> None:
    if seq not in numbers_of(delivery):
        raise NotFound(
            f"event {seq:,} of type {delivery.type} is not in delivery {delivery.public_id}"
        )


def _id_of(type_: str, seq: int) -> str:
    """Return the id of an event, for people. Raises NotFound."""
    return find(EventType(type_), seq).id


def _end(delivery: DeliveryRow, state: str, by: str, now_ms: int) -> None:
    delivery.state = state
    delivery.ended_ms = now_ms
    delivery.ended_by = by
    delivery.asked = None
    delivery.reason = ""
    delivery.sending_since_ms = None
    delivery.save()


def _reseal(
    delivery: DeliveryRow, row: WebhookRow, request: Mapping[str, Any], now_ms: int
) -> None:
    _end(delivery, "resealed", str(request["by"]), now_ms)
    without = _number_asked(delivery, request["without"])
    released = QuarantineRow.get_or_none(QuarantineRow.sent_in == delivery.id)
    if released is not None:
        _back_to_quarantine(released, row, again=without is None)
        return
    back = numbers_of(delivery)
    if without is not None:
        _quarantine(delivery, without, now_ms)
        back = back.without(without)
    if back:
        _put_back(row, Redo(delivery.type, back, request["max_events"]))


def _number_asked(delivery: DeliveryRow, without: int | str | None) -> int | None:
    """Return the number of the event to leave out; a Tocsin of before schema 4 kept its id."""
    if not isinstance(without, str):
        return without
    members = load_ranges(EventType(delivery.type), numbers_of(delivery))
    return next((event.seq for event in members if event.id == without), None)


def _put_back(row: WebhookRow, back: Redo) -> None:
    """Make these events the next to be sealed, before what already waits there."""
    waiting = redo_of(row)
    set_redo(row, replace(back, numbers=back.numbers.joined(waiting.numbers)) if waiting else back)
    row.save()


def _quarantine(delivery: DeliveryRow, seq: int, now_ms: int) -> None:
    """Put an event of the delivery into quarantine."""
    QuarantineRow.insert(
        webhook=delivery.webhook_id,
        type=delivery.type,
        seq=seq,
        event_id=_id_of(delivery.type, seq),
        delivery_public_id=delivery.public_id,
        at_ms=now_ms,
    ).execute()


def _back_to_quarantine(event: QuarantineRow, row: WebhookRow, *, again: bool) -> None:
    """Handle a delivery of one released event: it is sealed again, or stays in quarantine."""
    event.sent_in = None
    if again:
        row.released += 1
        row.save()
    else:
        event.released_ms = None
    event.save()
