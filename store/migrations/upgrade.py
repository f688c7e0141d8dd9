"""Upgrade of a store: a copy of it first, then step by step, so that a kill anywhere costs little.

The first commit raises the schema number and notes the progress: from then on no Tocsin writes
events, whichever version it is of. The last one removes the note. What takes long is done in
between in short transactions, or is a single statement that is done again after a kill.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import ModuleType

from msgspec.structs import replace
from peewee import DatabaseProxy, PeeweeException

from domain.wording import size_text
from store import files, migrations
from store.errors import StoreBusy
from store.migrations import progress, remnants
from store.migrations.progress import COPY, EVENTS, INDEX, REMNANTS, TABLES, Progress, Upgrade
from store.vault import Vault
from store.workers import SendingLock

PATIENCE_S = 5.0
"""Time that a second process waits for the upgrade of a small store."""

SENDER_S = 45.0
"""Time for the attempts in flight of an older worker, which ends since it was overtaken."""

BREATH_S = 0.05
COPYING_PAGES = 4_000
"""Pages between two checkpoints while events are copied: no one waits for them then."""

STOP_OPS = 1_000_000
"""Steps of SQLite's machine between two such looks."""

NEW_SHARE = 0.95
LOG_SHARE = 0.25
LOG_BYTES = 32_000_000
"""Shares of the store of before that the new tables take, and the log with the sorting of the
index, as measured with some more; the log is this long in any case."""

Report = Callable[[Progress], None]


class StoreUpgrade:
    """The upgrade of one store in this process; made and run on the store's thread.

    `copy_to` writes a copy of the first file to the second, telling the pages done and in all.
    `report` is called often, and neither waits nor raises. After `stop` is set the upgrade ends
    soon, to go on another time.
    """

    def __init__(
        self,
        database: DatabaseProxy,
        path: Path,
        vault: Vault,
        copy_to: Callable[[Path, Path, Callable[[int, int], None]], None],
        report: Report,
        stop: threading.Event,
    ) -> None:
        self._database = database
        self._path = path
        self._vault = vault
        self._copy_to = copy_to
        self._report_to = report
        self._stop = stop
        self._warnings: tuple[str, ...] = ()

    def run(self) -> tuple[str, ...]:
        """Bring the store up to date, or go on with that; return what an admin should know.

        Raises StoreBusy if another process is at work on it or too little disk is free, and
        WrongKey; then nothing was written.
        """
        with _locked(self._database, self._path), self._settings():
            state = progress.load(self._database)
            if state is not None:
                self._check_room(state)
            else:
                state = self._begin()
            if state is not None:
                self._go_on(state)
        return self._warnings

    def _go_on(self, state: Progress) -> None:
        try:
            if state.phase == COPY:
                state = self._copy(state)
            for number, module in migrations.PREPARED.items():
                if number > state.since and not state.is_swapped:
                    state = self._prepare(module, state)
            if not state.is_swapped:
                state = self._swap(state)
        except Exception:
            if not self._stop.is_set():
                self._put_back()
            raise
        if state.is_swapped:
            self._remove_remnants(state)
        self._database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _begin(self) -> Progress | None:
        """Keep all others from writing; None if the store is of today's schema."""
        since = migrations.current_version(self._database)
        if since >= migrations.LATEST:
            return None
        migrations.check_key(self._database, self._vault, since=since)
        copy = progress.free_copy(self._path, migrations.LATEST)
        self._check_room(Progress(since))
        with self._database.atomic():
            since = migrations.current_version(self._database)
            state = Progress(since, copy=copy.name)
            progress.note(self._database, state)
            self._database.execute_sql(f"PRAGMA user_version = {migrations.LATEST}")
        return state

    def _check_room(self, state: Progress) -> None:
        """Raise StoreBusy if the disk has no room for what is to come."""
        self._remove_draft()
        copy, new = _needed_bytes(self._database, state)
        needed, free = copy + new, files.free_bytes(self._path)
        if free < needed:
            raise StoreBusy(
                f"to bring {self._path} from schema {state.since} to {migrations.LATEST}, "
                f"{size_text(needed)} of its disk must be free, {size_text(copy)} of them for a "
                f"copy of it, and {size_text(free)} are: free {size_text(needed - free)} more and "
                "try again; until then it stays as it is"
            )

    def _copy(self, state: Progress) -> Progress:
        """Write a copy that is there whole or not at all, with the schema number that it had."""
        draft = progress.draft_of(self._path, migrations.LATEST)
        self._remove_draft()
        self._copy_to(
            self._path,
            draft,
            lambda done, total: self._report(replace(state, done=done, total=total)),
        )
        with closing(sqlite3.connect(draft)) as copy:
            copy.execute("DELETE FROM fact WHERE name = ?", (progress.FACT,))
            copy.execute(f"PRAGMA user_version = {state.since:d}")
            copy.commit()
        draft.replace(self._own_copy(state))
        files.sync_folder(draft)
        with self._database.atomic():
            state = replace(state, phase=EVENTS, done=0, total=0)
            progress.note(self._database, state)
        return state

    def _own_copy(self, state: Progress) -> Path:
        return progress.own_copy(state, self._path, migrations.LATEST)

    def _remove_draft(self) -> None:
        """Remove a copy that was not finished, with its journal, which is played into no other."""
        draft = progress.draft_of(self._path, migrations.LATEST)
        for suffix in ("", "-journal"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)

    def _prepare(self, module: ModuleType, state: Progress) -> Progress:
        """Do in short transactions what a step would do in one that takes long."""
        connection = self._database.connection()
        ((usual,),) = connection.execute("PRAGMA wal_autocheckpoint").fetchall()
        if state.phase == EVENTS and not state.total:
            total = connection.execute("SELECT sum(seq - pruned) FROM head").fetchone()[0]
            state = replace(state, total=total)
        for pragma in ("synchronous = 1", f"wal_autocheckpoint = {COPYING_PAGES}"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        while state.phase == EVENTS:
            self._report(state)
            with self._database.atomic():
                copied = module.copy_some(connection)
                state = replace(state, done=state.done + copied)
                if not copied:
                    state = replace(state, phase=INDEX, done=0, total=0)
                progress.note(self._database, state)
        self._report(state)
        with self._database.atomic():
            module.make_index(connection)
        for pragma in ("synchronous = 2", f"wal_autocheckpoint = {usual:d}"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return replace(state, phase=TABLES)

    def _swap(self, state: Progress) -> Progress:
        """Take all steps in one transaction, after the older worker has recorded what it has."""
        self._wait_for_sender()
        self._report(state)
        connection = self._database.connection()
        with self._database.atomic():
            for number in range(state.since + 1, migrations.LATEST + 1):
                changes = connection.total_changes
                with _overwriting(connection, number <= migrations.ENCRYPTED_URLS):
                    migrations.STEPS[number - 1](self._database, self._vault)
                if number == migrations.ENCRYPTED_URLS and connection.total_changes > changes:
                    self._note_remnants(state)
            if remnants.are_there():
                state = replace(state, phase=REMNANTS)
                progress.note(self._database, state)
            else:
                progress.forget(self._database)
        return state

    def _note_remnants(self, state: Progress) -> None:
        remnants.note()
        copy = self._own_copy(state)
        if not copy.exists():  # an upgrade that was interrupted, and an admin who needs no way back
            return
        self._warnings += (
            f"{copy} is the store as it was, with the URLs of webhooks in clear: "
            "delete it when you need it no more",
        )

    def _remove_remnants(self, state: Progress) -> None:
        self._report(state)
        remnants.remove(self._path)
        with self._database.atomic():
            progress.forget(self._database)

    def _put_back(self) -> None:
        """Leave the store as it was, after a failure; if that fails too, the next start goes on."""
        connection = self._database.connection()
        with suppress(PeeweeException, sqlite3.Error, OSError):
            with self._database.atomic():
                state = progress.load(self._database)
                if state is None or state.is_swapped:
                    return
                for module in migrations.PREPARED.values():
                    with _overwriting(connection, overwrites=False):
                        module.discard(connection)
                progress.forget(self._database)
                connection.execute(f"PRAGMA user_version = {state.since:d}")
            self._own_copy(state).unlink(missing_ok=True)
            connection.executescript("PRAGMA incremental_vacuum")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _wait_for_sender(self) -> None:
        """Let an older worker record its attempts in flight: it knows the older tables only."""
        lock, until_s = SendingLock(self._path), time.monotonic() + SENDER_S
        while lock.is_held() and time.monotonic() < until_s and not self._stop.wait(BREATH_S):
            pass

    def _report(self, state: Progress) -> None:
        if self._stop.is_set():
            left = Upgrade(state.percent, under_way=False, copy=self._own_copy(state))
            raise StoreBusy(left.sentence(self._path))
        self._report_to(state)

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """Sort on the disk of the store, and sync no commit alone but for the first and the last.

        A power cut then costs some of the copied events, which are copied anew.
        """
        connection = self._database.connection()
        connection.set_progress_handler(self._stop.is_set, STOP_OPS)
        folder = str(self._path.parent).replace("'", "''")
        for pragma in ("temp_store = file", f"temp_store_directory = '{folder}'"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        try:
            yield
        finally:
            connection.set_progress_handler(None, 0)
            for pragma in ("temp_store_directory = ''", "temp_store = memory"):
                connection.execute(f"PRAGMA {pragma}").fetchall()


@contextmanager
def _locked(database: DatabaseProxy, path: Path) -> Iterator[None]:
    """Hold the lock of the upgrade, whose file goes at the end; others are waited for a little."""
    lock, until_s = progress.lock_of(path), time.monotonic() + PATIENCE_S
    while not lock.acquire():
        if time.monotonic() > until_s:
            raise StoreBusy(under_way(database, path))
        time.sleep(BREATH_S)
    try:
        yield
    finally:
        lock.remove()


def under_way(database: DatabaseProxy, path: Path) -> str:
    """Return the sentence about an upgrade that another process is at work on."""
    state = progress.load(database)
    if state is None:
        return f"{path} is being upgraded by another process: try again"
    return progress.seen(state, path, migrations.LATEST).sentence(path)


def _needed_bytes(database: DatabaseProxy, state: Progress) -> tuple[int, int]:
    """Return the bytes of disk that the copy takes, and what is to be made beside it."""
    pages, free, size = (
        int(database.execute_sql(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    copy = pages * size if state.phase == COPY else 0
    if not any(number > state.since for number in migrations.PREPARED):
        return copy, LOG_BYTES
    left = _share_left(state)
    live = (pages - free) * size / (1 + NEW_SHARE * (1 - left))
    new = max(0.0, live * NEW_SHARE * left - free * size)
    return copy, int(new + live * LOG_SHARE) + LOG_BYTES


def _share_left(state: Progress) -> float:
    """Return the share of the events that is to be copied yet."""
    if state.phase in (INDEX, TABLES, REMNANTS):
        return 0.0
    is_begun = state.phase == EVENTS and state.total
    return 1 - min(1.0, state.done / state.total) if is_begun else 1.0


@contextmanager
def _overwriting(connection: sqlite3.Connection, overwrites: bool) -> Iterator[None]:
    """Overwrite what is deleted, or leave it as it is: five gigabytes of old tables take long."""
    ((before,),) = connection.execute("PRAGMA secure_delete").fetchall()
    connection.execute(f"PRAGMA secure_delete = {overwrites:d}").fetchall()
    try:
        yield
    finally:
        connection.execute(f"PRAGMA secure_delete = {before:d}").fetchall()
