"""Waiting for the write lock: asked for often, as long as the connection says."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from store.errors import StoreBusy
from store.models import FactRow, database
from tests.support.stores import Desk
from tests.support.waiting import PATIENCE_S


@contextmanager
def held(desk: Desk) -> Iterator[sqlite3.Connection]:
    """Hold the write lock by another connection."""
    with closing(sqlite3.connect(desk.store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def write() -> int:
    with database.atomic():
        return int(FactRow.delete().where(FactRow.name == "nothing").execute())


def patience() -> int:
    return int(database.connection().execute("PRAGMA busy_timeout").fetchone()[0])


def test_a_lock_that_is_never_free_ends_the_wait(desk: Desk) -> None:
    desk.call(lambda: database.connection().execute("PRAGMA busy_timeout = 20").fetchall())
    with held(desk), pytest.raises(StoreBusy):
        desk.call(write)
    assert desk.call(patience) == 20
    assert desk.call(write) == 0


def test_the_lock_is_asked_for_again_and_again(desk: Desk) -> None:
    tries = 0
    often = threading.Event()

    def count(statement: str) -> None:
        nonlocal tries
        tries += statement.startswith("BEGIN")
        if tries >= 20:
            often.set()

    def waiting_write() -> int:
        database.connection().set_trace_callback(count)
        return write()

    with held(desk) as other, ThreadPoolExecutor(1) as thread:
        written = thread.submit(desk.call, waiting_write)
        assert often.wait(PATIENCE_S)
        other.execute("COMMIT")
        assert written.result(PATIENCE_S) == 0


def test_reading_waits_for_nobody(desk: Desk) -> None:
    def read() -> int:
        with database.atomic("DEFERRED"):
            return FactRow.select().count()

    with held(desk):
        assert desk.call(read) > 0
