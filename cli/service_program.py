"""Which `tocsin` the service and the sudo rule run, and whether it is safe to."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from cli.exit_codes import ExitCode, Failure
from cli.service_host import Host

HIDDEN_FROM_THE_UNIT = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # refused
PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._+-]+")
CURE = (
    "install tocsin for the whole host first: `sudo python3 -m venv /opt/tocsin`, and in its clone "
    "`sudo /opt/tocsin/bin/pip install --require-hashes -r requirements/run.txt "
    "-r requirements/build.txt` and `sudo /opt/tocsin/bin/pip install --no-deps "
    "--no-build-isolation .`"
)


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
    """Why `program` must not run as a service: one sentence each."""
    if not PLAIN_PATH.fullmatch(program):
        return [f"{program}: sudo and systemd would misread this path; {CURE}"]
    if not host.is_running:
        return []
    used = (program, sys.prefix, sys.base_prefix, Path(__file__).parent, os.__file__)
    places = sorted({Path(place).resolve() for place in used})
    return list(dict.fromkeys(problem for place in places for problem in _problems_of(place)))


def _problems_of(place: Path) -> Iterator[str]:
    if str(place).startswith(tuple(f"{folder}/" for folder in HIDDEN_FROM_THE_UNIT)):
        yield f"{place}: the service cannot see this folder; {CURE}"
    for path in (place, *place.parents):
        if _may_be_changed(path.stat()):
            yield f"{path}: others than root may change it, and with it the service; {CURE}"


def _may_be_changed(status: os.stat_result) -> bool:
    return status.st_uid != 0 or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
