"""Which host a source looks at: its key in ids, which never changes, and its name, which may."""

from __future__ import annotations

import socket
from pathlib import Path

from domain.source_kinds import LOCAL

MACHINE_ID_FILE = Path("/etc/machine-id")


def host_key(source: str, host: str, machine_id_file: Path = MACHINE_ID_FILE) -> str:
    """The key of the host that a source without memory looks at.

    Each source has its own, whatever its command: two that look at different hosts, or by
    different ways at one, must not give the same ids. Only the source LOCAL, which stands for
    this machine, has the machine's.
    """
    machine = host or machine_key(machine_id_file)
    return machine if source == LOCAL else f"{machine}/{source}"


def host_name(source: str, host: str, *, is_local: bool) -> str:
    """What people call it: as they said, else this machine's name, else the source's."""
    return host or (socket.gethostname() if is_local else source)


def machine_key(machine_id_file: Path) -> str:
    """What tells this machine from others: its machine id, else its host name."""
    try:
        return machine_id_file.read_text(encoding="ascii").strip() or socket.gethostname()
    except (OSError, UnicodeDecodeError):
        return socket.gethostname()
