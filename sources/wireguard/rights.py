"""The two ways to the WireGuard of this host for the service's account, which is not root.

Both print one dump and nothing else: what an admin may write into a source's command gets no right.
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
"""The words after `tocsin` that print the same without its keys, which the service's sudo rule lets
its account run as root: a screen beside the service has no capability."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The folders of the system's own programs, into which root alone puts them."""


def system_wg(argv: Sequence[str]) -> str | None:
    """The path of the system's `wg` where argv is to print its dump and does nothing else."""
    path = shutil.which(DUMP[0], path=SYSTEM_PATH)
    return path if path and tuple(argv) in (DUMP, (path, *DUMP[1:])) else None


def keyless_command(argv: Sequence[str]) -> Sequence[str]:
    """The command that the service's account may run as root in place of argv, () for none."""
    if _account() != SERVICE_ACCOUNT or not system_wg(argv):
        return ()
    program = shutil.which("tocsin", path=f"{SYSTEM_PATH}:{sys.prefix}/bin")
    return ("sudo", "-n", program, *KEYLESS) if program else ()


def _account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
