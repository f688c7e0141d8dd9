"""Files of the store: written whole or not at all, and the disk that they lie on."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from store.errors import Conflict, StoreUnavailable

LOOK_PAUSE_S = 0.002
LOOK_TRIES = 100


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


class FileLock:
    """The operating system's lock on a file, which is made for it.

    It is kept while the process is stopped (SIGSTOP) on purpose, and free at once when it ends in
    whatever way; no two clocks need to agree.
    """

    def __init__(self, path: Path, fault: str) -> None:
        """Name the file; `fault` says what a "{reason}" is in the way of, and the cure."""
        self.path = path
        self._fault = fault
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free. Raises StoreUnavailable if its file cannot be opened.

        A process that asks `is_held` has a share of it for a moment, and is waited for shortly.
        """
        tries = LOOK_TRIES
        while self._descriptor is None:
            descriptor = self._open()
            if not _take(descriptor, fcntl.LOCK_EX):
                is_look = _take(descriptor, fcntl.LOCK_SH)
                os.close(descriptor)
                if not is_look or not tries:
                    return False
                tries -= 1
                time.sleep(LOOK_PAUSE_S)
                continue
            self._descriptor = descriptor
            if not self.is_kept():  # it was deleted between the two calls
                self.release()
        return True

    def is_kept(self) -> bool:
        """Return True if the lock is held here, on the file that others would find at its path."""
        if self._descriptor is None:
            return False
        own = os.fstat(self._descriptor)
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # it cannot be read, which is no sign that it is gone
        return (own.st_dev, own.st_ino) == (found.st_dev, found.st_ino)

    def is_held(self) -> bool:
        """Return True if some process holds the lock; it is taken for no longer than this check."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _take(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Give the lock back; harmless if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Give the lock back and delete its file, which others know to be gone."""
        self.path.unlink(missing_ok=True)
        self.release()

    def _held(self) -> int:
        if self._descriptor is None:
            raise RuntimeError(f"the lock {self.path} is not held")
        return self._descriptor

    def _open(self) -> int:
        try:
            return open_lock(self.path)
        except OSError as error:
            fault = self._fault.format(reason=error.strerror)
            raise StoreUnavailable(f"{self.path}: {fault}") from error


def _take(descriptor: int, kind: int) -> bool:
    """Lock a file without waiting; return False if another's lock is in the way."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
