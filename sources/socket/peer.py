"""Who is at the other end of a Unix socket, as the kernel says."""

from __future__ import annotations

import pwd
import socket
import struct

import msgspec

_CREDENTIALS = struct.Struct("3i")


class PeerProcess(msgspec.Struct, frozen=True):
    """A process and its user; `pid` is None where the system does not tell."""

    user: str
    pid: int | None = None


def peer_process(connection: socket.socket) -> PeerProcess:
    """The process that opened the connection."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return PeerProcess("unknown")
    pid, uid, _ = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    )
    return PeerProcess(_user(uid), pid)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
