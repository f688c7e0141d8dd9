"""Alerts about peers without handshakes, about their return, and about missing interfaces.

A silence that was not observed raises nothing: after a break, or a jump of the clock, all peers
would seem to be silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from enum import IntFlag

import msgspec

from sources.wireguard.alert_memory import Observation, Usage, Usages
from sources.wireguard.alerts.suppression import AlertWriter, Subject
from sources.wireguard.changes import UP, Change
from sources.wireguard.snapshot import Absence, Peer, Snapshot, State

SETTLED_MS = 3_600_000
"""Time of observation before a silence of days is believed."""

BREAK_MS = 180_000
BREAK_LOOKS = 3
"""Usual intervals that a time without a poll must exceed, to be a break."""

DAY_S = 86_400

_ALL = 31

_NEVER_S = 1 << 62

_BETWEEN_HANDSHAKES_S = 120
"""Seconds for which WireGuard makes no other handshake, as long as the peer answers."""

_KEEPALIVE_CHANGES = (("added", ""), ("persistent_keepalive", "0"))
"""Changes, with the old value, from which on this side sends keepalives to a peer."""

LASTING_MS = 600_000
"""Least length of an outage that is no restart."""

_DOWN = "interface_down"


class Silent(IntFlag):
    """Findings about a silent endpoint: each raises one alert in a silence."""

    UNREACHABLE = 1
    DISCONNECTED = 2
    AWAY = 4
    UNSEEN = 8
    GONE_LONG = 16


UNREACHABLE = int(Silent.UNREACHABLE)
"""The flag as a number, since it is used for every peer at every poll."""

_KINDS = {
    Silent.UNREACHABLE: "endpoint_unreachable",
    Silent.DISCONNECTED: "endpoint_disconnected",
    Silent.AWAY: "endpoint_connected",
    Silent.UNSEEN: "endpoint_unseen",
    Silent.GONE_LONG: "endpoint_returned",
}
_LONG = Silent.UNSEEN | Silent.GONE_LONG


def next_observation(watch: Observation, before_ms: int | None, now_ms: int) -> Observation:
    """Return the observation at a poll; it begins anew after a break of polls or of the clock."""
    if before_ms is None:
        return Observation(now_ms)
    gap_ms = now_ms - before_ms
    longest_ms = max(BREAK_MS, BREAK_LOOKS * watch.every_ms)
    if 0 <= gap_ms <= longest_ms:
        return Observation(watch.since_ms, gap_ms or watch.every_ms, watch.lost_ms)
    # Little by little, should the polls be less often from now on.
    every_ms = min(max(gap_ms, 0), 2 * watch.every_ms or BREAK_MS)
    return Observation(now_ms, every_ms, watch.lost_ms + gap_ms)


def keepalives_begun(
    previous: State | None, snapshot: Snapshot, changes: Sequence[Change]
) -> Mapping[str, Collection[str]]:
    """Return the peers that may get keepalives from this poll on, by the name of the interface.

    Their keepalive was switched on, they were added, or their interface is back.
    """
    begun: defaultdict[str, set[str]] = defaultdict(set)
    if previous is None:
        return begun
    for change in changes:
        if change.peer is not None and (change.field, change.old) in _KEEPALIVE_CHANGES:
            begun[change.interface].add(change.peer)
    for name, interface in snapshot.interfaces.items():
        before = previous.snapshot.interfaces.get(name)
        if before and (name in previous.absent or interface.restarted_since(before)):
            begun[name].update(interface.peers)
    return begun


class SilenceAlerts:
    """Alerts of one poll about the silence of endpoints."""

    def __init__(self, writer: AlertWriter, before_ms: int | None, watching_ms: int) -> None:
        self._writer = writer
        self._before_s = (before_ms or 0) // 1000
        self._now_s = writer.now_ms // 1000
        self._watching_s = watching_ms // 1000
        self._settled = writer.now_ms - watching_ms >= SETTLED_MS
        self._limits = [
            (int(mark), writer.terms(kind).number("silent") // 1000)
            for mark, kind in _KINDS.items()
        ]
        self._connected_s = dict(self._limits)[Silent.AWAY]
        self.next_s = [self._next_limit(marks) for marks in range(_ALL + 1)]
        """Next age at which a silence is checked, by its findings."""

    def _next_limit(self, marks: int) -> int:
        return min((limit for mark, limit in self._limits if not marks & mark), default=_NEVER_S)

    def first_seen(self, usage: Usage, peer: Peer, *, with_interface: bool) -> Usage:
        """Return the usage of an endpoint that may have been silent for long, without an alert.

        A peer that is added to a known interface is observed from the start.
        """
        if peer.handshake_s == 0:
            marks = Silent.DISCONNECTED | Silent.AWAY
            if with_interface and self._is_kept_alive(peer):
                marks |= Silent.UNREACHABLE
            return msgspec.structs.replace(usage, silences=int(marks))
        age_s = self._now_s - peer.handshake_s
        marks = Silent(sum(mark for mark, limit in self._limits if age_s > limit))
        if not self._is_kept_alive(peer):
            marks &= ~Silent.UNREACHABLE
        return msgspec.structs.replace(usage, silences=int(marks)) if marks else usage

    def with_keepalives(self, usages: Usages, begun: Collection[str]) -> Usages:
        """Return the usages of an interface when keepalives to some of its peers begin."""
        if not begun:
            return usages
        anew = {
            key: msgspec.structs.replace(usages[key], keepalive_since_s=self._now_s)
            for key in begun
            if key in usages
        }
        return {**usages, **anew}

    def check(self, usage: Usage, subject: Subject, peer: Peer) -> Usage:
        """Return the usage of an endpoint whose handshake is older than the limit in `next_s`."""
        if peer.ip is None and peer.keepalive_s:  # nobody can call at it yet
            usage = msgspec.structs.replace(usage, keepalive_since_s=self._now_s)
        marks = self._marks(usage, peer)
        new = marks & ~usage.silences
        if not new:
            return usage
        self._write_silence(Silent(new), usage, subject, peer)
        return msgspec.structs.replace(usage, silences=usage.silences | new)

    def after_handshake(self, usage: Usage, subject: Subject, peer: Peer) -> Usage:
        """Return the usage of an endpoint after a handshake."""
        was = Silent(usage.silences)
        last_s = usage.handshake_s or usage.since_s
        if Silent.AWAY in was or self._ends_gap(last_s, peer):
            params = {"ip": peer.ip, "age": max(0, peer.handshake_s - last_s)}
            self._writer.write("endpoint_connected", subject, params)
        if Silent.GONE_LONG in was:
            days = max(0, peer.handshake_s - last_s) // DAY_S
            self._writer.write("endpoint_returned", subject, {"days": days, "ip": peer.ip})
        return msgspec.structs.replace(usage, silences=0, handshake_s=peer.handshake_s)

    def _ends_gap(self, last_s: int, peer: Peer) -> bool:
        """Return whether an observed gap has come and gone since the last poll.

        There may have been other handshakes since then, unless this one came soon after it.
        """
        now_s = min(peer.handshake_s, self._now_s)  # the host's clock may have been set
        if now_s - self._before_s > _BETWEEN_HANDSHAKES_S:
            return False
        return now_s - max(last_s, self._watching_s) > self._connected_s

    def _marks(self, usage: Usage, peer: Peer) -> int:
        last_s = usage.handshake_s or usage.since_s
        age_s = self._now_s - last_s
        observed_s = self._now_s - max(last_s, self._watching_s)
        keepalive_since_s = (
            min(observed_s, self._now_s - usage.keepalive_since_s)
            if self._is_kept_alive(peer)
            else 0
        )
        marks = 0
        for mark, limit in self._limits:
            if mark & _LONG:
                holds = age_s > limit and self._settled
            else:
                holds = (keepalive_since_s if mark == UNREACHABLE else observed_s) > limit
            if holds:
                marks |= mark
        return marks

    def _write_silence(self, new: Silent, usage: Usage, subject: Subject, peer: Peer) -> None:
        age_s = self._now_s - (usage.handshake_s or usage.since_s)
        if Silent.UNREACHABLE in new:
            params = {"age": age_s, "keepalive": peer.keepalive_s, "ip": peer.ip}
            self._writer.write("endpoint_unreachable", subject, params)
        if Silent.DISCONNECTED in new:
            params = {"ip": peer.ip or usage.ip or None, "age": age_s}
            self._writer.write("endpoint_disconnected", subject, params)
        if Silent.UNSEEN in new:
            params = {"days": age_s // DAY_S, "last_ip": usage.ip or None}
            self._writer.write("endpoint_unseen", subject, params)

    @staticmethod
    def _is_kept_alive(peer: Peer) -> bool:
        """Return whether WireGuard sends keepalives to it, for which it needs an address."""
        return peer.keepalive_s > 0 and peer.ip is not None


class OutageAlerts:
    """Alerts of one poll about missing interfaces.

    Short outages of an interface count as the same outage, which is reported once a while. One that
    lasts is an outage of its own.
    """

    def __init__(self, writer: AlertWriter, previous: State | None, snapshot: Snapshot) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._absent: Mapping[str, Absence] = previous.absent if previous else {}
        self._before_ms = previous.snapshot.read_at_ms if previous else 0

    def write(self, changes: Sequence[Change]) -> None:
        """Raise the alerts that follow from the changes, and those about lasting outages."""
        for change in changes:
            if change.field == UP:
                kind = "interface_up" if change.new == "true" else _DOWN
                value = self._outage(change.interface)
                self._writer.write(kind, Subject(change.interface), {}, value=value)
        for name, absence in self._absent.items():
            if not absence.reported or not self._begins_to_last(name, absence):
                continue
            if not self._writer.was_written(_DOWN, Subject(name), absence.since_ms):
                self._writer.write(_DOWN, Subject(name), {}, value=str(absence.since_ms))

    def _outage(self, name: str) -> str:
        """Return what distinguishes a lasting outage from others, "" for a short one."""
        absence = self._absent.get(name)
        if absence is None or not _lasts(absence, self._writer.now_ms):
            return ""
        return str(absence.since_ms)

    def _begins_to_last(self, name: str, absence: Absence) -> bool:
        return (
            name not in self._snapshot.interfaces
            and name not in self._snapshot.unreadable
            and _lasts(absence, self._writer.now_ms)
            and not _lasts(absence, self._before_ms)
        )


def _lasts(absence: Absence, now_ms: int) -> bool:
    return now_ms - absence.since_ms >= LASTING_MS
