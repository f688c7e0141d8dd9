"""File of the socket: made for owner and group; one that an ended process left is removed."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.safe import safe
from sources.base import SourceError

BACKLOG = 256
MODE = 0o660
LONGEST_PATH = 107
_KNOCK_S = 1.0


def socket_beside(store: Path) -> Path:
    """Return the default path of the socket, beside the store."""
    return store.with_suffix(".sock")


@contextmanager
def listening(path: Path, group: str) -> Iterator[socket.socket]:
    """Yield a listening socket at `path`, whose file is removed at the end. Raises SourceError."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise SourceError(
            f"{path} is longer than the {LONGEST_PATH} bytes that a socket's path may have",
            "set a shorter --path",
        )
    gid = group_number(group) if group else -1
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.setblocking(False)
        _bind(listener, path, gid)
        number = path.lstat().st_ino
        try:
            yield listener
        finally:
            with suppress(OSError):
                if path.lstat().st_ino == number:
                    path.unlink()


def _bind(listener: socket.socket, path: Path, gid: int) -> None:
    try:
        _remove_what_is_left(path)
        # The program's umask leaves it to the owner until the mode is set.
        listener.bind(str(path))
        os.chown(path, -1, gid)
        path.chmod(MODE)
        listener.listen(BACKLOG)
    except OSError as error:
        raise SourceError(
            f"cannot make the socket {path}: {error.strerror or error}",
            "the folder must be there and be writable for this account, which must be a member "
            "of the group",
        ) from None


def _remove_what_is_left(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SourceError(f"{path} is there and is no socket", "set another --path")
    if _answers(path):
        raise SourceError(f"another program listens at {path}", "set another --path")
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.settimeout(_KNOCK_S)
        try:
            knocking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True


def group_number(name: str) -> int:
    """Return the number of a group of this host. Raises SourceError."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise SourceError(
            f"there is no group {safe(name)}", "set another --group, or none"
        ) from None
