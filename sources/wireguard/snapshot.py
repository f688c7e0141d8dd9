"""Snapshot of a WireGuard host at one moment, and the state from poll to poll.

Neither form has a field for a private or a preshared key.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from domain.wording import counted
from sources.wireguard.alert_memory import AlertMemory

_VERSION = 1

REMEMBER_GONE_MS = 30 * 86_400_000
"""Time for which an interface or a removed peer is remembered, should it come back."""

NOTHING_UP = (
    "no WireGuard interface is up: bring one up, or correct the source's command: it must print "
    "what `wg show all dump` prints"
)

_MOST_LISTED = 10

AHEAD_S = 120
"""Seconds by which a host's clock may be ahead without a warning."""


class Peer(msgspec.Struct, frozen=True, array_like=True):
    """Peer of an interface. Stored as an array: new fields go at the end, with a default.

    preshared_key_hash: base64 of the SHA-256 of the raw key, "" without one
    ip, port:           the peer's endpoint, None until it is known
    handshake_s:        the last handshake in seconds since 1970, 0 for never
    rx, tx:             bytes received and sent since the peer was configured
    keepalive_s:        seconds between keepalives, 0 for off
    """

    preshared_key_hash: str
    ip: str | None
    port: int | None
    allowed_ips: tuple[str, ...]
    handshake_s: int
    rx: int
    tx: int
    keepalive_s: int


class Interface(msgspec.Struct, frozen=True):
    """Interface of WireGuard; public_key is "" and fwmark 0 where there is none.

    ifindex is the kernel's number of the interface, a new one after each restart; address is its
    own addresses in the tunnel. Both are None where they cannot be known.
    """

    public_key: str
    listen_port: int
    fwmark: int
    ifindex: int | None
    peers: Mapping[str, Peer]
    address: tuple[str, ...] | None = None

    def restarted_since(self, before: Interface) -> bool:
        """Return whether it is known to be a new interface, without the old sessions."""
        return None not in (before.ifindex, self.ifindex) and before.ifindex != self.ifindex


class Snapshot(msgspec.Struct, frozen=True):
    """All interfaces of a host by name, as read at read_at_ms.

    host is the key of the host in ids, not its name; unreadable names the interfaces of which
    nothing but their existence is known.
    """

    host: str
    read_at_ms: int
    interfaces: Mapping[str, Interface]
    unreadable: tuple[str, ...] = ()


class Baseline(msgspec.Struct, frozen=True, array_like=True):
    """Totals of an endpoint in its last event: the next delta counts from here.

    Below 0 after its counters began anew, by the bytes that were seen before and not reported.
    """

    rx: int
    tx: int

    def anew_after(self, last: Peer) -> Baseline:
        """Return the baseline after the counters began at 0 again; `last` was before that."""
        return Baseline(self.rx - last.rx, self.tx - last.tx)

    @property
    def has_unreported(self) -> bool:
        """Return whether bytes from before the counters began are still to be reported."""
        return self.rx <= 0 and self.tx <= 0 and self.rx + self.tx < 0


class Absence(msgspec.Struct, frozen=True, array_like=True):
    """Absence of an interface that was there before: since when, and whether it was reported."""

    since_ms: int
    reported: bool = False


class State(msgspec.Struct, frozen=True):
    """State of the source: the last snapshot of each interface, and the baselines.

    baselines are by interface name, then by the peer's public key, also of a removed peer with
    unreported bytes. removed has the time at which a remembered peer was first missing from its
    interface. absent is by interface name. The snapshot also has the interfaces that are gone, as
    they last were, and the last endpoint of a peer that has none now.
    """

    snapshot: Snapshot
    baselines: Mapping[str, Mapping[str, Baseline]]
    version: int = 1
    absent: Mapping[str, Absence] = {}
    memory: AlertMemory = AlertMemory()
    removed: Mapping[str, Mapping[str, int]] = {}


class StateError(ValueError):
    """The stored state is not one that this version can read."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(State)


def encode_state(state: State) -> bytes:
    """Return a state as the bytes to be stored."""
    return _encoder.encode(state)


def decode_state(stored: bytes) -> State:
    """Read the bytes of encode_state. Raises StateError."""
    try:
        state = _decoder.decode(stored)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError(f"it is damaged ({type(error).__name__})") from None
    if state.version != _VERSION:
        raise StateError(f"it has form {state.version}, and this version reads form {_VERSION}")
    return state


class _HostState(msgspec.Struct, frozen=True):
    """Part of a state of any version, with the key of its host."""

    class _Snapshot(msgspec.Struct, frozen=True):
        host: str

    snapshot: _Snapshot


def host_of(stored: bytes) -> str | None:
    """Return the key of a stored state's host, also where the rest cannot be used."""
    try:
        return msgspec.json.decode(stored, type=_HostState).snapshot.host
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def read_state(stored: bytes | None) -> tuple[State | None, str]:
    """Return the stored state, and a warning if it cannot be used."""
    if stored is None:
        return None, ""
    try:
        return decode_state(stored), ""
    except StateError as error:
        return None, (
            f"what this source remembered cannot be used: {error}; it started afresh, "
            "and the traffic since the last event is not counted"
        )


def next_state(
    previous: State | None,
    snapshot: Snapshot,
    baselines: Mapping[str, Mapping[str, Baseline]],
    memory: AlertMemory,
) -> State:
    """Return the state after this poll."""
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
    """Return the baselines without those of removed peers that are forgotten by now."""
    if len(baselines) == len(interface.peers):  # every peer has one
        return baselines
    return {
        key: known for key, known in baselines.items() if key in interface.peers or key in removed
    }


def _removed(
    previous: State, snapshot: Snapshot, interfaces: Mapping[str, Interface]
) -> dict[str, Mapping[str, int]]:
    """Return the remembered peers that are gone from interfaces that are there."""
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
    """Return the interfaces that are gone; the second poll in a row reports it."""
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
    """Return the interface with the last endpoint of each peer that has none now."""
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


def snapshot_summary(state: bytes) -> str:
    """Return "3 peers on wg0, 1 peer on wg1", or "no interface"; "" if the state cannot be read."""
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


def seconds_ahead(snapshot: Snapshot) -> int:
    """Return the seconds by which the newest handshake is later than the poll; 0 if it is not."""
    newest_s = max(
        (
            peer.handshake_s
            for interface in snapshot.interfaces.values()
            for peer in interface.peers.values()
        ),
        default=0,
    )
    return max(0, newest_s - snapshot.read_at_ms // 1000)


def ahead_sentence(ahead: int) -> str:
    """Return a sentence about a clock that is ahead, for the admin."""
    return f"its clock is about {ahead} s ahead of ours: let NTP set both"
