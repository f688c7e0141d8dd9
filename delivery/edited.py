"""What an edit of a webhook means for what it has under way."""

from __future__ import annotations

from collections.abc import Sequence

from domain.event_types import EventType
from domain.wording import counted
from store.records import Delivery, Webhook, target_of


def fate_of_pending(before: Webhook, after: Webhook, pending: Delivery) -> str:
    """What an edit means for the delivery that is under way."""
    again = ""
    if target_of(before.fields, before.secrets) != target_of(after.fields, after.secrets):
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


def drop_question(droppings: Sequence[tuple[Webhook, int]], after: EventType) -> str:
    """What is asked before an edit of the type gives so many events of each webhook up."""
    lost = ", ".join(
        f"{counted(events, 'queued event')} of {before.named}" for before, events in droppings
    )
    types = dict.fromkeys(before.fields.type.title for before, _ in droppings)
    return f"Drop {lost}, to change the type from {' and '.join(types)} to {after.title}?"


def _contents(webhook: Webhook) -> tuple[object, ...]:
    fields = webhook.fields
    return fields.extra_fields, fields.max_events, fields.max_bytes
