"""Turns an engine's error into one sentence that says what and where.

Peewee hides a full disk behind "cannot rollback - no transaction is active": the true cause is at
the end of the chain of contexts.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from store.errors import StoreBusy, StoreUnavailable

CHECK_SAYS_MORE = " (`tocsin db check` says more)"

_SENTENCES = {
    "SQLITE_FULL": "the disk of {path} is full: free some space and try again",
    "SQLITE_READONLY": "{path} cannot be written{reason}",
    "SQLITE_CANTOPEN": "{path} cannot be opened, or its folder cannot be written{reason}",
    "SQLITE_NOTADB": "{path} is not a Tocsin store, or it is damaged: restore a backup",
    "SQLITE_CORRUPT": f"{{path}} is damaged: restore a backup{CHECK_SAYS_MORE}",
    "SQLITE_BUSY": "{path} is locked by another process for too long: try again",
    "SQLITE_IOERR": "reading or writing {path} failed on its disk",
}


_PASSING = ("SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR")
_FULL = (errno.ENOSPC, errno.EDQUOT)


def unavailable(error: BaseException, path: Path) -> StoreUnavailable:
    """An error of the database at `path`, as one sentence."""
    for cause in _chain(error):
        name = getattr(cause, "sqlite_errorname", None) or ""
        for prefix, text in _SENTENCES.items():
            if name.startswith(prefix):
                kind = StoreBusy if prefix in _PASSING else StoreUnavailable
                return kind(text.format(path=path, reason=_reason(path)))
    return StoreUnavailable(f"the store {path} failed: {_deepest_text(error)}")


def failed_system_call(error: OSError, what: str) -> StoreUnavailable:
    """An error of the system in the midst of `what`."""
    if error.errno in _FULL:
        return StoreBusy(f"{what}: its disk is full: free some space and try again")
    return StoreUnavailable(f"{what}: {error.strerror}")


def is_busy(error: BaseException) -> bool:
    """Whether another process has locked what was wanted."""
    names = (getattr(cause, "sqlite_errorname", None) or "" for cause in _chain(error))
    return any(name.startswith("SQLITE_BUSY") for name in names)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, the root first."""
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
    """A read-only file system, or who owns the file and its mode: nearly always the reason."""
    try:
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return ": its file system is read-only"
        status = path.stat()
    except OSError:
        return ""
    mode = status.st_mode & 0o777
    return f": it belongs to uid {status.st_uid} with mode {mode:04o}, you are uid {os.geteuid()}"
