"""Versions of a store, by which writes of other processes are noticed, and a check of its lock."""

from __future__ import annotations

import sqlite3

import msgspec

from store import migrations
from store.errors import StoreOvertaken
from store.failures import is_busy
from store.models import database

PRAGMAS = ("data_version", "user_version")
LOCK_PATIENCE_MS = 100
"""Longer than any commit in passing takes; short, since keys wait for it."""


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
