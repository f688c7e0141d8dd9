"""syslog-ng beside Tocsin: what an admin would take instead.

It gets the same events over TCP, keeps them in a reliable disk buffer for each receiver and sends
them in lists of the same length. Its buffer is never synced, and it recognises no repeats.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.processes import cpu_s
from bench.program import PATIENCE_S

PROGRAM = shutil.which("syslog-ng") or shutil.which("syslog-ng", path="/usr/sbin")
INSTALL = "apt install syslog-ng-core syslog-ng-mod-http"
NOBODY = "http://127.0.0.1:9/"
SOURCE = """@version: {version}
options {{
  stats(level(0)); keep-hostname(yes); time-reopen(1); use-dns(no); dns-cache(no);
  log-msg-size(65536);
}};
source events {{
  network(ip("127.0.0.1") port({port}) transport("tcp") flags(no-parse) max-connections(8)
    log-fetch-limit(1000) log-iw-size(100000));
}};
"""
DESTINATION = """destination d{number} {{
  http(url("{url}") persist-name("d{number}") method("POST")
    headers("Content-Type: application/json")
    body-prefix("[") body("${{MESSAGE}}") delimiter(",") body-suffix("]")
    batch-lines({batch}) batch-timeout(100) workers(1) timeout(30) time-reopen(1) retries(1000000)
    log-fifo-size(2000000)
    disk-buffer(reliable(yes) capacity-bytes(4294967296) flow-control-window-bytes(104857600)
      dir("{folder}")));
}};
"""


@cache
def lacking() -> str:
    """A sentence that says what to install; empty if syslog-ng with its http module is here."""
    if PROGRAM is None:
        return f"syslog-ng is not installed: {INSTALL}"
    modules = subprocess.run((PROGRAM, "--module-registry"), capture_output=True, check=False)
    if b"Module: http" not in modules.stdout:
        return f"syslog-ng has no http module: {INSTALL}"
    return ""


@cache
def version() -> str:
    """Its version, such as 4.8.1."""
    assert PROGRAM is not None
    said = subprocess.run((PROGRAM, "--version"), capture_output=True, text=True, check=True)
    return said.stdout.split("(", 1)[1].split(")")[0]


@dataclass(frozen=True, slots=True)
class Feeding:
    """syslog-ng under way."""

    pid: int
    port: int
    started_s: float

    @property
    def cpu_s(self) -> float:
        """Its processor time so far."""
        return cpu_s(self.pid)

    def feed(self, file: Path) -> None:
        """Send a file of lines, and wait until all of it was read."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            with file.open("rb") as lines:
                connection.sendfile(lines)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(PATIENCE_S)
            assert connection.recv(1) == b"", "syslog-ng answered"


@contextmanager
def serving(folder: Path, urls: Sequence[str], *, batch: int) -> Iterator[Feeding]:
    """syslog-ng with a buffer in this folder for each URL; it is stopped at the end."""
    folder.mkdir(exist_ok=True)
    port = _free_port()
    (folder / "conf").write_text(_configuration(folder, port, urls, batch))
    started_s = time.monotonic()
    process = subprocess.Popen(_command(folder), stderr=subprocess.DEVNULL, cwd=folder)
    try:
        _wait_for(port, process)
        yield Feeding(process.pid, port, started_s)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _configuration(folder: Path, port: int, urls: Sequence[str], batch: int) -> str:
    known = ".".join(version().split(".")[:2])
    destinations = [
        DESTINATION.format(number=number, url=url, batch=batch, folder=folder)
        for number, url in enumerate(urls)
    ]
    names = " ".join(f"destination(d{number});" for number in range(len(urls)))
    log = f"log {{ source(events); {names} flags(flow-control); }};\n"
    return SOURCE.format(version=known, port=port) + "".join(destinations) + log


def _command(folder: Path) -> tuple[str, ...]:
    assert PROGRAM is not None
    files = (
        ("--cfgfile", "conf"),
        ("--persist-file", "persist"),
        ("--pidfile", "pid"),
        ("--control", "ctl"),
    )
    return (
        PROGRAM,
        "--foreground",
        "--no-caps",
        *(f"{option}={folder / name}" for option, name in files),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_s = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < ends_s:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise AssertionError("syslog-ng does not listen")
