"""The agent and the broker of Pro Custodibus as they are on PyPI, in an environment of their own.

They bring libraries that ours must not have, so they are never installed beside Tocsin.
"""

from __future__ import annotations

import re
import subprocess
import venv
from pathlib import Path

import pytest

from tests.support.certificates import Authority

AGENT = "procustodibus-agent==1.10.4"
BROKER = "procustodibus-broker==1.1.1"
_FILE = re.compile(r"^# (/\S+)\n(.*?)(?=^# /|\Z)", re.MULTILINE | re.DOTALL)


def install(folder: Path) -> Path:
    """The folder of their commands; skips with the reason where they cannot be installed."""
    venv.create(folder, with_pip=True)
    commands = folder / "bin"
    options = ("--quiet", "--disable-pip-version-check", "--only-binary=:all:")
    try:
        subprocess.run(
            [commands / "python", "-m", "pip", "install", *options, AGENT, BROKER],
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the package index did not answer in time")
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["pip failed"]
        pytest.skip(f"{AGENT} and {BROKER} cannot be installed here: {last[0]}")
    return commands


def trust(commands: Path, authority: Authority) -> None:
    """Let the broker trust an authority; it knows no other way than certifi's own file."""
    [bundle] = commands.parent.glob("lib/*/site-packages/certifi/cacert.pem")
    text, ours = bundle.read_text(), authority.file.read_text()
    if ours not in text:
        bundle.write_text(text + ours)


def write_files(printed: str, folder: Path) -> Path:
    """Write the two files that `host add` or `broker add` printed; the path of the first."""
    folder.mkdir()
    written = []
    for path, text in _FILE.findall(printed):
        file = folder / Path(path).name
        file.write_text(text)
        written.append(file)
    main, setup = written
    assert setup.stem == f"{main.stem}-setup"
    return main


PINGS_WHEN_TOLD = """
import sys
from procustodibus_agent.agent import ping
from procustodibus_agent.cnf import Cnf
cnf = Cnf(sys.argv[1])
for _ in sys.stdin:
    cnf = ping(cnf)
    print("pinged", flush=True)
"""
"""The agent's own ping, once for each line: its loop waits by the clock, a new start takes 1 s."""


def can_connect(port: int) -> str:
    """A program that waits until something listens on this port of its own host."""
    return (
        "import socket, time\n"
        "deadline = time.monotonic() + 60\n"
        "while True:\n"
        "    try:\n"
        f"        socket.create_connection(('127.0.0.1', {port}), 5).close(); break\n"
        "    except OSError:\n"
        "        assert time.monotonic() < deadline\n"
        "        time.sleep(0.05)\n"
    )
