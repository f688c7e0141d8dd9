"""Events `endpoint_stats`, derived from two polls of a host.

An event is about a handshake that differs from the last one; the stamp is the host's wall clock, so
it need only differ, not be later. The deltas of an endpoint count from its previous event, so that
they add up to its totals whatever the poll interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.event_types import EventType
from domain.events import Event
from domain.times import rfc3339
from sources.events import fact_event, whole_second
from sources.wireguard.events import NAMES, DeriveTerms, endpoint_id, name_attributes, relationship
from sources.wireguard.snapshot import Baseline, Interface, Peer, Snapshot, State

Baselines = dict[str, Mapping[str, Baseline]]

_START = Baseline(0, 0)


def endpoint_stats(
    previous: State | None, snapshot: Snapshot, terms: DeriveTerms
) -> tuple[list[Event], Baselines]:
    """Return the events of the handshakes since, and the baselines for the next poll.

    At the first poll of an interface its peers' totals are only noted: they may be of months. A
    peer that comes later began to count when it came.

    An interface that the snapshot lacks may be down or unreadable: its peers were not removed, so
    its baselines stay as they are.
    """
    known = previous.snapshot.interfaces if previous else {}
    baselines = dict(previous.baselines) if previous else {}
    events: list[Event] = []
    for name, interface in snapshot.interfaces.items():
        stats = _InterfaceStats(snapshot, name, known.get(name), baselines.get(name, {}), terms)
        events.extend(stats.events(interface))
        baselines[name] = stats.next_baselines
    return events, baselines


class _InterfaceStats:
    """Interface before and now."""

    def __init__(
        self,
        snapshot: Snapshot,
        name: str,
        before: Interface | None,
        baselines: Mapping[str, Baseline],
        terms: DeriveTerms,
    ) -> None:
        self._snapshot = snapshot
        self._name = name
        self._before = before
        self._baselines = baselines
        self._terms = terms
        self.next_baselines: dict[str, Baseline] = {}

    def events(self, now: Interface) -> Iterator[Event]:
        """Yield the events, and fill `next_baselines`."""
        if self._before is None:
            self.next_baselines = {
                key: Baseline(peer.rx, peer.tx) for key, peer in now.peers.items()
            }
            return
        restarted = now.restarted_since(self._before)
        for key, peer in now.peers.items():
            last = self._before.peers.get(key)
            if last is None:
                known = self._baselines.get(key, _START)
            elif restarted or peer.rx < last.rx or peer.tx < last.tx:
                known = self._baselines[key].anew_after(last)
            else:
                known = self._baselines[key]
            if peer.handshake_s not in (0, last.handshake_s if last else 0):
                yield self._event(key, peer, known)
                known = Baseline(peer.rx, peer.tx)
            self.next_baselines[key] = known
        self.next_baselines.update(self._unreported(self._before, now))

    def _unreported(self, before: Interface, now: Interface) -> Iterator[tuple[str, Baseline]]:
        """Yield the removed peers with unreported bytes, for when they are back."""
        for key in self._baselines.keys() - now.peers.keys():
            known, last = self._baselines[key], before.peers.get(key)
            pending = known if last is None else known.anew_after(last)
            if pending.has_unreported:
                yield key, pending

    def _event(self, key: str, peer: Peer, known: Baseline) -> Event:
        endpoint = endpoint_id(self._snapshot.host, self._name, key)
        attributes = {
            "created": whole_second(self._snapshot.read_at_ms),
            "handshake": rfc3339(peer.handshake_s * 1000),
            "ip": peer.ip,
            "port": peer.port,
            "rx_delta": peer.rx - known.rx,
            "rx_total": peer.rx,
            "tx_delta": peer.tx - known.tx,
            "tx_total": peer.tx,
            **name_attributes(self._terms, self._name, key),
        }
        facts = (endpoint, str(peer.handshake_s), str(peer.rx), str(peer.tx))
        return fact_event(
            EventType.ENDPOINT_STATS,
            facts,
            attributes,
            relationship("endpoint", "endpoints", endpoint),
            created_given=False,
            no_facts=NAMES,
        )
