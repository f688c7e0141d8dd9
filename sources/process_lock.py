"""Lock by which one process at a time runs a source.

Apart, since polling and services use it. Two processes that start from one state would report
everything twice.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sources.base import SourceError
from store.files import open_lock


def lock_file(store: Path, name: str) -> Path:
    """Return the path of the lock of the source `name` of a store."""
    return store.with_name(f"{store.name}.source-{name}.lock")


@contextmanager
def process_lock(file: Path) -> Iterator[bool]:
    """Hold the lock and yield True, or yield False; the system frees it when the process dies.

    Raises SourceError where there can be no lock.
    """
    try:
        descriptor = open_lock(file)
    except OSError as error:
        raise _no_lock(file, error) from error
    try:
        yield _lock(file, descriptor)
    finally:
        os.close(descriptor)


def _lock(file: Path, descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _no_lock(file, error) from error
    return True


def _no_lock(file: Path, error: OSError) -> SourceError:
    return SourceError(
        f"{file} cannot be locked: {error.strerror or error}",
        "see that this account may write there",
    )
