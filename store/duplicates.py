"""Copies of a webhook: another one for the same receiver."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from domain.event_types import EventType
from domain.webhooks import WebhookFields
from store.records import Webhook


def fields_like(source: Webhook, others: Iterable[Webhook]) -> WebhookFields:
    """Return its fields without the name, with the first type that its receiver does not get."""
    return replace(source.fields, name=None, type=_other_type(source, others))


def _other_type(source: Webhook, others: Iterable[Webhook]) -> EventType:
    taken = {other.fields.type for other in others if other.fields.url == source.fields.url}
    taken.add(source.fields.type)
    return next((type_ for type_ in EventType if type_ not in taken), source.fields.type)
