"""Identity: the admin who gives a command, and the account that the store belongs to."""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cli.config_file import Configuration
from cli.exit_codes import ExitCode, Failure
from domain.actors import Actor

NOBODY_LOGGED_IN = 4294967295
LOGIN_UID_FILE = Path("/proc/self/loginuid")


def find_actor(environment: Mapping[str, str], login_uid_file: Path = LOGIN_UID_FILE) -> Actor:
    """The account in use, the login behind it, and the SSH address that the session claims.

    The login uid is kept by the kernel and survives sudo and su; SUDO_USER is set by sudo.
    """
    return Actor(
        user=user_name(os.getuid()),
        login=_login(login_uid_file) or environment.get("SUDO_USER") or None,
        address=_claimed_address(environment.get("SSH_CONNECTION", "")),
    )


def user_name(uid: int) -> str:
    """The name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _login(file: Path) -> str | None:
    try:
        uid = int(file.read_text())
    except (OSError, ValueError):
        return None
    return None if uid == NOBODY_LOGGED_IN else user_name(uid)


def _claimed_address(connection: str) -> str | None:
    words = connection.split()
    return words[0] if words else None


class Owner(msgspec.Struct, frozen=True):
    """The account that a store's files belong to; `gid` is that of the files."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The account's name."""
        return user_name(self.uid)


def run_as_owner(
    configuration: Configuration, arguments: Sequence[str], uid: int, *, for_good: bool = True
) -> None:
    """Change from root to the store's owner, before anything is opened.

    `arguments` are the command line, for the message; `uid` is the account in use. Raises Failure
    where another account must run the command.
    """
    owner = owner_of(configuration.db)
    if uid == 0:
        become(owner, for_good=for_good)
    elif owner.uid != uid and (configuration.is_hosts or _is_closed(configuration.db)):
        raise Failure(_refusal(configuration, owner, arguments), ExitCode.PERMISSION)


def owner_of(db: Path) -> Owner:
    """The owner of the store's file, or else of the nearest folder above it that can be seen."""
    for path in (db, *db.parents):
        try:
            status = path.stat()
        except OSError:
            continue
        return Owner(status.st_uid, status.st_gid)
    return Owner(os.getuid(), os.getgid())


def become(owner: Owner, *, for_good: bool = True) -> None:
    """Give up the rights of root, groups first, so that no file of the store can become root's.

    Without `for_good`, `as_root` can bring the rights back.
    """
    if owner.uid == 0:
        return
    if not _can_run_python(owner):
        folder = Path(os.__file__).parent
        reason = f"{owner.name}, to whom the store belongs, cannot read Python in {folder}"
        raise Failure(f"{reason}: install tocsin where all can read it", ExitCode.PERMISSION)
    try:
        account = pwd.getpwuid(owner.uid)
    except KeyError:
        os.setgroups([])
        os.setgid(owner.gid)
    else:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
    if for_good:
        os.setuid(owner.uid)
    else:
        os.setresuid(owner.uid, owner.uid, 0)


@contextmanager
def as_root() -> Iterator[None]:
    """Take the rights of root back for a moment, where `become` kept them."""
    _, uid, kept = os.getresuid()
    if kept != 0:
        yield
        return
    os.seteuid(0)
    try:
        yield
    finally:
        os.seteuid(uid)


def _can_run_python(owner: Owner) -> bool:
    """Return whether the owner may read Python and us, before there is no way back."""
    os.seteuid(owner.uid)
    try:
        return all(os.access(file, os.R_OK, effective_ids=True) for file in (os.__file__, __file__))
    finally:
        os.seteuid(0)


def _is_closed(db: Path) -> bool:
    """True if there is a store that this account may not write."""
    return not _is_missing(db) and not os.access(db, os.R_OK | os.W_OK)


def _is_missing(path: Path) -> bool:
    """True if it is certain that nothing is there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _refusal(configuration: Configuration, owner: Owner, arguments: Sequence[str]) -> str:
    db = configuration.db
    if configuration.is_hosts and _is_missing(db.parent):
        return f"this host's store {db} is missing: run `sudo tocsin service install`"
    store = "this host's store" if configuration.is_hosts else f"the store {db}"
    command = shlex.join(["sudo", "-u", owner.name, "tocsin", *arguments])
    return f"{store} belongs to {owner.name}: run `{command}`"
