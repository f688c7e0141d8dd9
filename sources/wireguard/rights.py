"""Commands by which the service's account, which is not root, may read this host's WireGuard.

Both print one dump and nothing else: a command that an admin sets in the source gets no right.
A file of its own, since both the source and the set-up of the service use them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Sequence

from domain.actors import SERVICE_ACCOUNT

DUMP = ("wg", "show", "all", "dump")
"""The one command that may use the capability of the service."""

KEYLESS = ("service", "dump")
"""Arguments of `tocsin` that print the same without keys. The service's sudo rule lets its account
run it as root, since a screen beside the service has no capability."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The folders of the system's own programs, into which root alone puts them."""


def system_wg(argv: Sequence[str]) -> str | None:
    """Return the path of the system's `wg` where argv prints its dump and does nothing else."""
    path = shutil.which(DUMP[0], path=SYSTEM_PATH)
    return path if path and tuple(argv) in (DUMP, (path, *DUMP[1:])) else None


def keyless_command(argv: Sequence[str]) -> Sequence[str]:
    """Return the command that the service may run as root in place of argv, () for none."""
    if _account() != SERVICE_ACCOUNT or not system_wg(argv):
        return ()
    program = shutil.which("tocsin", path=f"{SYSTEM_PATH}:{sys.prefix}/bin")
    return ("sudo", "-n", program, *KEYLESS) if program else ()


def _account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
