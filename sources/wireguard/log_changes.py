"""From changes to `log_changes` events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.event_types import EventType
from domain.events import Event
from domain.safe import safe
from sources.wireguard.changes import Change
from sources.wireguard.events import (
    endpoint_id,
    fact_event,
    interface_id,
    moment,
    names,
    related,
)
from sources.wireguard.snapshot import Snapshot
from sources.wireguard.terms import DeriveTerms

VALUE_LIMIT = 16_384
"""Characters of a value in an event: a list of allowed IPs may be longer than an event may be."""


def log_changes(
    snapshot: Snapshot, changes: Sequence[Change], terms: DeriveTerms
) -> Iterator[Event]:
    """One event for each change."""
    for change in changes:
        yield _event(snapshot, change, terms)


def _event(snapshot: Snapshot, change: Change, terms: DeriveTerms) -> Event:
    resource = _resource(snapshot.host, change)
    attributes = {
        "created": moment(snapshot.read_at_ms),
        "field": change.field,
        "id": resource,
        "new_value": safe(change.new, VALUE_LIMIT),
        "old_value": safe(change.old, VALUE_LIMIT),
        "type": change.resource,
        **names(terms, change.interface, change.peer),
    }
    facts = (resource, change.field, change.old, change.new, str(snapshot.read_at_ms))
    return fact_event(
        EventType.LOG_CHANGES, facts, attributes, related("user", "users", terms.user)
    )


def _resource(host: str, change: Change) -> str:
    if change.peer is None:
        return interface_id(host, change.interface)
    return endpoint_id(host, change.interface, change.peer)
