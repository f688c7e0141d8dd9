"""Reader of the text of `wg show all dump`.

Key material ends here: private and preshared keys never leave this module, and no error quotes the
content of a line.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Sequence

from sources.wireguard.fields import (
    LAST_COUNT,
    LAST_PORT,
    LAST_SECOND,
    Malformed,
    check_interface_name,
    check_key,
    read_number,
    split_endpoint,
)
from sources.wireguard.snapshot import Interface, Peer, Snapshot

_NONE = "(none)"
_HIDDEN = "(hidden)"
_HASHED = "sha256:"
"""Prefix of the hash of a preshared key in a dump without keys."""

_OFF = "off"


class DumpError(ValueError):
    """The text is not a whole dump. `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line} of the dump: {reason}")
        self.line = line
        self.reason = reason


def parse_dump(
    text: str,
    *,
    host: str,
    read_at_ms: int,
    ifindex: Callable[[str], int | None],
    unreadable: Collection[str] = (),
) -> Snapshot:
    """Read a whole dump; the order of its lines is of no importance.

    Facts that the dump lacks are given: `ifindex` returns the number of an interface, `unreadable`
    names those that are there and could not be read.
    """
    reader = _Reader()
    for number, line in enumerate(_whole_lines(text), start=1):
        try:
            reader.read(number, line.split("\t"))
        except Malformed as error:
            raise DumpError(number, str(error)) from None
    reader.check_that_peers_have_an_interface()
    interfaces = {
        name: Interface(*facts, ifindex=ifindex(name), peers=reader.peers.get(name, {}))
        for name, facts in reader.interfaces.items()
    }
    return Snapshot(host, read_at_ms, interfaces, tuple(sorted(unreadable)))


def without_keys(text: str) -> str:
    """Return a whole dump without its private keys, and with preshared keys as their hashes.

    It is read as the dump itself is. Raises DumpError.
    """
    return "".join(_without_keys(*line) for line in enumerate(_whole_lines(text), start=1))


def _without_keys(number: int, line: str) -> str:
    fields = line.split("\t")
    try:
        if len(fields) == 5:
            fields[1] = _HIDDEN
        elif len(fields) == 9:
            fields[2] = _HASHED + _preshared_key_hash(fields[2])
        else:
            raise Malformed(_wrong_count(len(fields)))
    except Malformed as error:
        raise DumpError(number, str(error)) from None
    return "\t".join(fields) + "\n"


class _Reader:
    """Content of the lines that are read so far."""

    def __init__(self) -> None:
        self.interfaces: dict[str, tuple[str, int, int]] = {}
        self.peers: dict[str, dict[str, Peer]] = {}
        self._first_peer_line: dict[str, int] = {}

    def read(self, number: int, fields: Sequence[str]) -> None:
        if len(fields) == 5:
            _add_interface(self.interfaces, fields)
        elif len(fields) == 9:
            _add_peer(self.peers.setdefault(fields[0], {}), fields)
            self._first_peer_line.setdefault(fields[0], number)
        else:
            raise Malformed(_wrong_count(len(fields)))

    def check_that_peers_have_an_interface(self) -> None:
        for name, number in self._first_peer_line.items():
            if name not in self.interfaces:
                raise DumpError(number, "it is a peer of an interface that the dump does not list")


def _whole_lines(text: str) -> Sequence[str]:
    lines = text.split("\n")
    if lines.pop():
        raise DumpError(len(lines) + 1, "the dump ends in the middle of it")
    return lines


def _add_interface(interfaces: dict[str, tuple[str, int, int]], fields: Sequence[str]) -> None:
    name, _private_key, public_key, listen_port, fwmark = fields
    if check_interface_name(name) in interfaces:
        raise Malformed("its interface was listed before")
    interfaces[name] = (
        _optional_key(public_key, "the public key"),
        read_number(listen_port, "the listen port", LAST_PORT),
        _fwmark(fwmark),
    )


def _add_peer(peers: dict[str, Peer], fields: Sequence[str]) -> None:
    (_, public_key, preshared_key, endpoint, allowed_ips, handshake, rx, tx, keepalive) = fields
    check_key(public_key, "the public key")
    if public_key in peers:
        raise Malformed("its peer was listed before")
    ip, port = _endpoint(endpoint)
    peers[public_key] = Peer(
        preshared_key_hash=_preshared_key_hash(preshared_key),
        ip=ip,
        port=port,
        allowed_ips=_allowed_ips(allowed_ips),
        handshake_s=read_number(handshake, "the latest handshake", LAST_SECOND),
        rx=read_number(rx, "the count of bytes received", LAST_COUNT),
        tx=read_number(tx, "the count of bytes sent", LAST_COUNT),
        keepalive_s=0 if keepalive == _OFF else read_number(keepalive, "the keepalive", LAST_PORT),
    )


def _wrong_count(count: int) -> str:
    if count in (4, 8):
        return f"it has {count} fields, as in the dump of one interface and not of `all`"
    return f"it has {count} fields where an interface has 5 and a peer 9"


def _optional_key(field: str, what: str) -> str:
    if field == _NONE:
        return ""
    return check_key(field, what)


def _preshared_key_hash(field: str) -> str:
    if field.startswith(_HASHED):
        hashed = field.removeprefix(_HASHED)
        return hashed and check_key(hashed, "the hash of the preshared key")
    key = _optional_key(field, "the preshared key")
    return b64encode(hashlib.sha256(b64decode(key)).digest()).decode() if key else ""


def _endpoint(field: str) -> tuple[str | None, int | None]:
    if field == _NONE:
        return None, None
    return split_endpoint(field)


def _allowed_ips(field: str) -> tuple[str, ...]:
    return () if field == _NONE else tuple(sorted(field.split(",")))


def _fwmark(field: str) -> int:
    if field == _OFF:
        return 0
    if not re.fullmatch(r"0x[0-9a-f]{1,8}", field):
        raise Malformed("the fwmark is neither off nor a number such as 0x51")
    return int(field, 16)
