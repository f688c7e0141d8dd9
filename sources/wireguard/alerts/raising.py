"""Alerts of one poll: from changes at a host and from unusual use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.alert_kinds import SOURCE_STALE
from domain.events import Event
from sources.wireguard.alert_memory import AlertMemory, Observation, Usage, Usages
from sources.wireguard.alerts.configuration import ChangeAlerts
from sources.wireguard.alerts.origins import REFRESH_S, OriginAlerts
from sources.wireguard.alerts.silence import (
    UNREACHABLE,
    OutageAlerts,
    SilenceAlerts,
    keepalives_begun,
    next_observation,
)
from sources.wireguard.alerts.suppression import AlertWriter, Subject
from sources.wireguard.alerts.traffic import HOUR_S, TrafficAlerts, phase_s
from sources.wireguard.changes import Change
from sources.wireguard.events import DeriveTerms
from sources.wireguard.snapshot import (
    AHEAD_S,
    Interface,
    Peer,
    Snapshot,
    State,
    ahead_sentence,
    seconds_ahead,
)

_NEVER = Peer("", None, None, (), 0, 0, 0, 0)


def raise_alerts(
    memory: AlertMemory,
    previous: State | None,
    snapshot: Snapshot,
    changes: Sequence[Change],
    terms: DeriveTerms,
) -> tuple[tuple[Event, ...], AlertMemory]:
    """Return the alerts of one poll, and the memory for the next.

    The first poll raises nothing but that a clock is ahead. `previous` keeps the last address of a
    peer, also while it has none.
    """
    writer = AlertWriter(snapshot, terms, memory.suppressed)
    before_ms = previous.snapshot.read_at_ms if previous else None
    watch = next_observation(memory.watch, before_ms, snapshot.read_at_ms)
    endpoint_alerts = _EndpointAlerts(writer, previous, snapshot, changes, terms, watch)
    ChangeAlerts(writer, snapshot, changes).write()
    OutageAlerts(writer, previous, snapshot).write(changes)
    endpoints = endpoint_alerts.endpoints(memory.endpoints)
    _write_clock(writer, snapshot)
    swept_ms, suppressed = memory.swept_ms, writer.suppressed
    if abs(snapshot.read_at_ms - swept_ms) >= HOUR_S * 1000:
        swept_ms, suppressed = snapshot.read_at_ms, writer.current_suppressed()
    return tuple(writer.events), AlertMemory(endpoints, suppressed, watch, swept_ms)


def _write_clock(writer: AlertWriter, snapshot: Snapshot) -> None:
    ahead = seconds_ahead(snapshot)
    if ahead > AHEAD_S:
        params = {"ahead": ahead, "error": ahead_sentence(ahead)}
        writer.write(SOURCE_STALE, Subject(), params, value="clock")


class _EndpointAlerts:
    """Alerts about the endpoints, before and now."""

    def __init__(
        self,
        writer: AlertWriter,
        previous: State | None,
        snapshot: Snapshot,
        changes: Sequence[Change],
        terms: DeriveTerms,
        watch: Observation,
    ) -> None:
        self._snapshot = snapshot
        self._now_s = snapshot.read_at_ms // 1000
        self._before: Mapping[str, Interface] = previous.snapshot.interfaces if previous else {}
        self._keepalives_begun = keepalives_begun(previous, snapshot, changes)
        self._removed: Mapping[str, Mapping[str, int]] = previous.removed if previous else {}
        before_ms = previous.snapshot.read_at_ms if previous else None
        self._origins = OriginAlerts(writer, terms.locate, watch)
        self._silence = SilenceAlerts(writer, before_ms, watch.since_ms)
        self._traffic = TrafficAlerts(writer, before_ms)

    def endpoints(self, known: Mapping[str, Usages]) -> dict[str, Usages]:
        """Return the usages after this poll; those of missing interfaces stay as they are."""
        after = {
            name: usages
            for name, usages in known.items()
            if name in self._before and name not in self._snapshot.interfaces
        }
        for name, interface in self._snapshot.interfaces.items():
            after[name] = self._of_interface(name, interface, known.get(name, {}))
        return after

    def _of_interface(self, name: str, now: Interface, known: Usages) -> Usages:
        is_new = name not in self._before
        before = {} if is_new else self._before[name].peers
        after = {key: usage for key, usage in known.items() if key not in now.peers}
        if after:  # while a removed peer is remembered, so is its use
            removed = self._removed.get(name, {})
            after = {key: usage for key, usage in after.items() if key in before or key in removed}
        known = self._silence.with_keepalives(known, self._keepalives_begun.get(name, ()))
        now_s, next_s, least = self._now_s, self._silence.next_s, self._traffic.least
        next_hour_s = now_s + HOUR_S
        unnoted_s = now_s - REFRESH_S
        for key, peer in now.peers.items():
            usage, was = known.get(key), before.get(key)
            if usage is None:
                after[key] = self._first_seen(key, peer, with_interface=is_new)
                continue
            if (
                was is None
                or (
                    peer.rx > was.rx
                    and (peer.ip != usage.ip or not unnoted_s < usage.noted_s <= now_s)
                )
                or peer.rx < was.rx
                or peer.tx < was.tx
                or (peer.handshake_s != usage.handshake_s and peer.handshake_s)
                or not now_s < usage.hour_ends_s <= next_hour_s
            ):
                usage = self._updated(usage, Subject(name, key), was, peer)
            marks = usage.silences if peer.keepalive_s else usage.silences | UNREACHABLE
            if now_s - (usage.handshake_s or usage.since_s) > next_s[marks]:
                usage = self._silence.check(usage, Subject(name, key), peer)
            if peer.rx - usage.rx > least or peer.tx - usage.tx > least:
                self._traffic.write(usage, Subject(name, key), peer)
            after[key] = usage
        return after

    def _first_seen(self, key: str, peer: Peer, *, with_interface: bool) -> Usage:
        usage = Usage(
            since_s=self._now_s,
            handshake_s=peer.handshake_s,
            silences=0,
            hour_ends_s=self._now_s + HOUR_S - phase_s(key),
            rx=peer.rx,
            tx=peer.tx,
        )
        if peer.ip is not None and peer.handshake_s:
            usage = self._origins.first_seen(usage, peer.ip, noted_s=self._now_s - phase_s(key))
        return self._silence.first_seen(usage, peer, with_interface=with_interface)

    def _updated(self, usage: Usage, subject: Subject, before: Peer | None, peer: Peer) -> Usage:
        """Return the usage of an endpoint with new traffic, or with a new hour or counters."""
        was = before or _NEVER
        if before is None or peer.rx < was.rx or peer.tx < was.tx:
            usage = self._traffic.after_restart(usage, before)
            was = _NEVER
        if not self._now_s < usage.hour_ends_s <= self._now_s + HOUR_S:
            usage = self._traffic.next_hour(usage, was, peer)
        has_handshake = peer.handshake_s not in (0, usage.handshake_s)
        if (has_handshake or peer.rx > was.rx) and peer.ip is not None:
            usage = self._origins.after_traffic(usage, subject, peer.ip)
        return self._silence.after_handshake(usage, subject, peer) if has_handshake else usage
