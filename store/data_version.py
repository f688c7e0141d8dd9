"""Changes by other processes, noticed by PRAGMA data_version and by the times of the files."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from store import migrations
from store.errors import StoreOvertaken, is_busy
from store.models import database

PRAGMAS = ("data_version", "user_version")
LOCK_PATIENCE_MS = 100
"""Wait for the lock of another: longer than a usual commit takes, short since keys wait for it."""

FRESH_NS = 1_000_000_000
LONGEST_NS = 1_000_000_000


class StoreVersions(msgspec.Struct, frozen=True):
    """Versions of data and schema; each commit of another connection moves `data_version`."""

    data_version: int
    schema: int

    @property
    def is_newer(self) -> bool:
        """True if a newer Tocsin has migrated the store."""
        return self.schema > migrations.LATEST


def read_versions() -> StoreVersions:
    """Read the versions; this takes a few microseconds, and is done several times a second."""
    execute = database.connection().execute
    ((version,), (schema,)) = (execute(f"PRAGMA {name}").fetchone() for name in PRAGMAS)
    return StoreVersions(int(version), int(schema))


def is_locked() -> bool:
    """Return True if another connection keeps writes from beginning, for a tenth of a second."""
    execute = database.connection().execute
    ((patience_ms,),) = execute("PRAGMA busy_timeout").fetchall()
    execute(f"PRAGMA busy_timeout = {LOCK_PATIENCE_MS}")
    try:
        execute("BEGIN IMMEDIATE")
        execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return is_busy(error)
    finally:
        execute(f"PRAGMA busy_timeout = {patience_ms}")
    return False


def is_overtaken() -> bool:
    """Return True if the schema is newer than this process knows."""
    return migrations.current_version(database) > migrations.LATEST


def check_schema() -> None:
    """Raise StoreOvertaken if the schema is newer than this process knows."""
    if is_overtaken():
        raise StoreOvertaken("a newer Tocsin has changed the store: upgrade this one")


class FileTimes:
    """The last writes to a store's files, as they were when it was last called."""

    def __init__(
        self,
        path: Path,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._paths = (str(path), f"{path}-wal")
        self._now_ns = now_ns
        self._monotonic_ns = monotonic_ns
        self._seen: tuple[tuple[int, int, int] | None, ...] = ()
        self._looked_ns: int | None = None

    def needs_read(self) -> bool:
        """Return True if the store is to be read now; the caller does so then."""
        seen = tuple(map(_state, self._paths))
        before, self._seen = self._seen, seen
        if seen == before and not self._is_fresh() and not self._is_overdue():
            return False
        self._looked_ns = self._monotonic_ns()
        return True

    def _is_fresh(self) -> bool:
        """Return True if a write is so recent that its commit may yet come, or in the future."""
        newest_ns = max((state[0] for state in self._seen if state is not None), default=0)
        return self._now_ns() - newest_ns < FRESH_NS

    def _is_overdue(self) -> bool:
        looked_ns = self._looked_ns
        return looked_ns is None or self._monotonic_ns() - looked_ns >= LONGEST_NS


def _state(path: str) -> tuple[int, int, int] | None:
    """Return the time of a file's last write, its size and its number; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
