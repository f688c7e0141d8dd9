"""Host of the service: its systemd, users and folders, and the path of the program."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cli.exit_codes import ExitCode, Failure
from sources.wireguard.rights import SYSTEM_PATH

HIDDEN_FROM_THE_UNIT = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # refused
PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._+-]+")
CURE = (
    "install tocsin for the whole host first: `sudo python3 -m venv /opt/tocsin`, and in its clone "
    "`sudo /opt/tocsin/bin/pip install --require-hashes -r requirements/run.txt "
    "-r requirements/build.txt` and `sudo /opt/tocsin/bin/pip install --no-deps "
    "--no-build-isolation .`"
)


class Host:
    """System below the folder `root`: the running one, or an image."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.is_running = self.root == Path("/")

    def path(self, path: str) -> Path:
        """The real path of an absolute path of the system."""
        return self.root / path.lstrip("/")

    @property
    def has_systemd(self) -> bool:
        """True if systemd runs here and takes commands."""
        return self.is_running and Path("/run/systemd/system").is_dir()

    def has_user(self, name: str) -> bool:
        """True if there is an account of that name."""
        return self.ids(name) is not None

    def has_group(self, name: str) -> bool:
        """True if there is a group of that name."""
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
            path = f"{folder}/{program}"
            if os.access(self.path(path), os.X_OK):
                return path
        return None

    def give(self, path: Path, owner: str) -> None:
        """Give `path`, which is no link, to root or to another account."""
        ids = (0, 0) if owner == "root" else self.ids(owner)
        if ids is None:
            raise Failure(f"{path}: there is no user {owner}", ExitCode.UNAVAILABLE)
        os.chown(path, *ids, follow_symlinks=False)

    def run(self, command: Sequence[str]) -> None:
        """Run a command with a plain environment; its output goes to stderr."""
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


def find_program(host: Host) -> str:
    """The path of `tocsin` as the system knows it. Raises Failure if there is none."""
    on_path = host.find("tocsin")
    if not host.is_running:
        if on_path is None:
            raise Failure(
                f"there is no tocsin in {host.root}: install it there first", ExitCode.UNAVAILABLE
            )
        return on_path
    running = Path(sys.prefix, "bin", "tocsin")
    if on_path and (not running.exists() or Path(on_path).samefile(running)):
        return on_path
    if not running.exists():
        raise Failure(f"there is no program tocsin on {sys.prefix}: {CURE}", ExitCode.UNAVAILABLE)
    return str(running)


def problems(host: Host, program: str) -> list[str]:
    """Reasons for which `program` must not run as a service, a sentence each."""
    if not PLAIN_PATH.fullmatch(program):
        return [f"{program}: sudo and systemd would misread this path; {CURE}"]
    if not host.is_running:
        return []
    used = (program, sys.prefix, sys.base_prefix, Path(__file__).parent, os.__file__)
    paths = sorted({Path(path).resolve() for path in used})
    return list(dict.fromkeys(problem for path in paths for problem in _problems_of(path)))


def _problems_of(used: Path) -> Iterator[str]:
    if str(used).startswith(tuple(f"{folder}/" for folder in HIDDEN_FROM_THE_UNIT)):
        yield f"{used}: the service cannot see this folder; {CURE}"
    for path in (used, *used.parents):
        if _may_be_changed(path.stat()):
            yield f"{path}: others than root may change it, and with it the service; {CURE}"


def _may_be_changed(status: os.stat_result) -> bool:
    return status.st_uid != 0 or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
