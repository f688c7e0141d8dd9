"""The examples of README and docs, run as they stand."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sources.emit import EmitError, emit
from tests.support.documents import DOCS, README, code_blocks, section
from tests.support.program import COMMAND, Tocsin
from tests.support.program_store import answers, free_port
from tests.support.waiting import eventually


@pytest.fixture
def port() -> int:
    return free_port()


@contextmanager
def running(process: subprocess.Popen[str], port: int) -> Iterator[None]:
    """Wait until a server accepts; kill it in the end."""
    try:
        while True:
            assert process.poll() is None, "the server ended"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            except ConnectionRefusedError:
                continue
            break
        yield
    finally:
        process.kill()
        process.communicate()


def test_the_first_webhook(tocsin: Tocsin, port: int, tmp_path: Path) -> None:
    pages = ((DOCS / "receivers.md", "A receiver to try it with"), (README, "First webhook"))
    blocks = [block for page in pages for block in code_blocks(section(*page), "sh")]
    receiver, steps = [block.replace("8080", str(port)) for block in blocks]
    environment = shell_environment(tocsin, tmp_path)
    received = tmp_path / "received"
    with received.open("w") as output:
        server = subprocess.Popen(
            ("bash", "-ec", f"exec {receiver}"), stdout=output, env=environment, text=True
        )
        with running(server, port):
            script = f"set -o pipefail\n{steps}"
            done = subprocess.run(
                ("bash", "-exc", script), env=environment, capture_output=True, text=True
            )
    assert done.returncode == 0, done.stderr
    assert "delivered: answered 204 No Content" in done.stdout
    assert '{"accepted": 1, "repeated": 0}' in done.stdout
    tested, event = map(json.loads, received.read_text().splitlines())
    assert tested[0]["attributes"]["test"] is True
    assert event[0]["attributes"]["type"] == "brute_force"
    [delivery] = json.loads(tocsin.run("delivery", "list", "--json").stdout)
    assert delivery["state"] == "delivered"


def shell_environment(tocsin: Tocsin, folder: Path) -> dict[str, str]:
    """A shell in which `tocsin` and `python3` are those of this test."""
    programs = folder / "bin"
    programs.mkdir()
    for name, command in (("tocsin", COMMAND), ("python3", (sys.executable,))):
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        script.chmod(0o755)
    home = {"HOME": str(tocsin.home), "TOCSIN_DB": str(tocsin.db), "LC_ALL": "C.UTF-8"}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {**home, "PATH": path, "PYTHONPATH": str(README.parent)}


def test_the_example_of_a_receiver(tocsin: Tocsin, port: int, tmp_path: Path) -> None:
    [program] = code_blocks((DOCS / "receivers.md").read_text(encoding="utf-8"), "python")
    url = f"http://127.0.0.1:{port}/"
    added = tocsin.run(
        *("webhook", "add", "--type", "alerts", "--url", url, "--secret", "generate", "--json")
    )
    secret = json.loads(added.stdout)["generated_secret"]
    server = subprocess.Popen(
        (sys.executable, "-c", program),
        env={**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)},
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with running(server, port):
        assert tocsin.run("webhook", "test", "1").returncode == 0
        events = [{"type": "alerts", "id": f"e{n}", "attributes": {}} for n in range(3)]
        tocsin.run("event", "emit", stdin="\n".join(map(json.dumps, events)))
        assert tocsin.run("worker", "run", "--until-empty").returncode == 0
        tocsin.run("webhook", "edit", "1", "--secret", "generate")
        refused = tocsin.run("webhook", "test", "1")
    assert (refused.returncode, refused.stdout[:30]) == (1, "not delivered: answered 401 Un")
    with sqlite3.connect(tmp_path / "received.db") as db:
        ids = [id_ for (id_,) in db.execute("SELECT id FROM event ORDER BY rowid")]
    db.close()
    assert ids[1:] == ["e0", "e1", "e2"]


def test_the_example_of_a_program(tocsin: Tocsin, tmp_path: Path) -> None:
    [program] = code_blocks((DOCS / "intake.md").read_text(encoding="utf-8"), "python")
    shown = code_blocks((DOCS / "intake.md").read_text(encoding="utf-8"), "json")
    path = str(tmp_path / "s")
    program = program.replace("/run/tocsin/events.sock", path)
    assert tocsin.run("source", "add", "socket", "--path", path).returncode == 0
    tocsin.start("source", "run", "socket")
    eventually(lambda: answers(path), "the socket answers")
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=README.parent, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("{'accepted': 1, 'repeated': 0}\n", "")
    with pytest.raises(EmitError) as caught:
        emit([{"type": "alerts", "attributes": {}}, {"type": "alerts"}], path)
    told = json.loads(shown[1])
    assert (caught.value.reason, caught.value.place) == (told["error"], told["place"])
