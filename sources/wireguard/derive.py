"""From two looks at a host to events: handshakes, changes and alerts."""

from __future__ import annotations

import msgspec

from domain.events import MAX_EVENT_BYTES, Event
from sources.wireguard.alerts.memory import AlertMemory
from sources.wireguard.alerts.raising import raise_alerts
from sources.wireguard.changes import changes
from sources.wireguard.log_changes import log_changes
from sources.wireguard.remembering import next_state
from sources.wireguard.snapshot import Snapshot, State
from sources.wireguard.stats import endpoint_stats
from sources.wireguard.terms import DeriveTerms


class Derived(msgspec.Struct, frozen=True):
    """The events between two looks, and what to remember for the next.

    `warning` tells of events that no webhook could be sent.
    """

    events: tuple[Event, ...]
    state: State
    warning: str = ""


def derive(previous: State | None, snapshot: Snapshot, terms: DeriveTerms) -> Derived:
    """Compare a look with what is next_state; without memory it is only next_state."""
    found = changes(previous, snapshot, port_changes=terms.port_changes)
    memory = previous.memory if previous else AlertMemory()
    alerts, memory = raise_alerts(memory, previous, snapshot, found, terms)
    stats, baselines = endpoint_stats(previous, snapshot, terms)
    events = (*stats, *log_changes(snapshot, found, terms), *alerts)
    sendable = tuple(event for event in events if len(event.body) <= MAX_EVENT_BYTES)
    state = next_state(previous, snapshot, baselines, memory)
    return Derived(sendable, state, _refused_warning(len(events) - len(sendable)))


def _refused_warning(count: int) -> str:
    if not count:
        return ""
    return (
        f"{count} events were dropped, since each was of more than {MAX_EVENT_BYTES:,} bytes: see "
        "whether the names of the host and its peers are very long"
    )
