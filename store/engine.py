"""SQLite engine of a store: its pragmas, and how it waits for the lock of those who write."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from peewee import SQL, InterfaceError, PeeweeException, SqliteDatabase

from store.errors import is_busy

BUSY_TIMEOUT_S = 30
_SHORT_PAUSE_S = 0.0003
_LONG_PAUSE_S = 0.005
_SHORT_FOR_S = 0.5


class StoreConnection(sqlite3.Connection):
    """Connection to a store, of one thread.

    has_older_events: the events that it shows are of before schema 4, and not in the order of keys
    """

    has_older_events = False


class PatientDatabase(SqliteDatabase):
    """Engine that asks for the write lock often.

    SQLite itself sleeps for up to 100 ms between two tries, and misses every short pause of one
    that writes much; who asks often waits about as long as that one's longest transaction takes.
    """

    def connection(self) -> StoreConnection:
        """Return the connection of this thread; where it has none, none is opened."""
        if self.is_closed():
            raise InterfaceError("this thread has no connection to the store")
        connection: StoreConnection = super().connection()  # type: ignore[no-untyped-call]
        return connection

    def begin(self, lock_type: str | None = None) -> None:
        """Begin a transaction; wait for the lock as long as the connection's busy_timeout says."""
        if lock_type == "DEFERRED":
            super().begin(lock_type)
            return
        connection = self.connection()
        ((patience_ms,),) = connection.execute("PRAGMA busy_timeout").fetchall()
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._begin_when_free(lock_type, patience_ms / 1000)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {patience_ms:d}")

    def _begin_when_free(self, lock_type: str | None, patience_s: float) -> None:
        began_s = time.monotonic()
        while True:
            try:
                super().begin(lock_type)
                return
            except (PeeweeException, sqlite3.Error) as error:
                waited_s = time.monotonic() - began_s
                if not is_busy(error) or waited_s >= patience_s:
                    raise
            time.sleep(_SHORT_PAUSE_S if waited_s < _SHORT_FOR_S else _LONG_PAUSE_S)


def sqlite(path: Path) -> PatientDatabase:
    """Return the engine with the pragmas that are of the connection and change nothing in the file.

    FULL syncs every commit: what was acknowledged survives a power cut. A checkpoint comes every
    1,000 pages (4 MB): keys and moments grow at their ends, so that few pages are written by
    several commits, and a later one would only hold for longer whoever makes it.
    """
    return PatientDatabase(
        str(path),
        factory=StoreConnection,
        autoconnect=False,
        lock_type="IMMEDIATE",
        returning_clause=True,
        timeout=BUSY_TIMEOUT_S,
        pragmas=(
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("cache_size", -8000),
            ("temp_store", "memory"),
            ("journal_size_limit", 64 * 1024 * 1024),
            ("wal_autocheckpoint", 1000),
        ),
    )


def each_of(numbers: Iterable[int]) -> SQL:
    """Return a query of these numbers, passed as one parameter, however many they are."""
    return SQL("(SELECT value FROM json_each(?))", (json.dumps([*numbers]),))
