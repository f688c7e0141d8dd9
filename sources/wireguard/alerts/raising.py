"""From what changed at a host to alerts."""

from __future__ import annotations

from collections.abc import Sequence

from domain.events import Event
from sources.wireguard.alerts.memory import Memory
from sources.wireguard.changes import Change
from sources.wireguard.snapshot import Snapshot, State
from sources.wireguard.terms import DeriveTerms


def raised(
    memory: Memory,
    previous: State | None,
    snapshot: Snapshot,
    changes: Sequence[Change],
    terms: DeriveTerms,
) -> tuple[tuple[Event, ...], Memory]:
    """The alerts of one look, and what to remember for the next.

    `previous` keeps the address that a peer was last seen at, also while it has none.
    """
    return (), memory
