"""The program as a user runs it: a process of its own, with a home and a store of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What the console script does, without an installation; -P keeps the working folder out.
COMMAND = (sys.executable, "-P", "-c", "import sys; from cli.main import main; sys.exit(main())")


@dataclass(slots=True)
class Tocsin:
    """Runs `tocsin --db DB ...` with a private home folder."""

    home: Path
    db: Path
    command: tuple[str, ...] = COMMAND
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(
        self, *arguments: str, stdin: str = "", timeout: float = 60, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            self._command(arguments),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=self._environment(environment),
            cwd=self.home,
        )

    def start(
        self, *arguments: str, log: Path | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        """Start one command, such as a worker; it is killed when the test ends.

        What it says goes into pipes, or after what `log` holds: a pipe that nobody reads stops a
        program that says much.
        """
        with contextlib.ExitStack() as files:
            target = files.enter_context(log.open("a")) if log else subprocess.PIPE
            process = subprocess.Popen(
                self._command(arguments),
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=target,
                text=True,
                env=self._environment(environment),
                cwd=self.home,
            )
        self.started.append(process)
        return process

    def kill_all(self) -> None:
        """Kill what was started and still runs, stopped ones too."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.communicate()
        self.started.clear()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [*self.command, "--db", str(self.db), *arguments]

    def _environment(self, extra: dict[str, Any]) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "LC_ALL": "C.UTF-8",
            **self.environment,
            **extra,
        }
