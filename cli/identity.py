"""Who runs this, for the audit trail."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from domain.actors import Actor

NOBODY_LOGGED_IN = 4294967295
LOGIN_UID_FILE = Path("/proc/self/loginuid")


def find_actor(environment: Mapping[str, str], login_uid_file: Path = LOGIN_UID_FILE) -> Actor:
    """The account in use, who logged in, and the SSH address that the session claims.

    The login uid is the kernel's and survives sudo and su; SUDO_USER is sudo's word.
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
