"""The program as a user runs it, with a home and a store of its own.

A command that ends by itself runs in the test's own process, which spares it the start of Python;
what is about signals, rights, standard streams or the program's end needs a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

import pytest

from cli.main import run
from store.models import database
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
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
        self, *arguments: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, in this process if the program is the one that is here."""
        if self.command != COMMAND:
            return self.run_apart(*arguments, stdin=stdin, **environment)
        words = ["--db", str(self.db), *arguments]
        with _surroundings(self.home, self._environment(environment), stdin) as (out, err):
            return subprocess.CompletedProcess(words, _main(words), _written(out), _written(err))

    def run_apart(
        self, *arguments: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, in a process of its own."""
        return subprocess.run(
            self._command(arguments),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE_S,
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


def _main(words: list[str]) -> int:
    try:
        return run(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


@contextlib.contextmanager
def _surroundings(
    home: Path, environment: dict[str, str], stdin: str
) -> Iterator[tuple[IO[str], IO[str]]]:
    """Give a block streams, variables and folder as a process has; ours are back at its end."""
    umask, engine = os.umask(0o022), database.obj
    with contextlib.ExitStack() as files, pytest.MonkeyPatch.context() as patch:
        given, out, err = (
            files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3)
        )
        given.write(stdin)
        given.seek(0)
        patch.setattr(sys, "stdin", given)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        for name in {*os.environ} - {*environment}:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(os, "setuid", _refuse)
        patch.setattr(os, "seteuid", _refuse)
        patch.chdir(home)
        try:
            yield out, err
        finally:
            os.umask(umask)
            database.initialize(engine)


def _refuse(_uid: int) -> NoReturn:
    raise AssertionError("it would become another user for good: run it in a process of its own")


def _written(stream: IO[str]) -> str:
    stream.seek(0)
    return stream.read()
