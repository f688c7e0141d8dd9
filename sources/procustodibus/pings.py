"""Read what the agent of a host reports of its WireGuard interfaces.

Key material ends here: private and preshared keys never leave this module, and no error quotes
what a ping holds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from domain.hidden_fields import WithHiddenFields
from domain.safe import safe
from sources.http.messages import WrongShape, read_json
from sources.wireguard.events import HostNames
from sources.wireguard.fields import (
    LAST_COUNT,
    LAST_FWMARK,
    LAST_PORT,
    LAST_SECOND,
    Malformed,
    check_interface_name,
    check_key,
    check_number,
    split_endpoint,
)
from sources.wireguard.snapshot import (
    AHEAD_S,
    Interface,
    Peer,
    Snapshot,
    ahead_sentence,
    seconds_ahead,
)

MOST_INTERFACES = 1_000
_MOST_LISTED = 5
_LISTED_LIMIT = 500
_LONGEST_NETWORK = 64
SECRETS_WARNING = (
    "its agent sends private or preshared keys, which were dropped: set `ReadOnly = true` and "
    "`RedactSecrets = true` in its procustodibus.conf, and make new keys if the way here is not "
    "encrypted"
)
NO_INTERFACE_WARNING = (
    "its agent reports no interface: see whether one is up there, whether the agent may run "
    "`wg show all dump`, and whether procustodibus.conf says `ReadOnly = true`"
)


class _Peer(WithHiddenFields, frozen=True):
    """Peer; one that is not available is of a conf file, not of a running interface."""

    HIDDEN = ("preshared_key",)

    available: bool = True
    preshared_key: str = ""
    preshared_key_hash: str = ""
    endpoint: str | None = None
    allowed_ips: tuple[str, ...] = ()
    latest_handshake: int = 0
    transfer_rx: int = 0
    transfer_tx: int = 0
    persistent_keepalive: int | str = 0


class _Interface(WithHiddenFields, frozen=True):
    HIDDEN = ("private_key",)

    up: bool = True
    private_key: str = ""
    public_key: str = ""
    listen_port: int | str = 0
    fwmark: int | str = 0
    address: tuple[str, ...] | str | None = None
    peers: dict[str, _Peer] = msgspec.field(default_factory=dict)


class _Ping(msgspec.Struct):
    interfaces: dict[str, _Interface]


class Ping(msgspec.Struct, frozen=True):
    """Ping: what a host looked like, and a warning about how its agent was set up.

    unread: the interfaces and keys of peers with an endpoint that is none
    """

    snapshot: Snapshot
    warning: str
    unread: tuple[tuple[str, str], ...] = ()


class PingError(ValueError):
    """Raised for a body that is no ping; `place` is where in it, without quoting it."""

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.reason = reason
        self.place = place


def read_ping(body: bytes, *, host: str, received_ms: int, known: Snapshot | None = None) -> Ping:
    """Read a whole ping; its time is that of its receipt. Raises PingError.

    A peer with an endpoint that is none has the one seen last, which is in `known`: such an
    agent sends the host name of a conf file where it cannot resolve it.
    """
    try:
        ping = read_json(body, _Ping)
    except WrongShape as error:
        raise PingError(f"it is not what an agent sends ({error})", "body") from None
    if len(ping.interfaces) > MOST_INTERFACES:
        raise PingError(f"there are more than {MOST_INTERFACES}", "interfaces")
    before = known.interfaces if known is not None else {}
    unread: list[tuple[str, str]] = []
    interfaces: dict[str, Interface] = {}
    for name, given in ping.interfaces.items():
        if _is_there(given):
            peers = before[name].peers if name in before else {}
            interfaces[name], without = _interface(name, given, peers)
            unread += [(name, key) for key in without]
    snapshot = Snapshot(host=host, read_at_ms=received_ms, interfaces=interfaces)
    return Ping(snapshot, "; ".join(_warnings(ping, snapshot)), tuple(unread))


def endpoint_warning(unread: Sequence[tuple[str, str]], names: HostNames) -> str:
    """Return the warning about endpoints that are none, "" where there are no such."""
    if not unread:
        return ""
    listed = ", ".join(f"{names.peer(key)} on {name}" for name, key in unread[:_MOST_LISTED])
    more = len(unread) - _MOST_LISTED
    listed = safe(listed, _LISTED_LIMIT) + (f" and {more} more" if more > 0 else "")
    return (
        f"its agent sends an endpoint that is not an address and a port, of {listed}: "
        "the one seen last is taken to hold"
    )


def _is_there(given: _Interface) -> bool:
    """Return whether it runs: one of a conf file that is down has no peer that is available."""
    return given.up or any(peer.available for peer in given.peers.values())


def _interface(
    name: str, given: _Interface, known: Mapping[str, Peer]
) -> tuple[Interface, list[str]]:
    """Return the interface, and the keys of its peers with an endpoint that is none."""
    try:
        check_interface_name(name)
    except Malformed as error:  # a place with any text in it must not be quoted
        raise PingError(str(error), "interfaces") from None
    place = f"interfaces.{name}"
    unread: list[str] = []
    try:
        public_key = check_key(given.public_key, "its public key") if given.public_key else ""
        interface = Interface(
            public_key=public_key,
            listen_port=_number(given.listen_port, "its listen port", LAST_PORT),
            fwmark=_number(given.fwmark, "its fwmark", LAST_FWMARK),
            ifindex=None,
            peers=dict(_peers(given.peers, known, unread)),
            address=_addresses(given.address),
        )
    except Malformed as error:
        raise PingError(str(error), place) from None
    return interface, unread


def _peers(
    peers: Mapping[str, _Peer], known: Mapping[str, Peer], unread: list[str]
) -> Iterable[tuple[str, Peer]]:
    for key, given in peers.items():
        if not given.available:
            continue
        check_key(key, "the public key of a peer")
        try:
            ip, port = split_endpoint(given.endpoint) if given.endpoint else (None, None)
        except Malformed:
            ip, port = (known[key].ip, known[key].port) if key in known else (None, None)
            unread.append(key)
        hashed = given.preshared_key_hash
        yield (
            key,
            Peer(
                preshared_key_hash=check_key(hashed, "a preshared key hash") if hashed else "",
                ip=ip,
                port=port,
                allowed_ips=tuple(sorted(map(_network, given.allowed_ips))),
                handshake_s=check_number(given.latest_handshake, "a handshake", LAST_SECOND),
                rx=check_number(given.transfer_rx, "a count of bytes received", LAST_COUNT),
                tx=check_number(given.transfer_tx, "a count of bytes sent", LAST_COUNT),
                keepalive_s=_number(given.persistent_keepalive, "a keepalive", LAST_PORT),
            ),
        )


def _network(text: str) -> str:
    if len(text) > _LONGEST_NETWORK or not text.isprintable() or "," in text:
        raise Malformed("an allowed IP is not an address with a prefix")
    return text


def _number(value: int | str, what: str, highest: int) -> int:
    """Read a number; from a conf file it is text, such as "0x51" or "off"."""
    if isinstance(value, int):
        return check_number(value, what, highest)
    if value in ("", "off"):
        return 0
    try:
        return check_number(int(value, 0), what, highest)
    except ValueError as error:
        raise Malformed(
            str(error) if isinstance(error, Malformed) else f"{what} is not a number"
        ) from None


def _addresses(given: tuple[str, ...] | str | None) -> tuple[str, ...] | None:
    """Return the addresses of an interface but link-local ones, which each start makes anew."""
    if given is None:
        return None
    items = given.split(",") if isinstance(given, str) else given
    found = [_network(item.strip()) for item in items]
    return tuple(sorted(item for item in found if item and not _is_link_local(item)))


def _is_link_local(item: str) -> bool:
    try:
        return ipaddress.ip_interface(item).is_link_local
    except ValueError:
        return False


def _warnings(ping: _Ping, snapshot: Snapshot) -> Iterable[str]:
    if any(
        given.private_key or any(peer.preshared_key for peer in given.peers.values())
        for given in ping.interfaces.values()
    ):
        yield SECRETS_WARNING
    ahead = seconds_ahead(snapshot)
    if ahead > AHEAD_S:
        yield ahead_sentence(ahead)
    if not ping.interfaces:
        yield NO_INTERFACE_WARNING
