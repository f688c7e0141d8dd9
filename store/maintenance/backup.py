"""Backups and restores by SQLite's own copy: a plain copy of the file lacks its newest rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from domain.actors import Actor
from store import files, models, settings
from store.errors import Conflict, NotFound, StoreUnavailable, WrongKey, unavailable
from store.migrations import (
    APPLICATION_ID,
    LATEST,
    refuse_impossible,
    refuse_unreleased,
    upgrade_copy,
)
from store.models import EventRow, HeadRow, RefusalRow, WebhookRow, WorkerRow
from store.vault import Vault

BACKED_UP = "store.backup"
"""The action of the audit trail."""

COPIED_PAGES = 5_000
"""Pages that are copied between two reports, some hundredths of a second."""

Tell = Callable[[int, int], None]


class RestoreResult(msgspec.Struct, frozen=True):
    """Result of a restore; `key_restored` is False if the key must be put back by hand."""

    webhooks: int
    events: int
    key_restored: bool


def backup_to(source: Path, target: Path, tell: Tell | None = None) -> None:
    """Write a whole copy of the store to a new file, mode 0600. Raises Conflict if it exists.

    `tell` is called with the pages that are written, and how many there are.
    """
    files.write_new(target, b"", 0o600)
    try:
        _copy(source, target, journal="delete", tell=tell)
        files.sync_folder(target)
    except StoreUnavailable:
        target.unlink(missing_ok=True)
        raise


def backup_key(keys: Sequence[bytes], target: Path) -> Path:
    """Write the keys of a backup to a new file beside it, mode 0400, and return its path."""
    beside = key_beside(target)
    files.write_new(beside, b"".join(key + b"\n" for key in keys), 0o400)
    return beside


def key_beside(backup: Path) -> Path:
    """Return the path of a backup's key, if it was written with the key."""
    return backup.with_name(f"{backup.name}.key")


def is_empty() -> bool:
    """Return True if nothing was ever put into this store."""
    return (
        not WebhookRow.select().exists()
        and not RefusalRow.select().exists()
        and not HeadRow.select().where(HeadRow.seq > 0).exists()
    )


def restore_from(
    source: Path, target: Path, key_file: Path, actor: Actor, now_ms: int
) -> RestoreResult:
    """Fill the empty store at `target`, which is open; sending starts paused.

    All of it comes in one transaction, with the key and the pause: others see an empty store or
    the whole one, and what was acknowledged to them in the meantime is never written over.
    """
    _refuse_full(target)
    check_backup(source)
    beside = key_beside(source)
    key = files.read(beside) if beside.exists() else None
    vault = Vault(beside if key is not None else key_file, source)
    with (
        _sound_copy(source, target, vault) as copy,
        _attached(copy),
        _former_key(key_file),
        models.database.atomic(),
    ):
        _refuse_full(target)
        _take_all()
        settings.pause(actor, now_ms)
        if key is not None:
            files.replace(key_file, key, 0o400)
    return RestoreResult(
        webhooks=WebhookRow.select().where(WebhookRow.deleted_ms.is_null()).count(),
        events=EventRow.select().count(),
        key_restored=key is not None,
    )


def _refuse_full(target: Path) -> None:
    if not is_empty():
        raise Conflict(f"{target} is not empty: a restore goes into an empty store only")


def check_backup(source: Path) -> None:
    """Raise NotFound, Conflict or StoreUnavailable if `source` is no backup for us.

    A restore checks on a copy of its own that it is sound.
    """
    if source.is_dir():
        raise NotFound(f"{source} is a folder: name a backup, which is a file")
    if not source.is_file():
        raise NotFound(f"there is no backup at {source}")
    application = _first_value(source, source, "PRAGMA application_id")
    version = int(_first_value(source, source, "PRAGMA user_version"))
    refuse_unreleased(application, version, source)
    if application != APPLICATION_ID:
        raise Conflict(f"{source} is not a backup of a Tocsin store")
    refuse_impossible(version, source)
    if version > LATEST:
        raise Conflict(f"{source} was written by a newer Tocsin: upgrade Tocsin first")


def _check_sound(path: Path, shown: Path) -> None:
    checked = _first_value(path, shown, "PRAGMA quick_check")
    if checked != "ok":
        raise StoreUnavailable(f"the backup {shown} is damaged: restore another one ({checked})")


@contextmanager
def _sound_copy(source: Path, target: Path, vault: Vault) -> Iterator[Path]:
    """Make a copy beside the store that nobody else changes: found sound, and of today's schema.

    Raises WrongKey where an older one needs its key for that.
    """
    copy = target.with_name(f".{target.name}.restore")
    _remove(copy)
    files.write_new(copy, b"", 0o600)
    try:
        try:
            _copy(source, copy, journal="delete")
        except StoreUnavailable as error:
            raise _damaged(error.__cause__, source) or error from error
        _check_sound(copy, source)
        try:
            upgrade_copy(copy, vault)
        except WrongKey as error:
            raise WrongKey(
                f"{source} is of an older schema and needs its key to be brought up to date: "
                f"put the key at {key_beside(source)} (mode 0400)"
            ) from error
        yield copy
    finally:
        _remove(copy)


def _remove(database: Path) -> None:
    """Remove a database with its journal: one that is left over would be played into the next."""
    for suffix in ("", "-journal"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _first_value(path: Path, shown: Path, statement: str) -> Any:
    """Return the first value of a statement in a file; `shown` is the path that an error names."""
    try:
        with files.closed_database(path) as file:
            return file.execute(statement).fetchone()[0]
    except sqlite3.Error as error:
        raise _damaged(error, shown) or unavailable(error, shown) from error


def _damaged(error: BaseException | None, backup: Path) -> StoreUnavailable | None:
    """Make a sentence of an error that says of a backup that it is damaged; None of others."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith("SQLITE_CORRUPT"):
        return StoreUnavailable(f"the backup {backup} is damaged: restore another one")
    if name.startswith("SQLITE_NOTADB"):
        return StoreUnavailable(
            f"the backup {backup} is not a Tocsin store, or it is damaged: restore another one"
        )
    return None


@contextmanager
def _attached(copy: Path) -> Iterator[None]:
    """Let the store's own connection read the copy as `restored`."""
    models.database.execute_sql("ATTACH DATABASE ? AS restored", (str(copy),))
    try:
        yield
    finally:
        models.database.execute_sql("DETACH DATABASE restored")


@contextmanager
def _former_key(key_file: Path) -> Iterator[None]:
    """Bring the key file back as it was if what is done meanwhile fails."""
    former = files.read(key_file) if key_file.exists() else None
    try:
        yield
    except BaseException:
        if former is None:
            key_file.unlink(missing_ok=True)
        elif files.read(key_file) != former:
            files.replace(key_file, former, 0o400)
        raise


def _take_all() -> None:
    """Replace what a new store begins with by what is in the copy.

    The workers of the backup are long gone; those that have this store open now stay.
    """
    for model in models.MODELS:
        if model is not WorkerRow:
            table = model._meta.table_name
            columns = ", ".join(f'"{name}"' for name in model._meta.columns)
            model.delete().execute()
            models.database.execute_sql(
                f'INSERT INTO main."{table}" ({columns}) '  # noqa: S608 - names of our own
                f'SELECT {columns} FROM restored."{table}"'
            )


def _copy(source: Path, target: Path, *, journal: str, tell: Tell | None = None) -> None:
    def progress(_status: int, remaining: int, total: int) -> None:
        if tell is not None:
            tell(total - remaining, total)

    pages = -1 if tell is None else COPIED_PAGES  # all at once: no commit of others begins it anew
    try:
        with (
            closing(sqlite3.connect(source, timeout=30)) as origin,
            closing(sqlite3.connect(target, timeout=30)) as copy,
        ):
            origin.backup(copy, pages=pages, progress=progress)
            copy.execute(f"PRAGMA journal_mode = {journal}")
    except sqlite3.Error as error:
        raise unavailable(error, target) from error
