"""Sockets on WireGuard addresses that take only what comes by the tunnel, and those addresses.

Linux takes what is for an address of the host at any of its interfaces: whoever is in the same
network could ask a WireGuard address too, and a client whose tunnel is down would send its token
there unencrypted. To tie the socket to the interface would end it with the next restart of that.

The addresses of interfaces are asked for in the one way that a hardened service has too: where its
address families are restricted it has no netlink, so `ip` fails there.
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

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER of Linux
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_TYPE_OF_INTERFACE = 0xFFFFF01C
_LOOPBACK = 772
_WITHOUT_LINK = 65_534  # what a tunnel is: WireGuard in the kernel, and of a program
_WHOLE, _NOTHING = 0xFFFFFFFF, 0

_PROGRAM = (
    (_LOAD, 0, 0, _TYPE_OF_INTERFACE),
    (_JUMP_IF_EQUAL, 1, 0, _LOOPBACK),
    (_JUMP_IF_EQUAL, 0, 1, _WITHOUT_LINK),
    (_RETURN, 0, 0, _WHOLE),
    (_RETURN, 0, 0, _NOTHING),
)
_INSTRUCTION = struct.Struct("HBBI")
_PROGRAM_AT = struct.Struct("HP")


def take_only_tunnels(listener: socket.socket) -> None:
    """Take what comes by a tunnel or from this host; the rest gets no answer. Raises OSError."""
    code = array.array("B", b"".join(_INSTRUCTION.pack(*words) for words in _PROGRAM))
    place, _ = code.buffer_info()
    program = _PROGRAM_AT.pack(len(_PROGRAM), place)
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def all_addresses() -> Iterator[tuple[str, Address]]:
    """Yield pairs of an interface and an address of it; none where the system has no such call."""
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
