"""One process at a time works a source: two that start from one state would tell all twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def lock_file(store: Path, name: str) -> Path:
    """The lock of the source `name` of a store."""
    return store.with_name(f"{store.name}.source-{name}.lock")


@contextmanager
def alone(file: Path) -> Iterator[bool]:
    """Whether we hold the lock, until the end of the block; the system frees it if we die."""
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
