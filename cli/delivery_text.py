"""What the delivery commands say to people."""

from __future__ import annotations

from cli.render import labelled
from delivery.problems import answer_text
from domain.safe import safe
from domain.wording import counted, size_text, span_text, time_text
from store.records import Attempt, Delivery

ANSWER_SHOWN = 200


def sentence(delivery: Delivery) -> str:
    """How a sentence names a delivery: "delivery msg_... of webhook 1 with 50 events"."""
    events = counted(delivery.events, "event")
    return f"delivery {delivery.id} of webhook {delivery.webhook_id} with {events}"


def in_full(delivery: Delivery, now_ms: int) -> str:
    """Everything about a delivery but its attempts, one line each."""
    return labelled(
        [
            ("id", delivery.id),
            ("webhook", delivery.webhook_id),
            ("type", delivery.type.value),
            ("state", _state(delivery)),
            ("blocked", delivery.blocked),
            ("events", delivery.events),
            ("body", f"{size_text(delivery.bytes)}, SHA-256 {delivery.sha256}"),
            ("sealed", time_text(delivery.sealed_ms)),
            ("ended", time_text(delivery.ended_ms)),
            ("attempts", delivery.attempts),
            ("sending", _sending(delivery, now_ms)),
            ("next attempt", _next_attempt(delivery)),
            ("asked", delivery.asked and f"{delivery.asked}, when the attempt is over"),
        ]
    )


def attempt_text(attempt: Attempt) -> str:
    """An attempt on one line, and under it the start of the answer."""
    text = (
        f"attempt {attempt.number}  {time_text(attempt.started_ms)}  "
        f"{safe(attempt.detail or attempt.error or '', 300)}, "
        f"after {span_text(attempt.duration_ms)}"
    )
    answer = safe(attempt.answer_body, ANSWER_SHOWN)
    return f"{text}\n    {answer}" if answer else text


def last_result(delivery: Delivery) -> str | None:
    """The last attempt's status, or its error in a word."""
    if delivery.sending_since_ms is not None:
        return "sending"
    return answer_text(delivery.last_status, delivery.last_error)


def _state(delivery: Delivery) -> str:
    return f"{delivery.state} by {delivery.ended_by}" if delivery.ended_by else delivery.state


def _sending(delivery: Delivery, now_ms: int) -> str | None:
    since_ms = delivery.sending_since_ms
    return None if since_ms is None else f"for {span_text(now_ms - since_ms)}"


def _next_attempt(delivery: Delivery) -> str | None:
    if delivery.next_attempt_ms is None or delivery.sending_since_ms is not None:
        return None
    return f"{time_text(delivery.next_attempt_ms)} ({delivery.reason})"
