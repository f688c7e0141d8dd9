"""What of a look is next_state for the next."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sources.wireguard.alerts.memory import AlertMemory
from sources.wireguard.snapshot import (
    Absence,
    Baseline,
    Interface,
    Peer,
    Snapshot,
    State,
    StateError,
    decode_state,
)

REMEMBER_GONE_MS = 30 * 86_400_000
"""How long an interface or a removed peer is next_state, should it come back."""


def read_state(stored: bytes | None) -> tuple[State | None, str]:
    """What was next_state, if it can be used, and what is to be said if it cannot."""
    if stored is None:
        return None, ""
    try:
        return decode_state(stored), ""
    except StateError as error:
        return None, (
            f"what this source next_state cannot be used: {error}; it started afresh, "
            "and the traffic since the last event is not counted"
        )


def next_state(
    previous: State | None,
    snapshot: Snapshot,
    baselines: Mapping[str, Mapping[str, Baseline]],
    memory: AlertMemory,
) -> State:
    """The state after this look."""
    before = previous.snapshot.interfaces if previous else {}
    absent = _absent(previous, snapshot) if previous else {}
    interfaces = {
        name: interface
        for name, interface in before.items()
        if name in absent or name in snapshot.unreadable
    }
    for name, interface in snapshot.interfaces.items():
        interfaces[name] = _with_last_endpoints(before.get(name), interface)
    removed = _removed(previous, snapshot, interfaces) if previous else {}
    return State(
        snapshot=msgspec.structs.replace(snapshot, interfaces=interfaces),
        baselines={
            name: _of_known_peers(known, interfaces[name], removed.get(name, {}))
            for name, known in baselines.items()
            if name in interfaces
        },
        absent=absent,
        memory=memory,
        removed=removed,
    )


def _of_known_peers(
    baselines: Mapping[str, Baseline], interface: Interface, removed: Mapping[str, int]
) -> Mapping[str, Baseline]:
    """The baselines without those of peers that are gone for so long that they are forgotten."""
    if len(baselines) == len(interface.peers):  # every peer has one
        return baselines
    return {
        key: known for key, known in baselines.items() if key in interface.peers or key in removed
    }


def _removed(
    previous: State, snapshot: Snapshot, interfaces: Mapping[str, Interface]
) -> dict[str, Mapping[str, int]]:
    """The peers that are gone from interfaces that are there, while they are next_state."""
    removed: dict[str, Mapping[str, int]] = {}
    for name, interface in interfaces.items():
        known = previous.removed.get(name, {})
        if name in snapshot.interfaces:
            now_ms = snapshot.read_at_ms
            missing = previous.baselines.get(name, {}).keys() - interface.peers.keys()
            gone = {**dict.fromkeys(missing, now_ms), **known}
            known = {
                key: since_ms
                for key, since_ms in gone.items()
                if key not in interface.peers and now_ms - since_ms < REMEMBER_GONE_MS
            }
        if known:
            removed[name] = known
    return removed


def _absent(previous: State, snapshot: Snapshot) -> dict[str, Absence]:
    """The interfaces that are gone; at the second look in a row that is told."""
    absent: dict[str, Absence] = {}
    for name in previous.snapshot.interfaces:
        if name in snapshot.interfaces:
            continue
        before = previous.absent.get(name)
        if name in snapshot.unreadable:
            if before is not None:
                absent[name] = before
        elif before is None:
            absent[name] = Absence(snapshot.read_at_ms)
        elif snapshot.read_at_ms - before.since_ms < REMEMBER_GONE_MS:
            absent[name] = Absence(before.since_ms, reported=True)
    return absent


def _with_last_endpoints(before: Interface | None, now: Interface) -> Interface:
    """The interface with the endpoint that a peer was last seen at where it has none now."""
    if before is None:
        return now
    known = {
        key: _at(peer, before.peers[key])
        for key, peer in now.peers.items()
        if peer.ip is None and key in before.peers and before.peers[key].ip is not None
    }
    return msgspec.structs.replace(now, peers={**now.peers, **known}) if known else now


def _at(peer: Peer, last: Peer) -> Peer:
    return msgspec.structs.replace(peer, ip=last.ip, port=last.port)
