"""Sentences of commands about a store before, during and after an interrupted upgrade."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from cli.output import ProgressLine
from store import migrations
from store.migrations import progress
from store.workers import SendingLock
from tests.cli.test_log_lines import start
from tests.store.test_interrupted_upgrade import KILLED
from tests.support.program import Tocsin
from tests.support.program_store import status_of
from tests.support.released_stores import RELEASED, copy_of, kept_by
from tests.support.stores import ALERTS, run_child
from tests.support.terminals import on_terminal
from tests.support.waiting import PATIENCE_S, eventually

KEPT = kept_by(RELEASED[0])
EVENT = KEPT["events"]["alerts"][0][1]
DELIVERY = KEPT["deliveries"][0]["public_id"]
READING = [
    ("status",),
    ("status", "--json"),
    ("webhook", "list"),
    ("webhook", "list", "--json"),
    ("webhook", "show", "1"),
    ("event", "list", "--type", "alerts"),
    ("event", "list", "--type", "alerts", "--search", "a"),
    ("event", "show", EVENT),
    ("delivery", "list"),
    ("delivery", "list", "--json"),
    ("delivery", "show", DELIVERY),
    ("source", "list"),
    ("source", "show", "sign-ins"),
    ("refused", "list", "sign-ins"),
    ("alert", "list"),
    ("host", "list"),
    ("broker", "list"),
    ("token", "list"),
    ("worker", "list"),
    ("audit",),
    ("config", "export"),
]
WRITING = [
    ("event", "emit"),
    ("worker", "pause"),
    ("webhook", "pause", "1"),
    ("config", "set", "interval", "5m"),
    ("db", "prune"),
]


@pytest.fixture
def older(tocsin: Tocsin) -> Tocsin:
    """The program on a store of the first released schema."""
    copy_of(RELEASED[0], tocsin.db)
    return tocsin


@contextmanager
def upgrading(path: Path, phase: str = "index") -> Iterator[None]:
    """Have a store upgraded in part, and a process at work on it."""
    with pytest.raises(AssertionError):
        run_child(KILLED, path, phase, "1")
    lock = progress.lock_of(path)
    assert lock.acquire()
    yield
    lock.release()


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_an_older_store_is_read_by_every_command(older: Tocsin, words: tuple[str, ...]) -> None:
    done = older.run(*words)
    assert done.returncode == 0, done.stderr
    assert (
        "it is only read until `tocsin db upgrade`, or a worker that starts, brings it up to date"
    ) in done.stderr
    assert done.stdout


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_so_is_one_that_is_being_upgraded(older: Tocsin, words: tuple[str, ...]) -> None:
    with upgrading(older.db):
        done = older.run(*words)
    assert done.returncode == 0, done.stderr
    assert f"{older.db} is being upgraded (39 %): until that is done it is only read" in done.stderr
    assert done.stdout


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_commands_that_would_write_ask_to_try_again(older: Tocsin, words: tuple[str, ...]) -> None:
    with upgrading(older.db):
        done = older.run(*words, stdin='{"type": "alerts", "id": "x", "attributes": {}}')
    assert done.returncode == ExitCode.TEMPORARY, done.stderr
    assert "is being upgraded (39 %)" in done.stderr
    done = older.run(*words, stdin='{"type": "alerts", "id": "x", "attributes": {}}')
    assert done.returncode == ExitCode.TEMPORARY
    assert "was interrupted at 39 %" in done.stderr
    assert "run `tocsin db upgrade`" in done.stderr


def test_ctrl_c_says_what_becomes_of_the_store(
    older: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_line: ProgressLine, percent: int, _part: str) -> None:
        if percent > 25:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ProgressLine, "show", interrupt)
        done = older.run("db", "upgrade")
    assert done.returncode == ExitCode.INTERRUPTED
    assert f"the upgrade of {older.db} was interrupted at " in done.stderr
    assert "only read: run `tocsin db upgrade`, or start a worker, to go on with it" in done.stderr
    assert older.run("db", "upgrade").returncode == ExitCode.OK
    assert older.run("db", "check").returncode == ExitCode.OK


def test_a_second_worker_says_so_and_ends(older: Tocsin) -> None:
    with upgrading(older.db):
        done = older.run("worker", "run", "--once")
        assert done.returncode == ExitCode.TEMPORARY
        assert "is being upgraded (39 %)" in done.stderr


def test_status_says_how_far_it_is(older: Tocsin) -> None:
    with upgrading(older.db):
        status = status_of(older)
        assert share(status) == (39, True)
        assert status["store"]["outdated"]
        assert any("is being upgraded (39 %)" in text for text in status["warnings"])
        check = older.run("status", "--check")
        assert (check.returncode, "is being upgraded" in check.stdout) == (1, True)
    assert share(status_of(older)) == (39, False)
    assert progress.copy_of(older.db, migrations.LATEST).exists()
    shown = older.run("status")
    assert "delete it" not in shown.stdout + shown.stderr  # it is the way back until then
    assert "nobody is sending" not in shown.stdout + shown.stderr


def test_the_check_of_an_older_store_names_the_upgrade(older: Tocsin) -> None:
    check = older.run("status", "--check")
    assert check.returncode == ExitCode.CHECK_FAILED
    words = f"{older.db} is of an older Tocsin: it is only read until `tocsin db upgrade`"
    assert check.stdout.startswith(f"FAIL - {words}, or a worker that starts, brings it")
    assert "nobody is sending" not in check.stdout


def test_a_copy_that_was_deleted_meanwhile_is_not_named(older: Tocsin) -> None:
    with upgrading(older.db):
        pass
    copy = progress.copy_of(older.db, migrations.LATEST)
    copy.unlink()
    done = older.run("db", "upgrade")
    assert done.returncode == 0
    assert str(copy) not in done.stdout + done.stderr


def share(status: Any) -> tuple[object, object]:
    """Return the members of `status --json` about an upgrade."""
    return status["store"]["upgrade_percent"], status["store"]["upgrade_under_way"]


def test_the_copy_is_named_until_it_is_deleted(older: Tocsin) -> None:
    done = older.run("db", "upgrade")
    assert done.returncode == 0, done.stderr
    copy = progress.copy_of(older.db, migrations.LATEST)
    status = status_of(older)
    assert status["store"]["copies"] == [{"path": str(copy), "bytes": copy.stat().st_size}]
    assert f"{copy} (" in older.run("status").stdout
    assert "in clear" in older.run("status").stdout
    assert older.run("status", "--check").returncode == status_of_check(older, copy)


def test_the_copy_of_an_earlier_upgrade_is_named_beside_the_new_one(older: Tocsin) -> None:
    earlier = progress.copy_of(older.db, migrations.LATEST)
    shutil.copyfile(older.db, earlier)
    with upgrading(older.db):
        backup = older.run("db", "backup", str(older.home / "backup.db"))
    made = progress.copy_of(older.db, migrations.LATEST, 2)
    assert f"lies in {made} once" in backup.stderr
    done = older.run("db", "upgrade")
    assert f"lies in {made} (" in done.stderr
    assert f"lies in {earlier} (" not in done.stderr
    assert f"WARNING: {made} is the store as it was" in done.stderr
    named = [copy["path"] for copy in status_of(older)["store"]["copies"]]
    assert named == [str(earlier), str(made)]


def status_of_check(tocsin: Tocsin, copy: Path) -> int:
    """The code of `status --check` when the copy is gone: the copy is no fault."""
    copy.unlink()
    assert status_of(tocsin)["store"]["copies"] == []
    return tocsin.run("status", "--check").returncode


def test_a_backup_waits_for_the_end_of_an_upgrade(older: Tocsin, tmp_path: Path) -> None:
    with upgrading(older.db):
        done = older.run("db", "backup", str(tmp_path / "backup.db"))
    assert done.returncode == ExitCode.TEMPORARY
    assert "back it up when that is done" in done.stderr
    assert not (tmp_path / "backup.db").exists()


def test_an_upgrade_writes_a_line_for_each_tenth(older: Tocsin) -> None:
    lines = older.run("db", "upgrade").stderr.splitlines()
    shares = [line for line in lines if " is being upgraded: " in line]
    assert 4 <= len(shares) <= 20
    assert f"{older.db} is being upgraded: 39 %, their index" in shares


def test_on_a_terminal_it_draws_one_line(older: Tocsin) -> None:
    with on_terminal(older, "db", "upgrade") as terminal:
        assert terminal.end() == 0
        drawn = b"".join(chunk.data for chunk in terminal.chunks).decode()
    last = drawn.rsplit("is being upgraded: ", 1)[-1]
    assert drawn.count("\n") <= 3
    assert "\r\x1b[K" in last
    assert "is now of schema" in last


@contextmanager
def stopped() -> Iterator[int]:
    """A terminal that takes no output, as after Ctrl+S."""
    master, slave = os.openpty()
    termios.tcflow(slave, termios.TCOOFF)
    yield slave
    for end in (master, slave):
        os.close(end)


@contextmanager
def gone() -> Iterator[int]:
    """A terminal that is not there any more."""
    master, slave = os.openpty()
    os.close(master)
    yield slave
    os.close(slave)


@pytest.mark.parametrize("terminal", [stopped, gone])
def test_a_terminal_that_takes_nothing_is_not_in_the_way(
    older: Tocsin, terminal: Callable[[], AbstractContextManager[int]]
) -> None:
    with terminal() as stderr:
        process = start(older, stderr, "db", "upgrade")
        eventually(lambda: is_upgraded(older.db), "the store is upgraded")
        if terminal is stopped:
            termios.tcflow(stderr, termios.TCOON)
        assert process.wait(PATIENCE_S) == ExitCode.OK


def test_nor_is_it_in_the_way_of_a_worker_that_has_something_to_warn_of(older: Tocsin) -> None:
    with stopped() as stderr:
        worker = start(older, stderr, "worker", "run")
        eventually(SendingLock(older.db).is_held, "it sends")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_S) == ExitCode.OK


def is_upgraded(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as store:
        ((version,),) = store.execute("PRAGMA user_version").fetchall()
        ((begun,),) = store.execute("SELECT count(*) FROM fact WHERE name = 'upgrade'").fetchall()
    return (version, begun) == (migrations.LATEST, 0)


def test_a_worker_upgrades_and_goes_on(older: Tocsin) -> None:
    done = older.run("worker", "run", "--once")
    assert "is being upgraded" in done.stderr
    assert json.loads(older.run("status", "--json").stdout)["events"][ALERTS.value]
