"""Opening the store, and the only way to it: `Store.run` from async code, `Store.call` elsewhere.

Peewee's connections are bound to a thread, so each `Store` owns one thread and every query runs
there; with `autoconnect=False` a query on any other thread raises at once.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from peewee import PeeweeException, SqliteDatabase

from domain.settings import KEY_NAME
from store import creation, data_version, migrations
from store.engine import BUSY_TIMEOUT_S, sqlite
from store.errors import (
    Conflict,
    StoreBusy,
    StoreGone,
    StoreOvertaken,
    StoreUnavailable,
    failed_system_call,
    is_busy,
    obstacle,
    unavailable,
)
from store.migrations import older_tables, progress, remnants
from store.migrations.progress import Progress, Upgrade
from store.models import database
from store.presence import Presence, names_sentence
from store.vault import Vault

P = ParamSpec("P")
T = TypeVar("T")

Report = Callable[[Progress], None]

BUSY_BREATH_S = 0.01
SMALLEST_DATABASE = 512
"""Bytes: one page. SQLite takes a smaller file for an empty one, and would write over it."""


class Store:
    """A database and the one thread that speaks to it."""

    def __init__(
        self, engine: SqliteDatabase, path: Path, vault: Vault, presence: Presence
    ) -> None:
        self.path = path
        self.vault = vault
        self.presence = presence
        """The files that were opened, and whether they are still there."""
        self.warnings: tuple[str, ...] = ()
        """Warnings of faults that keep nobody from working, each as one sentence."""
        self.outdated = False
        """True for a store of an older Tocsin, or one upgraded in part: it can only be read."""
        self.is_new = False
        """True if it was made when it was opened."""
        self._progress: Progress | None = None
        self._shown: tuple[int, bool] | None = None
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query function on the store's thread.

        Cancelling the caller does not stop the query: a cancelled caller must assume it was done.
        """
        import asyncio  # who calls this has it; a command without a loop does not pay for it

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, partial(self._guarded, function, *args, **kwargs)
        )

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query function on the store's thread and wait for it."""
        return self._thread.submit(partial(self._guarded, function, *args, **kwargs)).result()

    def sibling(self) -> Store:
        """Return a second thread with a connection of its own to the same database.

        If that is gone, none is made. Raises StoreGone.
        """
        self.presence.check()
        other = Store(self._engine, self.path, self.vault, self.presence)
        other.call(_connect, self._engine)
        other.outdated = self.outdated
        return other

    @property
    def upgrade(self) -> Upgrade | None:
        """The upgrade that was begun and not ended, as of the last call; may be read anywhere."""
        begun = self._progress
        return None if begun is None else progress.seen(begun, self.path, migrations.LATEST)

    def close(self) -> None:
        """Close the connection and end the thread; calls after this raise."""
        if self._thread.submit(self._engine.is_closed).result() is False:
            self._thread.submit(self._engine.close).result()
        self._thread.shutdown()

    def _guarded(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function, then check that its commit is in the files that others find."""
        if self.presence.is_gone:
            self._check_presence()
        try:
            result = self._run(partial(function, *args, **kwargs))
        except (PeeweeException, sqlite3.Error) as error:
            self._check_presence()
            raise self._unavailable(error) from error
        self._check_presence()
        return result

    def _run(self, function: Callable[[], T]) -> T:
        """Run a function; of an older store, on its tables as they are now."""
        if not self.outdated:
            return function()
        self._follow()
        try:
            return function()
        except (PeeweeException, sqlite3.Error):
            if not self._follow():  # else another process has upgraded it meanwhile
                raise
        return function()

    def _follow(self) -> bool:
        """Notice how far the store is upgraded; True if its tables are others than before."""
        version, begun = migrations.current_version(database), progress.load(database)
        schema = progress.schema_of(begun, version)
        is_older = schema < migrations.LATEST or begun is not None
        if (schema, is_older) == self._shown:
            self._progress = begun
            return False
        data_version.check_schema()
        older_tables.show(database.connection(), schema)
        database.execute_sql(f"PRAGMA query_only = {is_older:d}")
        self._shown, self.outdated = (schema, is_older), is_older
        self._progress = begun  # last: until then other threads say that it is being upgraded
        return True

    def _check_presence(self) -> None:
        """Raise StoreGone, with the connection closed: its log must not be played into others."""
        try:
            self.presence.check()
        except StoreGone:
            self._engine.close()
            raise

    def _overtaken(self) -> StoreOvertaken | None:
        """Return why a statement failed if a newer Tocsin has other tables."""
        try:
            data_version.check_schema()
        except StoreOvertaken as error:
            return error
        except (PeeweeException, sqlite3.Error):
            return None
        return None

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        if not self.outdated:
            return self._overtaken() or unavailable(error, self.path)
        if (upgrade := self.upgrade) is not None:
            return StoreBusy(upgrade.sentence(self.path))
        return StoreUnavailable(
            f"{self.path} was written by an older Tocsin: run `tocsin db upgrade` first"
        )


def _report_nothing(_: Progress) -> None:
    return


def open_store(
    path: Path,
    *,
    key_file: Path | None = None,
    migrate: bool = False,
    create: bool = True,
    new_store: bool = False,
    report: Report = _report_nothing,
) -> Store:
    """Open the store at `path`; a missing or empty file is made into a new one if `create`.

    `migrate` brings an older store up to date after a backup beside it; without it an older
    store can only be read (`Store.outdated`); `report` gets its progress. Where there was a store,
    one is made only if `new_store`, which is refused where there is one. Raises StoreUnavailable
    with one sentence.
    """
    path = own_path(path)
    vault = Vault(key_file or path.with_name(KEY_NAME), path)
    _check_file(path)
    is_new = False
    if not creation.is_there(path):
        is_new = _make(path, vault, create=create, new_store=new_store)
    elif new_store:
        raise Conflict(f"there is a store at {path} already: leave --new-store out")
    if create:
        _check_to_write(path)
    try:
        store = _open(path, vault, report if migrate else None)
    except StoreGone:  # a file system of layers gives a file another number when it is opened
        store = _open(path, vault, report if migrate else None)
    store.is_new = is_new
    return store


def own_path(path: Path) -> Path:
    """Return the file's own path; as it was given if there is no link in it.

    Links are followed here, once: lock, key and backups have their names from the file's own path,
    so that all names of one file lead to one lock.
    """
    own = Path(os.path.realpath(path))
    return path if own == path.absolute() else own


def _make(path: Path, vault: Vault, *, create: bool, new_store: bool) -> bool:
    if create:
        return creation.make(path, vault, over_remains=new_store)
    creation.refuse_remains(path, vault.key_file)
    if path.exists():
        raise StoreUnavailable(f"{path} is empty: there is no store in it")
    raise StoreUnavailable(f"there is no store at {path}")


def _open(path: Path, vault: Vault, report: Report | None) -> Store:
    """Open a store that is there, and bring an older one up to date if there is a `report`."""
    engine = sqlite(path)
    database.initialize(engine)
    store = Store(engine, path, vault, Presence(path))
    store.warnings = _warnings(path)
    stop = threading.Event()
    try:
        store.call(_connect, engine)
        store.outdated = store.call(_migrate_or_accept, store, report, stop)
        if store.outdated:
            store.call(store._follow)
        if not store.outdated and vault.next_file.exists():
            store.warnings += store.call(_finish_rekey, vault)
        store.presence.begin()
    except BaseException:
        stop.set()  # Ctrl+C: an upgrade goes on another time
        store.close()
        raise
    return store


def _connect(engine: SqliteDatabase) -> None:
    engine.connect(reuse_if_open=True)


def _migrate_or_accept(store: Store, report: Report | None, stop: threading.Event) -> bool:
    """Migrate or accept what is in the file; True if it is left older than we are.

    Nothing is written before it is known to be ours.
    """
    path = store.path
    version = migrations.version_of(database, path)
    if version > migrations.LATEST:
        raise StoreUnavailable(
            f"{path} was written by a newer Tocsin (schema {version}, this one knows "
            f"{migrations.LATEST}): upgrade Tocsin"
        )
    if version == migrations.NONE:
        raise StoreUnavailable(f"{path} is an empty database: remove it, then begin a new store")
    is_older = version < migrations.LATEST or progress.load(database) is not None
    if is_older and report is None:
        return True
    _use_write_ahead_log()
    if is_older and report is not None:
        from store.maintenance.backup import backup_to  # needed once for each schema
        from store.migrations.upgrade import StoreUpgrade

        upgrade = StoreUpgrade(database, path, store.vault, backup_to, report, stop)
        store.warnings += upgrade.run()
    _check_writable(path)
    if report is not None and remnants.are_there():
        remnants.remove(path)
    if remnants.are_there():
        store.warnings += (remnants.warning(path),)
    return False


def _finish_rekey(vault: Vault) -> tuple[str, ...]:
    from store.maintenance.rekey import finish  # needed once in years

    warning = finish(vault)
    return () if warning is None else (warning,)


def _use_write_ahead_log() -> None:
    """Switch to the write-ahead log: readers never wait. The file keeps it, so this mostly reads.

    If it writes, SQLite does not wait for others that make the same store at this moment.
    """
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            database.execute_sql("PRAGMA journal_mode = wal").fetchall()
            return
        except (PeeweeException, sqlite3.Error) as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
        time.sleep(BUSY_BREATH_S)


def _check_writable(path: Path) -> None:
    """Begin to write: in a read-only file, BEGIN IMMEDIATE silently begins to read."""
    try:
        with database.atomic():
            database.execute_sql("DELETE FROM fact WHERE 0")
    except (PeeweeException, sqlite3.Error) as error:
        raise unavailable(error, path) from error


def _check_file(path: Path) -> None:
    """Refuse what is no file before SQLite touches it.

    SQLite alone reads its content: closing any other descriptor of the file would drop the locks
    that this process has on it already.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise StoreUnavailable(
            f"{path} cannot be opened: a part of its path is no folder; name another"
        ) from error
    except OSError as error:
        raise failed_system_call(error, f"{path} cannot be opened") from error
    if not stat.S_ISREG(status.st_mode):
        where = " in that folder" if stat.S_ISDIR(status.st_mode) else ""
        raise StoreUnavailable(f"{path} is not a file; name one, such as tocsin.db{where}")
    if 0 < status.st_size < SMALLEST_DATABASE:
        raise StoreUnavailable(f"{path} is not a Tocsin store: it is no SQLite database")


def _check_to_write(path: Path) -> None:
    """Refuse a file that could only be read, and one under two names.

    That one has two locks: two workers would send for it at once.
    """
    if found := obstacle(path):
        raise StoreUnavailable(f"{path} cannot be written: {found}")
    names = path.stat().st_nlink
    if names > 1:
        raise StoreUnavailable(names_sentence(path, names))


def _warnings(path: Path) -> tuple[str, ...]:
    found = []
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        found.append(f"{path} is open to others (mode {mode:04o}): run `chmod 0600 {path}`")
    folder = path.parent
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o022 and mode & stat.S_ISVTX:
        found.append(
            f"others may write to {folder} (mode {mode:04o}), and keep a worker from its lock "
            "there: keep the store in a folder of its own"
        )
    elif mode & 0o022:
        found.append(
            f"others may write to {folder} (mode {mode:04o}), and replace the store and its key "
            f"there: run `chmod go-w {folder}`, or keep the store in a folder of its own"
        )
    return tuple(found)
