"""What a WireGuard host looked like at one moment, and what is remembered from poll to poll.

Neither form has a place for a private or a preshared key.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sources.wireguard.alerts.memory import AlertMemory


class Peer(msgspec.Struct, frozen=True, array_like=True):
    """One peer of an interface. Stored as an array: new fields go at the end, with a default.

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
    """One WireGuard interface; public_key is "" and fwmark 0 where there is none.

    ifindex is the kernel's number of the interface, another one after each restart; address is
    its own addresses in the tunnel. Both are None where they cannot be known.
    """

    public_key: str
    listen_port: int
    fwmark: int
    ifindex: int | None
    peers: Mapping[str, Peer]
    address: tuple[str, ...] | None = None

    def restarted_since(self, before: Interface) -> bool:
        """Whether it is known to be another one than before, which has forgotten all sessions."""
        return None not in (before.ifindex, self.ifindex) and before.ifindex != self.ifindex


class Snapshot(msgspec.Struct, frozen=True):
    """All interfaces of a host by name, as read at read_at_ms.

    host is the key of the host in ids, not its name; unreadable names the interfaces that are
    there and of which nothing else could be learned.
    """

    host: str
    read_at_ms: int
    interfaces: Mapping[str, Interface]
    unreadable: tuple[str, ...] = ()


class Baseline(msgspec.Struct, frozen=True, array_like=True):
    """The totals of an endpoint that its events have told of: its next delta counts from here.

    Below 0 after its counters began anew, by the bytes that were seen before and not told.
    """

    rx: int
    tx: int

    def anew_after(self, last: Peer) -> Baseline:
        """The baseline once the counters begin at 0 again, which were last seen as `last`."""
        return Baseline(self.rx - last.rx, self.tx - last.tx)

    @property
    def has_unreported(self) -> bool:
        """Tell whether bytes from before the counters began are still to be told."""
        return self.rx <= 0 and self.tx <= 0 and self.rx + self.tx < 0


class Absence(msgspec.Struct, frozen=True, array_like=True):
    """An interface that was there before: since when it is gone, and whether that was told."""

    since_ms: int
    reported: bool = False


class State(msgspec.Struct, frozen=True):
    """What the source remembers: the last snapshot of each interface, and the baselines.

    baselines are by interface name, then by the peer's public key, also of a removed peer with
    bytes that were not told; and so is removed: when a peer that is remembered was first missing
    from its interface. absent is by interface name. The
    snapshot also has the interfaces that are gone, as they last were, and the endpoint that a
    peer was last seen at while it has none.
    """

    snapshot: Snapshot
    baselines: Mapping[str, Mapping[str, Baseline]]
    version: int = 1
    absent: Mapping[str, Absence] = {}
    memory: AlertMemory = AlertMemory()
    removed: Mapping[str, Mapping[str, int]] = {}


class StateError(ValueError):
    """The stored state is not one that this version can read."""


_VERSION = 1
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(State)


def encode_state(state: State) -> bytes:
    """Write a state as the bytes to be stored."""
    return _encoder.encode(state)


def decode_state(stored: bytes) -> State:
    """Read what encode_state wrote, or raise StateError."""
    try:
        state = _decoder.decode(stored)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError(f"it is damaged ({type(error).__name__})") from None
    if state.version != _VERSION:
        raise StateError(f"it has form {state.version}, and this version reads form {_VERSION}")
    return state


class _WhoseState(msgspec.Struct, frozen=True):
    """As much of a state of any version as tells which host it is about."""

    class Host(msgspec.Struct, frozen=True):
        host: str

    snapshot: Host


def host_of(stored: bytes) -> str | None:
    """The key of the host that a stored state is about, also where the rest cannot be used."""
    try:
        return msgspec.json.decode(stored, type=_WhoseState).snapshot.host
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
