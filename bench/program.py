"""The programs that are measured, as whole processes: the commands, the worker, the receiver."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import cpu_s

ROOT = Path(__file__).resolve().parent.parent
TOCSIN = str(Path(sys.executable).with_name("tocsin"))
PATIENCE_S = 300.0
INTERVAL = "0s"
"""The interval of the webhooks that are measured, and their linger."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """A home of its own, so that no configuration of ours counts."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **more}


def run(home: Path, *command: str, stdin: bytes = b"") -> bytes:
    """Run a command to its end, which must be a good one; its stdout."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, check=False, env=environment(home), cwd=home
    )
    assert done.returncode == 0, f"{command}: {done.returncode}: {done.stderr.decode()}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended well: its times by the monotonic clock, its processor time."""

    stdout: bytes
    began_s: float
    ended_s: float
    cpu_s: float


def timed(home: Path, *command: str) -> Ended:
    """Run a command that says little to its end, which must be a good one."""
    began_s = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(home), cwd=home)
    assert process.stdout is not None
    with process.stdout:
        stdout = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    ended_s = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command}: {process.returncode}"
    return Ended(stdout, began_s, ended_s, usage.ru_utime + usage.ru_stime)


def emit(db: Path, file: Path, *, count: int, program: tuple[str, ...] = (TOCSIN,)) -> Ended:
    """Queue the events of a file with `event emit`; all of them must be new."""
    ended = timed(db.parent, *program, "--db", str(db), "event", "emit", str(file))
    assert json.loads(ended.stdout)["accepted"] == count, ended.stdout
    return ended


@dataclass(frozen=True, slots=True)
class Running:
    """A worker under way."""

    pid: int
    started_s: float

    @property
    def cpu_s(self) -> float:
        """Its processor time so far."""
        return cpu_s(self.pid)


@contextmanager
def worker(
    db: Path, *, interval: str = INTERVAL, program: tuple[str, ...] = (TOCSIN,)
) -> Iterator[Running]:
    """A headless worker that sends; it is stopped at the end."""
    started_s = time.monotonic()
    process = subprocess.Popen(
        (*program, "--db", str(db), "worker", "run"),
        stderr=subprocess.PIPE,
        text=True,
        env=environment(db.parent, TOCSIN_INTERVAL=interval, TOCSIN_LINGER=interval),
    )
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if "sending" in line:
            break
    else:
        raise AssertionError("".join(lines))
    drain = threading.Thread(target=lines.extend, args=(process.stderr,), daemon=True)
    drain.start()
    try:
        yield Running(process.pid, started_s)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        drain.join()
    assert process.returncode == 0, "".join(lines)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The first request and the last body that a receiver got, by the monotonic clock."""

    first_s: float
    last_s: float


class Receiving:
    """A receiver under way: what it got, and when."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        self._process = process
        self.url = f"http://127.0.0.1:{self._stdout.readline().strip()}"

    def urls(self, count: int) -> list[str]:
        """So many URLs, a webhook's each."""
        return [f"{self.url}/{number}" for number in range(count)]

    def reset(self) -> None:
        """Forget what came."""
        self._write("reset")

    def wait(self, size: int) -> Arrival:
        """Wait until events of so many bytes have come, a comma counted with each."""
        timer = threading.Timer(PATIENCE_S, self._process.kill)
        timer.start()
        try:
            return Arrival(**json.loads(self._ask(f"await {size}")))
        finally:
            timer.cancel()

    def bodies(self) -> dict[str, list[tuple[int, str]]]:
        """Length and SHA-256 of each body that came, in order, by URL."""
        report: dict[str, list[tuple[int, str]]] = json.loads(self._ask("report"))
        return {
            f"{self.url}{path}": [(length, sha256) for length, sha256 in bodies]
            for path, bodies in report.items()
        }

    def _ask(self, request: str) -> str:
        self._write(request)
        answer = self._stdout.readline()
        assert answer, f"the receiver ended, or {request!r} took more than {PATIENCE_S:.0f} s"
        return answer

    def _write(self, line: str) -> None:
        self._stdin.write(line + "\n")
        self._stdin.flush()


@contextmanager
def receiver() -> Iterator[Receiving]:
    """A receiver that runs as a process of its own."""
    process = subprocess.Popen(
        (sys.executable, "-m", "bench.receiver"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield Receiving(process)
    finally:
        process.communicate()
