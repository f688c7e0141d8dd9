"""The addresses of this host's interfaces, asked in the one way that a hardened service has too.

A service whose address families are restricted has no netlink, so `ip` fails there.
"""

from __future__ import annotations

import array
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_ASK = 0x8912  # SIOCGIFCONF of Linux
_ANSWER = struct.Struct("iL")
_ROW_BYTES = 40
_NAME_BYTES = 16
_ADDRESS_AT = slice(20, 24)
_MOST_ROWS = 4096
_IPV6 = Path("/proc/self/net/if_inet6")


def all_addresses() -> Iterator[tuple[str, Address]]:
    """The name of an interface and one of its addresses; none where the system has other ways."""
    with suppress(OSError):
        yield from _ipv4()
    with suppress(OSError):
        yield from _ipv6(_IPV6.read_text())


def _ipv4() -> Iterator[tuple[str, Address]]:
    rows = array.array("B", bytes(_ROW_BYTES * _MOST_ROWS))
    place, _ = rows.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        answer = fcntl.ioctl(asking, _ASK, _ANSWER.pack(len(rows), place))
    length, _ = _ANSWER.unpack(answer)
    data = rows.tobytes()[:length]
    for at in range(0, length, _ROW_BYTES):
        row = data[at : at + _ROW_BYTES]
        name = row[:_NAME_BYTES].partition(b"\0")[0].decode()
        # An address with a label of its own is listed as "wg0:label".
        yield name.partition(":")[0], ipaddress.IPv4Address(row[_ADDRESS_AT])


def _ipv6(text: str) -> Iterator[tuple[str, Address]]:
    for line in text.splitlines():
        address, *_, name = line.split()
        yield name, ipaddress.IPv6Address(bytes.fromhex(address))
