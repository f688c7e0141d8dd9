"""Presence of a store's files: noticed when they are replaced, deleted or cut beneath us.

SQLite goes on with the file that it has open, whatever happens to its name: what it commits then
is in no file that anybody finds again. So the files are checked after each commit, before it is
acknowledged, and now and then by programs that run on.
"""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path

from store.errors import StoreGone

LEAST_BYTES = 4_096
"""A store is larger, whatever the size of its pages: each table has one."""

_SHARED_BYTES = (0x4000_0002, 510)
"""The bytes of a database that SQLite locks, all of them, to be alone with it."""

Identity = tuple[int, int]
"""Device and number of a file."""


class Presence:
    """The two files that hold what was committed: the store and the log beside it.

    Made just before they are opened; may be used on any thread. What is gone once stays gone: a
    file that is put back lacks what was committed meanwhile, or others have written to it.
    """

    def __init__(self, path: Path) -> None:
        self.names = 1
        """Number of hard links of the file: each would be a store of its own with its own lock."""
        self._path = str(path)
        self._log = f"{path}-wal"
        self._file_identity = identity(self._path)
        self._log_identity: Identity | None = None
        self._is_open = False
        self._sentence: str | None = None
        self._kept_from_writing: int | None = None

    @property
    def is_gone(self) -> bool:
        """True if it is known to be gone; nothing is checked for this."""
        return self._sentence is not None

    def begin(self) -> None:
        """Check size and log from now on, too: it is a store, and SQLite has opened its log."""
        self._log_identity = identity(self._log)
        self._is_open = True

    def check(self) -> None:
        """Raise StoreGone if the files are not those any more that were opened."""
        if self._sentence is None:
            self._sentence = self._fault()
        if self._sentence is not None:
            raise StoreGone(self._sentence)

    def _fault(self) -> str | None:
        try:
            status = os.stat(self._path)
        except OSError as error:
            return self._deleted(self._path) if _is_missing(error) else None
        if (status.st_dev, status.st_ino) != self._file_identity:
            if self._log_identity is not None and self._log_identity == identity(self._log):
                with suppress(OSError):
                    set_log_aside(Path(self._path))  # else it were played into the other file
            return self._with_cure(
                f"another file was put in the place of {self._path}",
                "see that the right file is there",
            )
        if self._is_open and status.st_size < LEAST_BYTES:
            self._keep_log()
            away = "move it away and " if status.st_size else ""
            cure = f"{away}run `tocsin db restore`"
            return self._with_cure(f"{self._path} was cut to {status.st_size} bytes", cure)
        self.names = status.st_nlink
        return self._fault_of_log()

    def _fault_of_log(self) -> str | None:
        """Check the log, which SQLite deletes when the last connection is closed, never before."""
        if self._log_identity is None:
            return None
        try:
            status = os.stat(self._log)
        except OSError as error:
            return self._deleted(self._log) if _is_missing(error) else None
        if (status.st_dev, status.st_ino) == self._log_identity:
            return None
        return self._with_cure(
            f"another file was put in the place of {self._log}",
            "see that the right files are there",
        )

    def _deleted(self, name: str) -> str:
        return self._with_cure(
            f"{name} was deleted or moved away", "put it back or run `tocsin db restore`"
        )

    def _with_cure(self, what: str, cure: str) -> str:
        return f"{what} while this process had it open: it takes and sends nothing more; {cure}"

    def _keep_log(self) -> None:
        """Keep SQLite from writing the log into a file that was cut, and from deleting it then.

        The lock is of this descriptor, which stays open until the process ends: unlike SQLite's
        own locks it also holds against this process.
        """
        with suppress(OSError):
            self._kept_from_writing = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            lock = struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, *_SHARED_BYTES, 0)
            fcntl.fcntl(self._kept_from_writing, fcntl.F_OFD_SETLK, lock)


def log_of(path: Path) -> Path:
    """Return the log of the store at `path`."""
    return path.with_name(f"{path.name}-wal")


def set_log_aside(path: Path) -> None:
    """Keep a log that is left over from being played into another file; it may be all there is."""
    log = log_of(path)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    number = 1
    while (aside := log.with_name(f"{log.name}.set-aside-{number}")).exists():
        number += 1
    with suppress(FileNotFoundError):
        if log.stat().st_size:
            log.rename(aside)
        else:
            log.unlink()


def names_sentence(path: Path, names: int) -> str:
    """Return the warning about a store that has more than one hard link."""
    return (
        f"{path} has {names} names (hard links), and each has a lock of its own: find the others "
        f"with `find {path.parent} -samefile {path}` and remove them"
    )


def identity(name: str | Path) -> Identity | None:
    """Return device and number of a file, None if it cannot be seen."""
    try:
        status = os.stat(name)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_missing(error: OSError) -> bool:
    """Return True if nothing is there, for certain: what cannot be read may well be there."""
    return isinstance(error, FileNotFoundError | NotADirectoryError)
