"""What was seen at the last look, in a few words: how many peers on which interface."""

from __future__ import annotations

from domain.wording import counted
from sources.wireguard.snapshot import StateError, decode_state

NOTHING_UP = (
    "no WireGuard interface is up: bring one up, or correct the source's command: it must print "
    "what `wg show all dump` prints"
)
_MOST_LISTED = 10


def snapshot_summary(state: bytes) -> str:
    """ "3 peers on wg0, 1 peer on wg1", or that there is no interface; "" if it cannot be read."""
    try:
        remembered = decode_state(state)
    except StateError:
        return ""
    up = {
        name: interface
        for name, interface in sorted(remembered.snapshot.interfaces.items())
        if name not in remembered.absent
    }
    counts = [f"{counted(len(up[name].peers), 'peer')} on {name}" for name in up]
    more = len(counts) - _MOST_LISTED
    shown = ", ".join(counts[:_MOST_LISTED]) or "no interface"
    return f"{shown} and {counted(more, 'more interface')}" if more > 0 else shown
