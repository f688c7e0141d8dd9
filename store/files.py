"""Files of the store: written whole or not at all, and the disk that they lie on."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from store.errors import Conflict, StoreUnavailable


def read(path: Path) -> bytes:
    """Return the content of a file. Raises StoreUnavailable."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(f"cannot read {path}: {error.strerror}") from error


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not be there yet. Raises Conflict or StoreUnavailable."""
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


def replace(path: Path, content: bytes, mode: int) -> None:
    """Put new content in the place of a file: there is always the old one or the new one."""
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    write_new(draft, content, mode)
    draft.replace(path)
    sync_folder(path)


def open_lock(path: Path) -> int:
    """Open a file to lock it, made if there is none; a link is refused with an OSError.

    With a link, those who may write to the folder could have any file of this account opened.
    """
    flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            error.strerror = "it is a link, which is not followed: remove it"
        raise


def sync_folder(path: Path) -> None:
    """Make the name of a file as durable as its content: names are the content of their folder."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def closed_database(path: Path) -> closing[sqlite3.Connection]:
    """Open a database that nobody else has open, to read it: no lock is taken, no log made."""
    return closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True))


def store_bytes(path: Path) -> int:
    """Return the bytes of the database and of its write-ahead log."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def free_bytes(path: Path) -> int:
    """Return the free bytes of the disk that holds the store."""
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize
