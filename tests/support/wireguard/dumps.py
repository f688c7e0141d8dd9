"""Texts as `wg show all dump` prints them, with keys made from names."""

from __future__ import annotations

import hashlib
from base64 import b64encode

import msgspec

from sources.wireguard.dump import parse_dump
from sources.wireguard.snapshot import Snapshot


def key(name: str) -> str:
    """A key that belongs to the name, in the form of WireGuard's."""
    return b64encode(hashlib.sha256(name.encode()).digest()).decode()


class PeerRow(msgspec.Struct, frozen=True):
    """One peer line."""

    name: str
    interface: str = "wg0"
    preshared_key: str = "(none)"
    endpoint: str = "198.51.100.2:35001"
    allowed_ips: str = "10.99.0.2/32"
    handshake: int | str = 1_795_502_102
    rx: int | str = 404
    tx: int | str = 348
    keepalive: str = "off"

    @property
    def text(self) -> str:
        """The line."""
        fields = (
            self.interface,
            key(self.name),
            self.preshared_key,
            self.endpoint,
            self.allowed_ips,
            self.handshake,
            self.rx,
            self.tx,
            self.keepalive,
        )
        return "\t".join(map(str, fields)) + "\n"


def idle(name: str) -> PeerRow:
    """A configured peer that never came."""
    return PeerRow(name, endpoint="(none)", handshake=0, rx=0, tx=0)


def interface_row(name: str = "wg0", *, port: str = "51820", fwmark: str = "off") -> str:
    """The line of an interface; its private key is key("private " + name)."""
    return "\t".join((name, key(f"private {name}"), key(name), port, fwmark)) + "\n"


def dump(*peers: PeerRow) -> str:
    """The dump of wg0 with these peers."""
    return interface_row() + "".join(peer.text for peer in peers)


def snapshot(
    text: str,
    *,
    read_at_ms: int = 1_795_502_130_500,
    ifindex: int | None = 5,
    host: str = "hub",
) -> Snapshot:
    """Return the host with this dump."""
    return parse_dump(text, host=host, read_at_ms=read_at_ms, ifindex=lambda _: ifindex)
