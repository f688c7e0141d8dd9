"""Whether this host's WireGuard is watched: by the setting, or by a command that asks none."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from domain.settings import Settings

Watched = Literal["off", "on", "command"]
"""`on` by the setting, `command` by a `tocsin source run` or a `tocsin worker --source`."""


def how_watched(store_path: Path, settings: Settings, kind: str) -> Watched:
    """How a source of this host is watched now; a command that ended watches no more at once."""
    if settings.wireguard:
        return "on"
    return "command" if _is_held(_lock_file(store_path, kind)) else "off"


@contextmanager
def watching_by_command(store_path: Path, kind: str) -> Iterator[None]:
    """Let everyone see that a command watches a source; the system sees to its end."""
    descriptor = os.open(_lock_file(store_path, kind), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _lock_file(store_path: Path, kind: str) -> Path:
    return store_path.with_name(f"{store_path.name}.{kind}-command.lock")


def _is_held(lock_file: Path) -> bool:
    """Whether a command shares the lock; who asks at the same moment has all of it for an instant.

    So it is held if nobody may have all of it, but everybody a share.
    """
    try:
        descriptor = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _takes(descriptor, fcntl.LOCK_EX) and _takes(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _takes(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
