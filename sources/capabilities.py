"""Capability CAP_NET_ADMIN, the right to query the kernel's WireGuard: child processes lose it.

A service has it in its ambient set, which every program that is started inherits. Linux keeps that
set for each thread; new threads have that of the thread that made them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/thread-self/status")
_SETS = re.compile(r"^Cap(\w+):\s*([0-9a-f]+)$", re.MULTILINE)

# linux/capability.h and linux/prctl.h
_NET_ADMIN = 12
_PR_CAP_AMBIENT = 47
_RAISE = 2
_CLEAR_ALL = 4


def keep_from_children() -> None:
    """Let processes started by this thread, or by threads made by it, inherit no capability."""
    if _sets().get("Amb"):
        _change_ambient(_CLEAR_ALL)


def is_held() -> bool:
    """Return True if the program has the capability and may leave it to its children."""
    sets = _sets()
    return bool(sets.get("Prm", 0) & sets.get("Inh", 0) & 1 << _NET_ADMIN)


@contextmanager
def left_to_children() -> Iterator[None]:
    """Let processes that this thread starts query WireGuard. The capability must be held."""
    _change_ambient(_RAISE, _NET_ADMIN)
    try:
        yield
    finally:
        _change_ambient(_CLEAR_ALL)


def _sets() -> dict[str, int]:
    """Return the capabilities of this thread by set; none of a system that is not Linux."""
    try:
        status = _STATUS.read_text()
    except OSError:
        return {}
    return {name: int(bits, 16) for name, bits in _SETS.findall(status)}


def _change_ambient(operation: int, capability: int = 0) -> None:
    import ctypes  # where there is a capability alone: it takes milliseconds

    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_ulong(number) for number in (operation, capability, 0, 0))
    if libc.prctl(_PR_CAP_AMBIENT, *arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl: {os.strerror(error)}")
