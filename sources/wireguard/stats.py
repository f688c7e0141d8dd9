"""Derive `endpoint_stats` events from two snapshots of a host.

An event tells of a handshake that is not the one seen before; the stamp is the host's wall clock,
so it need only differ, not be later. The deltas of an endpoint count from its previous event, so
that they add up to its totals whatever the poll interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from domain.event_types import EventType
from domain.events import Event
from domain.ids import event_id_from_facts, resource_id
from domain.times import rfc3339
from sources.wireguard.snapshot import Baseline, Interface, Peer, Snapshot, State

REMEMBER_REMOVED_MS = 30 * 86_400_000
"""How long the baseline of a removed peer is kept, should the peer come back."""

_START = Baseline(0, 0)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Derived:
    """The events between two snapshots, and what to remember for the next."""

    events: tuple[Event, ...]
    state: State


def derive(previous: State | None, snapshot: Snapshot) -> Derived:
    """Compare a snapshot with what is remembered; without memory it is only remembered.

    An interface that the snapshot lacks may be down or unreadable: its peers were not removed, so
    its last form and its baselines stay as they are.
    """
    interfaces = dict(previous.snapshot.interfaces) if previous else {}
    baselines = dict(previous.baselines) if previous else {}
    events: list[Event] = []
    for name, interface in snapshot.interfaces.items():
        derivation = _Derivation(
            host=snapshot.host,
            read_at_ms=snapshot.read_at_ms,
            name=name,
            before=interfaces.get(name),
            now=interface,
            baselines=baselines.get(name, {}),
        )
        events.extend(derivation.events())
        baselines[name] = derivation.next_baselines()
        interfaces[name] = interface
    remembered = Snapshot(snapshot.host, snapshot.read_at_ms, interfaces)
    return Derived(tuple(events), State(snapshot=remembered, baselines=baselines))


@dataclass(frozen=True, slots=True)
class _Derivation:
    """One interface before and now."""

    host: str
    read_at_ms: int
    name: str
    before: Interface | None
    now: Interface
    baselines: Mapping[str, Baseline]

    def events(self) -> Iterator[Event]:
        for key, peer in self.now.peers.items():
            if key in self.baselines and self._has_new_handshake(key, peer):
                yield self._event(key, peer)

    def next_baselines(self) -> dict[str, Baseline]:
        there = {key: self._next_baseline(key, peer) for key, peer in self.now.peers.items()}
        return there | dict(self._removed())

    def _next_baseline(self, key: str, peer: Peer) -> Baseline:
        if key not in self.baselines or self._has_new_handshake(key, peer):
            return Baseline(peer.rx, peer.tx)
        return self._baseline(key, peer)

    def _removed(self) -> Iterator[tuple[str, Baseline]]:
        for key, baseline in self.baselines.items():
            if key in self.now.peers:
                continue
            removed_ms = self.read_at_ms if baseline.removed_ms is None else baseline.removed_ms
            if self.read_at_ms - removed_ms < REMEMBER_REMOVED_MS:
                yield key, Baseline(baseline.rx, baseline.tx, removed_ms)

    def _last_seen(self, key: str) -> Peer | None:
        return self.before.peers.get(key) if self.before else None

    def _has_new_handshake(self, key: str, peer: Peer) -> bool:
        last_seen = self._last_seen(key)
        return peer.handshake_s not in (0, last_seen.handshake_s if last_seen else 0)

    def _baseline(self, key: str, peer: Peer) -> Baseline:
        """What a known peer's deltas count from: nothing, if its counters began anew."""
        last_seen = self._last_seen(key)
        if last_seen is None or self._restarted():
            return _START
        if peer.rx < last_seen.rx or peer.tx < last_seen.tx:
            return _START
        return self.baselines[key]

    def _restarted(self) -> bool:
        before = self.before.ifindex if self.before else None
        return None not in (before, self.now.ifindex) and before != self.now.ifindex

    def _event(self, key: str, peer: Peer) -> Event:
        baseline = self._baseline(key, peer)
        endpoint = resource_id("endpoints", self.host, self.name, key)
        facts = "\0".join((endpoint, str(peer.handshake_s), str(peer.rx), str(peer.tx)))
        event_id = event_id_from_facts(EventType.ENDPOINT_STATS, facts.encode())
        attributes = {
            "created": rfc3339(self.read_at_ms // 1000 * 1000),
            "handshake": rfc3339(peer.handshake_s * 1000),
            "ip": peer.ip,
            "port": peer.port,
            "rx_delta": peer.rx - baseline.rx,
            "rx_total": peer.rx,
            "tx_delta": peer.tx - baseline.tx,
            "tx_total": peer.tx,
        }
        body = {
            "attributes": attributes,
            "id": event_id,
            "relationships": {"endpoint": {"data": [{"id": endpoint, "type": "endpoints"}]}},
            "type": EventType.ENDPOINT_STATS.value,
        }
        # `created` is the time of this look, not a fact of the handshake: a second look at the
        # same facts is a repeat, not a conflict.
        return Event(EventType.ENDPOINT_STATS, event_id, _encoder.encode(body), created_given=False)
