"""What an edit of a webhook means for what it has under way."""

from __future__ import annotations

from domain.event_types import EventType
from domain.words import counted
from store.records import Delivery, Webhook


def fate_of_pending(before: Webhook, after: Webhook, pending: Delivery) -> str:
    """What an edit means for the delivery that is under way."""
    again = ""
    if _target(before) != _target(after):
        in_flight = pending.sending_since_ms is not None
        when = "when the attempt in flight is over" if in_flight else "now"
        again = f" and is tried again {when}, with the new settings"
    return (
        f"The pending delivery {pending.id} ({counted(pending.events, 'event')}) "
        f"keeps its body{again}."
    )


def is_resealable(before: Webhook, after: Webhook) -> bool:
    """Whether sealing the pending delivery's events anew would make another body of them."""
    return _contents(before) != _contents(after)


def drop_question(before: Webhook, after: EventType, dropping: int) -> str:
    """What is asked before the edit of a type gives events up."""
    return (
        f"Drop {counted(dropping, 'queued event')} of {before.named} "
        f"({before.fields.type.value}), to change the type to {after.value}?"
    )


def _target(webhook: Webhook) -> tuple[object, ...]:
    fields = webhook.fields
    return fields.url, fields.headers, fields.ca_file, webhook.secrets


def _contents(webhook: Webhook) -> tuple[object, ...]:
    fields = webhook.fields
    return fields.extra_fields, fields.max_events, fields.max_bytes
