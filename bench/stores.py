"""Stores to measure with."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from domain.actors import Actor
from domain.event_types import EventType
from domain.events import read_event
from domain.webhooks import WebhookFields
from store import webhooks
from store.database import Store, open_store
from store.events.adding import append

BATCH = 1_000
ADMIN = Actor("bench")
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


def add_webhooks(store: Store, urls: Sequence[str], secret: str | None = None, **more: Any) -> None:
    """One webhook for endpoint_stats a URL, from the first event on, with more of its fields."""
    for url in urls:
        store.call(
            webhooks.add,
            WebhookFields(EventType.ENDPOINT_STATS, url, **more),
            secret,
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


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Consecutive slices of 1,000."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
