"""`tocsin` on real terminals: one that the test plays itself, and tmux."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.screen.terminal import Size, Terminal
from tests.support.program import ROOT, Tocsin
from tests.support.waiting import PATIENCE_S

TIMEOUT_S = PATIENCE_S


def environment(tocsin: Tocsin) -> dict[str, str]:
    """Return the surroundings that the program sees."""
    return {
        "HOME": str(tocsin.home),
        "TMPDIR": str(tocsin.home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
        **tocsin.environment,
    }


def on_terminal(tocsin: Tocsin, *arguments: str, size: Size = (80, 24), **more: str) -> Terminal:
    """The program on a terminal that the test plays; bare it opens the screen on the store."""
    return Terminal(
        [*tocsin.command, "--db", str(tocsin.db), *arguments],
        environment={**environment(tocsin), **more},
        folder=tocsin.home,
        size=size,
    )


@dataclass(frozen=True, slots=True)
class Tmux:
    """One tmux server with one window, in which the program runs."""

    socket: Path

    def send(self, *keys: str) -> None:
        """Press keys, as tmux names them."""
        self._run("send-keys", "-t", "tocsin", *keys)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._run("send-keys", "-t", "tocsin", "-l", text)

    def text(self) -> str:
        """Return what the window shows."""
        return self._run("capture-pane", "-p", "-t", "tocsin")

    def until(self, *wanted: str) -> str:
        """Wait until the window shows all of this. Raises AssertionError."""
        end_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end_s:
            text = self.text()
            if all(one in text for one in wanted):
                return text
            time.sleep(0.05)
        raise AssertionError(f"{wanted} is not in the window:\n{self.text()}")

    def end(self) -> None:
        """End the server, which may have gone with the program of its only window."""
        subprocess.run(self._command("kill-server"), capture_output=True, check=False)

    def _run(self, *words: str) -> str:
        command = self._command(*words)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def _command(self, *words: str) -> list[str]:
        return ["tmux", "-S", str(self.socket), "-f", os.devnull, *words]


@contextmanager
def in_tmux(tocsin: Tocsin, *arguments: str) -> Iterator[Tmux]:
    """The program in a window of 80x24 of a tmux of its own."""
    tmux = Tmux(tocsin.home / "tmux")
    pairs = [f"{name}={value}" for name, value in environment(tocsin).items()]
    command = [*tocsin.command, "--db", str(tocsin.db), *arguments]
    tmux._run("new-session", "-d", "-s", "tocsin", "-x", "80", "-y", "24", "env", *pairs, *command)
    try:
        yield tmux
    finally:
        tmux.end()
