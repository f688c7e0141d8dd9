"""Migrations: the schema of a file, and the steps from there to today's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from peewee import DatabaseProxy, PeeweeException, SqliteDatabase

from store.errors import StoreUnavailable, WrongKey, unavailable
from store.migrations import (
    m0001_initial,
    m0002_refusals,
    m0003_encrypted_urls,
    m0004_event_keys,
    progress,
)
from store.vault import Vault

APPLICATION_ID = 0x70C51201
"""Marks a file as a Tocsin store (SQLite's header field for that purpose)."""

_UNRELEASED_ID = 0x70C51200
"""Marks the stores from before the first release; no step leads from their schemas to today's."""

NONE = 0
STEPS: tuple[Callable[[DatabaseProxy, Vault | None], None], ...] = (
    m0001_initial.up,
    m0002_refusals.up,
    m0003_encrypted_urls.up,
    m0004_event_keys.up,
)
LATEST = len(STEPS)
PREPARED = {4: m0004_event_keys}
"""Modules of the steps of which most can be done before, in short transactions."""

ENCRYPTED_URLS = 3
"""The schema from which on no URL of a webhook stands in clear."""


def version_of(database: DatabaseProxy, path: Path) -> int:
    """Return the schema number of an open file; NONE if nothing is in it yet.

    One read transaction: another process may be making the store at this moment.
    """
    try:
        with database.atomic("DEFERRED"):
            tables = database.execute_sql("SELECT count(*) FROM sqlite_master").fetchone()[0]
            application = _pragma(database, "application_id")
            version = _pragma(database, "user_version")
    except (PeeweeException, sqlite3.Error) as error:
        raise unavailable(error, path) from error
    if application == APPLICATION_ID:
        refuse_impossible(version, path)
        return version
    if application == 0 and version == 0 and tables == 0:
        return NONE
    refuse_unreleased(application, version, path)
    raise StoreUnavailable(f"{path} is not a Tocsin store: it is another program's database")


def refuse_impossible(version: int, path: Path) -> None:
    """Raise StoreUnavailable for a number that no Tocsin gives a store."""
    if version < 1:
        raise StoreUnavailable(
            f"{path} says that it is of schema {version}, which no Tocsin wrote: it is damaged, "
            "move it away and restore a backup"
        )


def refuse_unreleased(application: int, version: int, path: Path) -> None:
    """Raise StoreUnavailable for a store, or a backup of one, from before the first release."""
    if application == _UNRELEASED_ID:
        raise StoreUnavailable(
            f"{path} was made by a Tocsin from before the first release (schema {version} of that "
            "time), and no upgrade leads from there: move it away and begin a new store"
        )


def create(database: DatabaseProxy, *, fingerprint: str) -> None:
    """Make today's schema in an empty file and note the key's fingerprint."""
    with database.atomic():
        if _pragma(database, "user_version") != NONE:
            return
        database.execute_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        _apply(database, None, since=NONE)
        database.execute_sql(
            "INSERT INTO fact (name, value) VALUES ('key_fingerprint', ?)", (fingerprint,)
        )


def upgrade_copy(path: Path, vault: Vault) -> None:
    """Bring a copy that nobody else has open up to date, all at once. Raises WrongKey.

    It may have been made in the middle of an upgrade.
    """
    copy = DatabaseProxy()
    pragmas = (("secure_delete", 0), ("temp_store", "file"))
    copy.initialize(SqliteDatabase(str(path), pragmas=pragmas))
    with copy.connection_context(), copy.atomic():
        begun = progress.load(copy)
        since = progress.schema_of(begun, current_version(copy))
        check_key(copy, vault, since=since)
        _apply(copy, vault, since=since)
        progress.forget(copy)


def mask_late(vault: Vault) -> None:
    """Mask what a Tocsin of before wrote after an upgrade; called with the sending lock held."""
    from store.models import database

    m0003_encrypted_urls.mask_late(database, vault)


def check_key(database: DatabaseProxy, vault: Vault, *, since: int) -> None:
    """Raise WrongKey if URLs are to be encrypted and the key of this file is not there."""
    if since >= ENCRYPTED_URLS or not m0003_encrypted_urls.has_urls(database):
        return
    try:
        vault.cipher(m0003_encrypted_urls.fingerprint_in(database))
    except WrongKey as error:
        raise WrongKey(
            f"{error}; the upgrade encrypts the URLs of webhooks with it, and nothing was changed"
        ) from error


def current_version(database: DatabaseProxy) -> int:
    """Return the schema number now; another process may have raised it since we opened the file."""
    return _pragma(database, "user_version")


def _apply(database: DatabaseProxy, vault: Vault | None, *, since: int) -> None:
    """Take the steps; a file with nothing in it needs no vault."""
    for step in STEPS[since:]:
        step(database, vault)
    if since < LATEST:
        database.execute_sql(f"PRAGMA user_version = {LATEST}")


def _pragma(database: DatabaseProxy, name: str) -> int:
    return int(database.execute_sql(f"PRAGMA {name}").fetchone()[0])
