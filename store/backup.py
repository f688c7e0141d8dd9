"""Backups and restores by SQLite's own copy: a copied file lacks its newest rows."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from domain.actors import Actor
from store import models, settings
from store.errors import Conflict, NotFound, StoreUnavailable
from store.failures import sentence


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore brought; `key_restored` is False if the key must be put back by hand."""

    webhooks: int
    events: int
    key_restored: bool


def backup_to(source: Path, target: Path) -> None:
    """Write a whole copy of the store to a new file, mode 0600. Raises Conflict if it exists."""
    _write_new(target, b"", 0o600)
    try:
        _copy(source, target, journal="delete")
    except StoreUnavailable:
        target.unlink(missing_ok=True)
        raise


def backup_key(key_file: Path, target: Path) -> Path:
    """Copy the key to a new file beside the backup, mode 0400; where it is."""
    beside = key_beside(target)
    _write_new(beside, _read(key_file), 0o400)
    return beside


def key_beside(backup: Path) -> Path:
    """Where a backup's key lies if it was written with the key."""
    return backup.with_name(f"{backup.name}.key")


def is_empty() -> bool:
    """Whether nothing was ever put into this store."""
    return (
        not models.Webhook.select().exists()
        and not models.Head.select().where(models.Head.seq > 0).exists()
    )


def restore_from(source: Path, target: Path, key_file: Path, actor: Actor, now_ms: int) -> Restored:
    """Fill the empty store at `target`, which is open; sending starts paused."""
    if not is_empty():
        raise Conflict(f"{target} is not empty: a restore goes into an empty store only")
    check_backup(source)
    beside = key_beside(source)
    with_key = beside.exists()
    key = _read(beside) if with_key else b""
    _copy(source, target, journal="wal")
    if with_key:
        _replace(key_file, key, 0o400)
    settings.pause(actor, now_ms)
    return Restored(
        webhooks=models.Webhook.select().where(models.Webhook.deleted_ms.is_null()).count(),
        events=models.Event.select().count(),
        key_restored=with_key,
    )


def check_backup(source: Path) -> None:
    """Raise NotFound, Conflict or StoreUnavailable if `source` is no sound backup for us."""
    from store.migrations import APPLICATION_ID, LATEST

    if not source.is_file():
        raise NotFound(f"there is no backup at {source}")
    try:
        with closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as backup:
            application = backup.execute("PRAGMA application_id").fetchone()[0]
            version = backup.execute("PRAGMA user_version").fetchone()[0]
            checked = backup.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreUnavailable(sentence(error, source)) from error
    if application != APPLICATION_ID:
        raise Conflict(f"{source} is not a backup of a Tocsin store")
    if version > LATEST:
        raise Conflict(f"{source} was written by a newer Tocsin: upgrade Tocsin first")
    if checked != "ok":
        raise StoreUnavailable(f"{source} is damaged: {checked}")


def _copy(source: Path, target: Path, *, journal: str) -> None:
    try:
        with (
            closing(sqlite3.connect(source, timeout=30)) as origin,
            closing(sqlite3.connect(target, timeout=30)) as copy,
        ):
            origin.backup(copy)
            copy.execute(f"PRAGMA journal_mode = {journal}")
    except sqlite3.Error as error:
        raise StoreUnavailable(sentence(error, target)) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(f"cannot read {path}: {error.strerror}") from error


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Put new content in the place of a file: there is always the old one or the new one."""
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    _write_new(draft, content, mode)
    draft.replace(path)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        raise Conflict(f"{path} exists already: choose another file") from None
    except OSError as error:
        raise StoreUnavailable(f"cannot write {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
