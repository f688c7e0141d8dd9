"""Stores to measure with: Tocsin's own, and the least that sqlite3 can do."""

from __future__ import annotations

import itertools
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from domain.actors import Actor
from domain.event_types import EventType
from domain.events import Event, read_event
from domain.webhooks import WebhookFields
from store import webhooks
from store.database import Store, open_store
from store.events.adding import append

BATCH = 1_000
ADMIN = Actor("bench")
TABLE = """
    CREATE TABLE event (
        type VARCHAR(255) NOT NULL, seq INTEGER NOT NULL, id VARCHAR(255) NOT NULL,
        received_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (type, seq)
    );
    CREATE UNIQUE INDEX event_type_id ON event (type, id);
    CREATE TABLE place (webhook INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
    CREATE TABLE delivery (webhook INTEGER NOT NULL, last_seq INTEGER NOT NULL);
"""
T = TypeVar("T")
_serial = itertools.count()


def now_ms() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def new_path(folder: Path) -> Path:
    """A path that no store had yet."""
    return folder / f"store{next(_serial)}" / "tocsin.db"


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """A store of Tocsin's own."""
    store = open_store(path)
    try:
        yield store
    finally:
        store.close()


def add_webhooks(store: Store, urls: Sequence[str]) -> None:
    """One webhook for endpoint_stats a URL, from the first event on."""
    for url in urls:
        store.call(
            webhooks.add,
            WebhookFields(EventType.ENDPOINT_STATS, url),
            None,
            start="start",
            vault=store.vault,
            actor=ADMIN,
            now_ms=now_ms(),
        )


def append_lines(store: Store, lines: Sequence[bytes]) -> None:
    """Read and append events, 1,000 a transaction."""
    random64 = partial(random.getrandbits, 64)
    for batch in batches(lines):
        at_ms = now_ms()
        events = [read_event(line, now_ms=at_ms, random64=random64) for line in batch]
        taken = store.call(append, events, at_ms)
        assert taken.accepted == len(batch)


def read_all(lines: Sequence[bytes]) -> list[Event]:
    """Only read events."""
    random64 = partial(random.getrandbits, 64)
    return [read_event(line, now_ms=0, random64=random64) for line in lines]


@contextmanager
def floor_store(path: Path) -> Iterator[sqlite3.Connection]:
    """A bare database with a like table and the same promise of durability."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, check_same_thread=False, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(TABLE)
        yield database


def floor_append(database: sqlite3.Connection, rows: Sequence[tuple[str, bytes]]) -> None:
    """Insert (id, body), 1,000 a transaction."""
    seqs = itertools.count(1)
    at_ms = now_ms()
    for batch in batches(rows):
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            "INSERT INTO event VALUES ('endpoint_stats', ?, ?, ?, ?)",
            [(next(seqs), id_, at_ms, body) for id_, body in batch],
        )
        database.execute("COMMIT")


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Consecutive slices of 1,000."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
