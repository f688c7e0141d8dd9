"""Whether the clock of a host is ahead of ours, as its handshakes tell."""

from __future__ import annotations

from sources.wireguard.snapshot import Snapshot

AHEAD_S = 120
"""How far it may be ahead."""


def seconds_ahead(snapshot: Snapshot) -> int:
    """By how many seconds the newest handshake is later than the look at it; 0 if it is not."""
    newest_s = max(
        (peer.handshake_s for one in snapshot.interfaces.values() for peer in one.peers.values()),
        default=0,
    )
    return max(0, newest_s - snapshot.read_at_ms // 1000)


def ahead_sentence(ahead: int) -> str:
    """What an admin reads of it."""
    return f"its clock is about {ahead} s ahead of ours: let NTP set both"
