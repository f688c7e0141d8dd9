"""The system that the service is installed on: this host, or the image of one in a folder."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.exit_codes import ExitCode, Failure
from sources.wireguard.rights import SYSTEM_PATH


class Host:
    """A system below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.is_running = self.root == Path("/")

    def path(self, path: str) -> Path:
        """Where an absolute path of the system really is."""
        return self.root / path.lstrip("/")

    @property
    def has_systemd(self) -> bool:
        """Whether systemd runs here and can be told."""
        return self.is_running and Path("/run/systemd/system").is_dir()

    def has_user(self, name: str) -> bool:
        return self.ids(name) is not None

    def has_group(self, name: str) -> bool:
        if not self.is_running:
            return self._entry("etc/group", name) is not None
        try:
            grp.getgrnam(name)
        except KeyError:
            return False
        return True

    def ids(self, name: str) -> tuple[int, int] | None:
        """The uid and the gid of an account; None if there is none of that name."""
        if not self.is_running:
            entry = self._entry("etc/passwd", name)
            return (int(entry[2]), int(entry[3])) if entry else None
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            return None
        return account.pw_uid, account.pw_gid

    def find(self, program: str) -> str | None:
        """The absolute path of a program on the system's own search path."""
        for folder in SYSTEM_PATH.split(":"):
            place = f"{folder}/{program}"
            if os.access(self.path(place), os.X_OK):
                return place
        return None

    def give(self, path: Path, owner: str) -> None:
        """Make `path`, which is no link, a file or folder of root or of an account."""
        ids = (0, 0) if owner == "root" else self.ids(owner)
        if ids is None:
            raise Failure(f"{path}: there is no user {owner}", ExitCode.UNAVAILABLE)
        os.chown(path, *ids, follow_symlinks=False)

    def run(self, command: Sequence[str]) -> None:
        """Run a command with a plain environment; what it says goes to stderr."""
        found = shutil.which(command[0], path=SYSTEM_PATH)
        if found is None:
            raise Failure(f"{command[0]} is missing on this system", ExitCode.UNAVAILABLE)
        done = subprocess.run(  # noqa: S603  # our own words and checked paths, no shell
            [found, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            env={"PATH": SYSTEM_PATH},
            check=False,
        )
        if done.returncode != 0:
            shown = shlex.join(command)
            raise Failure(f"`{shown}` ended with status {done.returncode}", ExitCode.UNAVAILABLE)

    def _entry(self, file: str, name: str) -> list[str] | None:
        try:
            lines = (self.root / file).read_text().splitlines()
        except FileNotFoundError:
            return None
        return next((line.split(":") for line in lines if line.startswith(f"{name}:")), None)
