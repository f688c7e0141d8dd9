"""A program that is killed before one of its calls that change the disk, at each in turn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.program import ROOT

_PRELUDE = """
import os, signal, sys
from pathlib import Path

left = int(sys.argv.pop(1))

def count(*names):
    def counted(name):
        real = getattr(os, name)
        def call(*args, **named):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **named)
        setattr(os, name, call)
    for name in names:
        counted(name)
"""


def is_killed(script: str, step: int, *arguments: Path | str) -> bool:
    """Run a script that says by `count("fsync", ...)` which calls of `os` are its steps.

    False if it ended before that step.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PRELUDE + script, str(step), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0
