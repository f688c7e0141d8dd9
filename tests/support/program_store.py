"""The store of a program under test, opened beside it; and what else its tests share."""

from __future__ import annotations

import json
import random
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sources.emit import Emitter
from store import workers
from store.database import open_store
from store.records import StoredWorker
from store.workers import SendingLock
from tests.support.program import Tocsin
from tests.support.stores import Desk

# The same program with one more step of the schema, which changes nothing.
NEWER = (
    sys.executable,
    "-P",
    "-c",
    "import sys; from store import migrations; migrations.STEPS += (lambda *_: None,); "
    "migrations.LATEST += 1; from cli.main import main; sys.exit(main())",
)


def now_ms() -> int:
    """The wall clock, as the program reads it."""
    return time.time_ns() // 1_000_000


@contextmanager
def access_of(tocsin: Tocsin) -> Iterator[Desk]:
    """The program's store, made if there is none, with the time of now."""
    store = open_store(tocsin.db)
    try:
        yield Desk(store, now_ms=now_ms())
    finally:
        store.close()


def newer(tocsin: Tocsin) -> Tocsin:
    """A newer version of the program, for which the store is outdated."""
    return Tocsin(tocsin.home, tocsin.db, NEWER, tocsin.environment, tocsin.started)


_held: list[SendingLock] = []


def free_locks() -> None:
    """Let go of the locks of all workers that were entered."""
    while _held:
        _held.pop().release()


def enter_worker(desk: Desk, *, age_ms: int = 0, active: bool = True) -> StoredWorker:
    """Write that a worker was heard of so long ago; one that was just now has the lock."""
    if active and not age_ms:
        lock = SendingLock(desk.store.path)
        assert lock.acquire()
        _held.append(lock)
    worker = StoredWorker("w1", "hub", 812, "headless", active, desk.now_ms, desk.now_ms - age_ms)
    desk.call(workers.enter, worker)
    return worker


def change_store(path: Path, statement: str) -> None:
    """Change the store behind the program's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def status_of(tocsin: Tocsin) -> Any:
    """Return what `status --json` says."""
    done = tocsin.run("status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def said(log: Path, text: str) -> bool:
    """Return True if a program wrote a text to its log."""
    return log.exists() and text in log.read_text()


def free_port() -> int:
    """A port that nobody listens at, below those that the kernel gives to whoever asks for any."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def answers(path: str) -> bool:
    """True if a connection is taken there."""
    try:
        Emitter(path).close()
    except OSError:
        return False
    return True
