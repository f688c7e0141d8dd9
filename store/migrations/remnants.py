"""Remnants: text that an upgrade encrypted, still in clear in freed parts of the file.

Writing the whole file anew removes them. A fact in the store says that this is still to be done.
A file of its own, since migrations note them and a start removes them.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from peewee import PeeweeException

from store.files import free_bytes
from store.migrations import progress
from store.models import FactRow, database

FACT = "remnants"
COPIES = 2
"""SQLite writes the file into a temporary one, and from there into the write-ahead log."""


def note() -> None:
    """Note that there are remnants; called inside the transaction that makes them."""
    FactRow.insert(name=FACT, value="").on_conflict("REPLACE").execute()


def are_there() -> bool:
    """Return True if the file is still to be written anew."""
    return bool(FactRow.select().where(FactRow.name == FACT).exists())


def remove(path: Path) -> None:
    """Write the file anew; nothing is lost if that fails, and the fact stays.

    An upgrade that was to end with this has ended then.
    """
    if free_bytes(path) < COPIES * _kept_bytes():
        return
    try:
        database.execute_sql("PRAGMA temp_store = file")  # a copy in memory may not fit there
        database.execute_sql("VACUUM")
        with database.atomic():
            FactRow.delete().where(FactRow.name.in_((FACT, progress.FACT))).execute()
        database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except (PeeweeException, sqlite3.Error):
        return
    finally:
        database.execute_sql("PRAGMA temp_store = memory")


def _kept_bytes() -> int:
    """Return the bytes of the file that are in use."""
    pages, free, size = (
        int(database.execute_sql(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def warning(path: Path) -> str:
    """Return the warning about remnants: what is wrong, and the cure."""
    return (
        f"freed parts of {path} still hold URLs of webhooks in clear: with {COPIES} times its size "
        "free on the disk, `tocsin db upgrade` removes them"
    )
