"""The program itself, as a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOCSIN = str(Path(sys.executable).with_name("tocsin"))
NOTHING = (sys.executable, "-c", "pass")


def environment(home: Path) -> dict[str, str]:
    """A home of its own, so that no configuration of ours counts."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def run(home: Path, *command: str, stdin: bytes = b"") -> bytes:
    """Run a command to its end, which must be a good one; its stdout."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, check=False, env=environment(home), cwd=home
    )
    assert done.returncode == 0, f"{command}: {done.returncode}: {done.stderr.decode()}"
    return done.stdout


@contextmanager
def receiver() -> Iterator[str]:
    """The URL of a receiver that runs as a process of its own."""
    process = subprocess.Popen(
        (sys.executable, "-m", "bench.receiver"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.communicate()
