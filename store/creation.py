"""Making a store: it is built under another name, and renamed when its key is in its place.

After a kill there is neither store nor key, or a new key and the finished store, which the next
start puts in its place. If a key or a log shows that there was a store, none is made unless the
admin says so: events that were accepted would be gone without a word.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from peewee import DatabaseProxy, PeeweeException, SqliteDatabase

from store import files, migrations
from store.errors import Conflict, StoreGone, failed_system_call, unavailable
from store.presence import log_of, set_log_aside
from store.vault import Vault, fingerprint_in, fingerprint_of, new_key

T = TypeVar("T")


def is_there(path: Path) -> bool:
    """Return True if something is at `path` that no new store may replace."""
    try:
        return path.stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise failed_system_call(error, f"{path} cannot be opened") from error


def refuse_remains(path: Path, key_file: Path) -> None:
    """Raise StoreGone if there was a store at `path`, where none is now."""
    found = f"is empty ({path.stat().st_size} bytes)" if path.exists() else "is gone"
    cures = "put it back, run `tocsin db restore BACKUP`, or begin a new one with --new-store"
    log = log_of(path)
    if log.exists():
        raise StoreGone(f"the store {path} {found}, but its log {log} is there: {cures}")
    if key_file.exists():
        raise StoreGone(
            f"the store {path} {found}, but its key {key_file} is there: {cures}; a key that was "
            "put there for a store that is still to be made needs --new-store too, once"
        )


def make(path: Path, vault: Vault, *, over_remains: bool = False) -> bool:
    """Make a store where there is none, and its key; of several processes that do so one does.

    Return whether this one did. Raises StoreUnavailable, and StoreGone where there was a store,
    unless `over_remains`.
    """
    with _making(path):
        if is_there(path):
            return False
        _make(path, vault, over_remains=over_remains)
        return True


def _make(path: Path, vault: Vault, *, over_remains: bool) -> None:
    draft = draft_of(path)
    if not is_finished(draft, vault.key_file):
        if not over_remains:
            refuse_remains(path, vault.key_file)
        key = vault.key() if vault.key_file.exists() else new_key()
        build(draft, fingerprint_of(key))
        if not vault.key_file.exists():
            vault.write_key(key)
    put_in_place(draft, path)


def make_filled(path: Path, fill: Callable[[Path], T]) -> T:
    """Make a store where there is none; `fill` puts something into it, and its key in its place.

    What a kill leaves of it is no store to a later start.
    """
    with _making(path):
        if is_there(path):
            raise Conflict(f"a store was made at {path} meanwhile")
        draft = path.with_name(f".{path.name}.filling")
        build(draft, fingerprint_of(new_key()))
        try:
            result = fill(draft)
        except BaseException:
            _remove(draft)
            raise
        _remove(draft_of(path))
        put_in_place(draft, path)
        return result


def put_in_place(draft: Path, path: Path) -> None:
    """Give the finished store its name."""
    set_log_aside(path)
    draft.replace(path)
    files.sync_folder(path)


def draft_of(path: Path) -> Path:
    """Return the name under which the store at `path` is built."""
    return path.with_name(f".{path.name}.new")


def build(draft: Path, fingerprint: str) -> None:
    """Make an empty store of today's schema in a new file, which nobody else has open."""
    _remove(draft)
    files.write_new(draft, b"", 0o600)
    database = DatabaseProxy()
    database.initialize(SqliteDatabase(str(draft), pragmas=(("synchronous", 2),)))
    try:
        with database.connection_context():
            database.execute_sql("PRAGMA auto_vacuum = 2")  # said before the first page is there
            migrations.create(database, fingerprint=fingerprint)
    except (PeeweeException, sqlite3.Error) as error:
        _remove(draft)
        raise unavailable(error, draft) from error


def is_finished(draft: Path, key_file: Path) -> bool:
    """Return True if a store was built and its key put in its place, and nothing more was done."""
    if not draft.exists() or not key_file.exists():
        return False
    known = fingerprint_in(draft)
    return known is not None and known == fingerprint_of(Vault(key_file, draft).key())


@contextmanager
def _making(path: Path) -> Iterator[None]:
    """Hold the lock for making a store in a folder; the system frees it if this process dies."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        raise failed_system_call(error, f"cannot make a store at {path}") from error


def _remove(draft: Path) -> None:
    """Remove a store that was not finished, with all that SQLite keeps beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
