"""The unmodified broker of Pro Custodibus pulls from us into a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.custodibus import can_connect, trust, write_files
from tests.support.certificates import Authority
from tests.support.program import Tocsin
from tests.support.program_store import free_port
from tests.support.waiting import PATIENCE_S

pytestmark = [pytest.mark.xdist_group("custodibus"), pytest.mark.timeout(600)]


def done(tocsin: Tocsin, *arguments: str, stdin: str = "") -> str:
    finished = tocsin.run(*arguments, stdin=stdin)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


class Pulling:
    """Tocsin that serves its queues, and the broker that pulls from it."""

    def __init__(self, tocsin: Tocsin, commands: Path, folder: Path, authority: Authority) -> None:
        self.tocsin = tocsin
        self.port = free_port()
        listen = f"127.0.0.1:{self.port}"
        certificate, private_key = map(str, authority.issue())
        tls = ("--certificate", certificate, "--private-key", private_key)
        done(tocsin, "source", "add", "http", "--serves", "queues", "--listen", listen, *tls)
        trust(commands, authority)
        self.conf = write_files(done(tocsin, "broker", "add", "siem"), folder)
        self.file = folder / "events.log"
        self._set("File = /var/log/tocsin-events.log", f"File = {self.file}")
        self._set("Max = 100", "Max = 10")
        self._command = (commands / "procustodibus-broker", "-c", self.conf)
        self.serve()

    def _set(self, line: str, other: str) -> None:
        text = self.conf.read_text()
        assert line in text
        self.conf.write_text(text.replace(line, other))

    def serve(self) -> None:
        self.tocsin.start("source", "run", "http")
        subprocess.run([sys.executable, "-c", can_connect(self.port)], check=True, timeout=90)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE_S,
            check=False,
            env={"PATH": os.environ["PATH"]},  # a bundle of this machine would hide certifi's
        )

    def round(self) -> bool:
        """One round of the queues; whether it went well."""
        return self.run().returncode == 0

    def break_a_queue(self) -> None:
        """Let the last queue of each round fail, after the others were read."""
        self._set("log_changes", "log_changes, no/queue")

    def mend(self) -> None:
        self._set("log_changes, no/queue", "log_changes")

    def emit(self, first: int, last: int) -> None:
        lines = [
            json.dumps({"type": "alerts", "id": f"e{number}", "attributes": {"n": number}})
            for number in range(first, last + 1)
        ]
        done(self.tocsin, "event", "emit", stdin="\n".join(lines))

    def written(self) -> list[int]:
        """The numbers of the alerts; the broker's own sign-ins, which it pulls too, have none."""
        if not self.file.exists():
            return []
        events = [json.loads(line) for line in self.file.read_text().splitlines()]
        return [event["attributes"]["n"] for event in events if event["type"] == "alerts"]

    def queued(self) -> int:
        [shown] = json.loads(done(self.tocsin, "broker", "list", "--json"))
        return int(shown["queued"]["alerts"])


@pytest.fixture
def pulling(
    tocsin: Tocsin, custodibus_commands: Path, tmp_path: Path, authority: Authority
) -> Pulling:
    """With TLS, by a certificate of an authority of our own."""
    return Pulling(tocsin, custodibus_commands, tmp_path / "broker", authority)


def test_a_broker_sets_itself_up_and_pulls_everything_once(pulling: Pulling) -> None:
    said = pulling.run("--test")
    assert "can access queues on api for siem" in said.stdout
    assert "All systems go" in said.stdout
    pulling.emit(1, 25)
    assert pulling.queued() == 25
    for _ in range(4):
        assert pulling.round()
    assert pulling.written() == list(range(1, 26))
    assert pulling.queued() == 0


def test_a_round_that_fails_loses_nothing(pulling: Pulling) -> None:
    """The broker writes nothing of a round in which one queue fails, not even what it had read."""
    pulling.run("--test")
    pulling.emit(1, 5)
    pulling.break_a_queue()
    assert not pulling.round()
    assert pulling.written() == []
    pulling.mend()
    pulling.run("--test")  # as its loop does after each round that failed
    assert pulling.round()
    assert pulling.written() == [1, 2, 3, 4, 5]


def test_a_server_that_dies_costs_at_most_a_repeat(pulling: Pulling) -> None:
    pulling.run("--test")
    pulling.emit(1, 15)
    assert pulling.round()
    pulling.tocsin.kill_all()
    assert not pulling.round()
    pulling.serve()
    for _ in range(3):
        assert pulling.round()
    assert pulling.written() == [*range(1, 11), *range(1, 16)]
