"""A store that goes from beneath a running program, which takes and sends nothing more then."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from domain.webhooks import WebhookFields
from sources.emit import EmitError, emit
from tests.support.program import Tocsin
from tests.support.program_store import access_of, answers, said, status_of
from tests.support.receiver_client import Receiver
from tests.support.stores import ALERTS, event, events
from tests.support.terminals import on_terminal
from tests.support.waiting import PATIENCE_S, eventually

SOON_S = 2.0
MARGIN_S = 25.0
"""Seconds that a machine which is busy with other things may add."""

EVENT = '{"type": "alerts", "id": "late", "attributes": {}}'


def put_backup(tocsin: Tocsin) -> None:
    tocsin.home.joinpath("copy.db").rename(tocsin.db)


def delete(tocsin: Tocsin) -> None:
    for file in tocsin.home.glob("tocsin.db*"):
        file.unlink()


def cut(tocsin: Tocsin) -> None:
    os.truncate(tocsin.db, 0)


FAULTS = [
    (put_backup, "another file was put in the place of"),
    (delete, "was deleted or moved away"),
    (cut, "was cut to 0 bytes"),
]
every_fault = pytest.mark.parametrize(("spoil", "sentence"), FAULTS)


@pytest.fixture
def served(tocsin: Tocsin, tmp_path: Path) -> Path:
    """A store with a socket for events and a backup beside it; the socket."""
    socket = tmp_path / "s"
    assert tocsin.run("source", "add", "socket", "--path", str(socket)).returncode == 0
    assert tocsin.run("db", "backup", "copy.db").returncode == 0
    return socket


def start(tocsin: Tocsin, socket: Path, *arguments: str) -> tuple[subprocess.Popen[str], Path]:
    log = tocsin.home / "worker.log"
    process = tocsin.start(*arguments, log=log)
    eventually(lambda: answers(str(socket)), "the socket answers")
    return process, log


def hand_in(tocsin: Tocsin, socket: Path) -> subprocess.CompletedProcess[str]:
    return tocsin.run("event", "emit", "--socket", str(socket), stdin=EVENT)


@every_fault
@pytest.mark.parametrize("arguments", [("worker", "run"), ("source", "run", "socket")])
def test_a_program_without_its_store_ends_and_says_so(
    tocsin: Tocsin,
    served: Path,
    arguments: tuple[str, ...],
    spoil: Callable[[Tocsin], None],
    sentence: str,
) -> None:
    process, log = start(tocsin, served, *arguments)
    spoil(tocsin)
    began_s = time.monotonic()
    eventually(lambda: said(log, sentence), "it says so")
    assert time.monotonic() - began_s < SOON_S + MARGIN_S
    assert process.wait(timeout=PATIENCE_S) == ExitCode.UNAVAILABLE
    assert "Traceback" not in log.read_text()
    if arguments[0] == "source":
        assert log.read_text().count(sentence) == 1
    assert "source :" not in log.read_text()


@every_fault
def test_nothing_is_acknowledged_without_a_store(
    tocsin: Tocsin, served: Path, spoil: Callable[[Tocsin], None], sentence: str
) -> None:
    start(tocsin, served, "worker", "run")
    spoil(tocsin)
    with pytest.raises((EmitError, OSError)):
        emit(json.loads(EVENT), str(served))


def test_after_a_replacement_the_next_start_uses_what_is_there(
    tocsin: Tocsin, served: Path
) -> None:
    process, _ = start(tocsin, served, "worker", "run")
    assert hand_in(tocsin, served).returncode == 0
    put_backup(tocsin)
    process.wait(timeout=PATIENCE_S)
    start(tocsin, served, "worker", "run")
    assert status_of(tocsin)["events"]["alerts"] == 0
    assert hand_in(tocsin, served).returncode == 0
    assert tocsin.run("db", "check").returncode == 0


@pytest.mark.parametrize("spoil", [delete, cut])
def test_no_new_store_is_made_in_its_place(
    tocsin: Tocsin, served: Path, spoil: Callable[[Tocsin], None]
) -> None:
    spoil(tocsin)
    for command in (("worker", "run"), ("event", "emit"), ("status",), ("webhook", "list")):
        done = tocsin.run(*command, stdin=EVENT)
        assert done.returncode == ExitCode.UNAVAILABLE
        assert "its key" in done.stderr
        assert "--new-store" in done.stderr
    check = tocsin.run("status", "--check")
    assert check.returncode == ExitCode.UNAVAILABLE
    assert check.stdout.startswith("FAIL - the store ")
    assert not tocsin.db.exists() or tocsin.db.stat().st_size == 0
    assert tocsin.run("db", "restore", "copy.db").returncode == 0
    assert [source["name"] for source in status_of(tocsin)["sources"]] == [
        "sign-ins",
        "socket",
    ]


def cut_to_less_than_a_page(tocsin: Tocsin) -> None:
    os.truncate(tocsin.db, 1_000)


def damage(tocsin: Tocsin) -> None:
    tocsin.db.with_name("tocsin.db-wal").unlink(missing_ok=True)
    tocsin.db.write_bytes(tocsin.db.read_bytes()[:4_096] + bytes(40_960))


@pytest.mark.parametrize("spoil", [cut_to_less_than_a_page, damage])
def test_the_cure_that_is_named_for_a_damaged_store_is_one(
    tocsin: Tocsin, served: Path, spoil: Callable[[Tocsin], None]
) -> None:
    process, log = start(tocsin, served, "worker", "run")
    if spoil is damage:
        process.kill()
        process.wait()
    spoil(tocsin)
    if spoil is cut_to_less_than_a_page:
        eventually(lambda: said(log, "move it away and run `tocsin db restore`"), "it says so")
    process.wait(timeout=PATIENCE_S)
    done = tocsin.run("db", "restore", "copy.db")
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "move it away and restore a backup" in done.stderr
    tocsin.db.rename(tocsin.home / "damaged.db")
    assert tocsin.run("db", "restore", "copy.db").returncode == 0
    assert tocsin.run("db", "check").returncode == 0


def test_a_new_store_is_made_once_where_it_is_said(tocsin: Tocsin, served: Path) -> None:
    delete(tocsin)
    made = tocsin.run("event", "emit", "--new-store", stdin=EVENT)
    assert json.loads(made.stdout)["accepted"] == 1, made.stderr
    again = tocsin.run("event", "emit", "--new-store", stdin=EVENT)
    assert again.returncode == ExitCode.CHECK_FAILED
    assert "leave --new-store out" in again.stderr


def test_a_restore_that_fails_makes_no_store(tocsin: Tocsin, served: Path) -> None:
    delete(tocsin)
    backup = tocsin.home / "copy.db"
    content = bytearray(backup.read_bytes())
    content[40_960:65_536] = b"\xff" * 24_576
    backup.write_bytes(content)
    assert tocsin.run("db", "restore", "copy.db").returncode == ExitCode.UNAVAILABLE
    assert not tocsin.db.exists()
    assert tocsin.run("worker", "run").returncode == ExitCode.UNAVAILABLE


def test_an_attempt_in_flight_keeps_no_worker_without_a_store(
    tocsin: Tocsin, served: Path, receiver: Receiver
) -> None:
    with access_of(tocsin) as desk:
        desk.add(WebhookFields(ALERTS, receiver.url("/held/gone")))
        desk.append(event(1))
    patient = ("--set", "linger=0s", "--set", "timeout=10m", "--set", "grace=10m")
    process, log = start(tocsin, served, "worker", "run", *patient)
    receiver.wait("/held/gone", count=1)
    delete(tocsin)
    assert process.wait(timeout=PATIENCE_S) == ExitCode.UNAVAILABLE
    assert "this is a bug" not in log.read_text()


def test_a_second_name_of_the_store_is_told(tocsin: Tocsin, served: Path) -> None:
    process, log = start(tocsin, served, "worker", "run")
    os.link(tocsin.db, tocsin.home / "second.db")
    eventually(lambda: said(log, "has 2 names (hard links)"), "the worker says so")
    assert [text for text in status_of(tocsin)["warnings"] if "2 names" in text]
    assert tocsin.run("event", "emit", stdin=EVENT).returncode == ExitCode.UNAVAILABLE
    assert hand_in(tocsin, served).returncode == 0
    assert process.poll() is None


@every_fault
def test_the_screen_says_so_and_ends_with_its_own_status(
    tocsin: Tocsin, served: Path, spoil: Callable[[Tocsin], None], sentence: str
) -> None:
    with access_of(tocsin) as desk:
        desk.append(*events(1, 3))
    with on_terminal(tocsin, size=(160, 24)) as terminal:
        terminal.read_until("this terminal")
        spoil(tocsin)
        began_s = time.monotonic()
        terminal.read_until(sentence)
        assert time.monotonic() - began_s < SOON_S + MARGIN_S
        terminal.send("\x11")
        assert terminal.end() == ExitCode.UNAVAILABLE
