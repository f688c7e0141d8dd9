"""Errors of the store, and the sentence for each failure of SQLite and of the file system."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

CHECK_SAYS_MORE = " (`tocsin db check` says more)"
RESTORE = "move it away and restore a backup"
LEAST_ROOM_BYTES = 128 * 1024
_SENTENCES = {
    "SQLITE_FULL": "the disk of {path} is full: free some space and try again",
    "SQLITE_READONLY": "{path} cannot be written{reason}",
    "SQLITE_CANTOPEN": "{path} cannot be opened{reason}",
    "SQLITE_NOTADB": f"{{path}} is not a Tocsin store, or it is damaged: {RESTORE}",
    "SQLITE_CORRUPT": f"{{path}} is damaged: {RESTORE}{CHECK_SAYS_MORE}",
    "SQLITE_BUSY": "{path} is locked by another process for too long: try again",
    "SQLITE_IOERR": "reading or writing {path} failed on its disk",
}
_FULL_SENTENCE = _SENTENCES["SQLITE_FULL"]
_PASSING = ("SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR")
_FULL = (errno.ENOSPC, errno.EDQUOT)


class StoreError(Exception):
    """Root of the store's errors; `str()` is the sentence that the admin reads."""


class StoreUnavailable(StoreError):
    """The store cannot be opened, read or written: missing, foreign, newer, read-only, full."""


class StoreBusy(StoreUnavailable):
    """The store cannot be used now, and later it may be: its disk is full, or others lock it."""


class StoreLost(StoreUnavailable):
    """This process may use the store no more; another that is started now may."""


class StoreOvertaken(StoreLost):
    """A newer Tocsin has changed the store's schema while this process had it open."""


class StoreGone(StoreLost):
    """The store was replaced, deleted or cut: while this process had it open, or before."""


class WrongKey(StoreUnavailable):
    """The key file is missing or is not the one that this store was made with."""


class NotFound(StoreError):
    """No such webhook, delivery, event, source, host or broker."""


class Conflict(StoreError):
    """The thing exists, but its state does not allow the request."""


class MoreToDrop(Conflict):
    """More events would be given up than the admin confirmed."""


def unavailable(error: BaseException, path: Path) -> StoreUnavailable:
    """Make one sentence of an error of the database at `path`."""
    for cause in _chain(error):
        name = getattr(cause, "sqlite_errorname", None) or ""
        for prefix, text in _SENTENCES.items():
            if name.startswith(prefix):
                kind = StoreBusy if prefix in _PASSING else StoreUnavailable
                if prefix == "SQLITE_IOERR" and _is_disk_full(path):
                    text = _FULL_SENTENCE
                return kind(text.format(path=path, reason=_reason(path)))
    return StoreUnavailable(f"the store {path} failed: {_deepest_text(error)}")


def failed_system_call(error: OSError, what: str) -> StoreUnavailable:
    """Make one sentence of an error of the system; `what` says what failed."""
    if error.errno in _FULL:
        return StoreBusy(f"{what}: its disk is full: free some space and try again")
    return StoreUnavailable(f"{what}: {error.strerror}")


def is_busy(error: BaseException) -> bool:
    """Return True if another process holds the lock that was needed."""
    names = (getattr(cause, "sqlite_errorname", None) or "" for cause in _chain(error))
    return any(name.startswith("SQLITE_BUSY") for name in names)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, the root first."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    return reversed(causes)


def _deepest_text(error: BaseException) -> str:
    for cause in _chain(error):
        if isinstance(cause, sqlite3.Error) and str(cause):
            return str(cause)
    return str(error) or type(error).__name__


def _reason(path: Path) -> str:
    found = obstacle(path)
    return f": {found}" if found else ""


def obstacle(path: Path) -> str | None:
    """Return which file or folder of a store this account may not write, why, and the cure."""
    folder = path.parent
    try:
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return f"the file system of {folder} is read-only: mount it for writing"
        files = (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")))
        barred = [file for file in files if file.exists() and not _may(file, os.R_OK | os.W_OK)]
        if barred:
            return _forbidden(barred, "chmod u+rw")
        if not _may(folder, os.W_OK | os.X_OK):
            return f"SQLite writes its log in the folder: {_forbidden([folder], 'chmod u+rwx')}"
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return None


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=True)


def _forbidden(paths: Sequence[Path], chmod: str) -> str:
    """Describe the first of them, with the cure for it and those of the same owner."""
    path = paths[0]
    status, uid = path.stat(), os.geteuid()
    command = chmod if status.st_uid == uid else f"sudo chown {uid}"
    alike = [str(other) for other in paths if other.stat().st_uid == status.st_uid]
    mode = status.st_mode & 0o777
    return (
        f"{path} belongs to uid {status.st_uid} with mode {mode:04o}, and you are uid {uid}: "
        f"run `{command} {' '.join(alike)}`"
    )


def _is_disk_full(path: Path) -> bool:
    """Return True if there is no room for what SQLite needs beside the store before it writes."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < LEAST_ROOM_BYTES
