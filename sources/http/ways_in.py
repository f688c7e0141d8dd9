"""Keeps a socket on a WireGuard address from being asked outside of the tunnel.

Linux takes what is for an address of the host at any of its interfaces: whoever is in the same
network could ask a WireGuard address too, and a client whose tunnel is down would send its token
there unencrypted. To tie the socket to the interface would end it with the next restart of that.
"""

from __future__ import annotations

import array
import socket
import struct

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
    code = array.array("B", b"".join(_INSTRUCTION.pack(*one) for one in _PROGRAM))
    place, _ = code.buffer_info()
    program = _PROGRAM_AT.pack(len(_PROGRAM), place)
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
