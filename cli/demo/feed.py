"""The thread that goes on making events happen in the demo's store."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli.demo.events import made_up
from domain.event_types import EventType
from domain.events import read_event

if TYPE_CHECKING:
    from store.database import Store

BACKLOG = {
    EventType.ENDPOINT_STATS: 180,
    EventType.LOG_AUTHN: 24,
    EventType.ALERTS: 9,
    EventType.LOG_CHANGES: 7,
}
"""What has happened already when the demo opens."""

SHORTEST_S, LONGEST_S = 0.3, 1.2
MOST_AT_ONCE = 6


def append_backlog(store: Store, dice: random.Random, now_ms: int) -> None:
    """Queue what has happened already."""
    lines = (made_up(dice, now_ms, type_) for type_, count in BACKLOG.items() for _ in range(count))
    _append(store, lines, dice, now_ms)


@contextmanager
def happening(store: Store, dice: random.Random, now_ms: Callable[[], int]) -> Iterator[None]:
    """Let events happen in a thread of its own, with a connection of its own."""
    stopped = threading.Event()
    own_store = store.sibling()

    def happen() -> None:
        while not stopped.wait(dice.uniform(SHORTEST_S, LONGEST_S)):
            at_ms = now_ms()
            lines = (made_up(dice, at_ms) for _ in range(dice.randint(1, MOST_AT_ONCE)))
            _append(own_store, lines, dice, at_ms)

    thread = threading.Thread(target=happen, name="events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        own_store.close()


def _append(store: Store, lines: Iterator[bytes], dice: random.Random, now_ms: int) -> None:
    from store.events import append

    events = [
        read_event(line, now_ms=now_ms, random64=lambda: dice.getrandbits(64)) for line in lines
    ]
    store.call(append, events, now_ms)
