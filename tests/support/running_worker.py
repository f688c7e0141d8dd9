"""A worker that runs in a thread of its own, as beside a screen, while the test is the admin."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from delivery.clock import SystemClock
from delivery.dispatcher import Until
from delivery.worker import Ended, Role, Worker
from domain.event_types import EventType
from domain.settings import Settings
from domain.times import parse_duration
from domain.webhooks import WebhookFields
from store.database import open_store
from tests.support.receiver_client import Request
from tests.support.stores import ALERTS, Desk, fields, new_store
from tests.support.waiting import PATIENCE_S, eventually

QUICK = Settings(interval_ms=1_000, linger_ms=0, timeout_ms=60_000)
"""Its intervals are short, its patience with a receiver is not: the machine may be busy."""


def real_now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


@dataclass
class SkewedClock:
    """The real clock, save that its wall clock can be set and its random numbers are all alike."""

    skew_ms: int = 0
    throw: float = 0.5
    asked: int = 0
    _real: SystemClock = field(default_factory=SystemClock)

    def now_ms(self) -> int:
        self.asked += 1
        return self._real.now_ms() + self.skew_ms

    def was_asked(self, times: int) -> bool:
        """Return True if the time was asked for so often."""
        return self.asked >= times

    def monotonic(self) -> float:
        return self._real.monotonic()

    def random(self) -> float:
        return self.throw

    def random_bytes(self, count: int) -> bytes:
        return self._real.random_bytes(count)


class RunningWorker:
    """Runs until `stop`, or until it ends by itself; `log` is what it said."""

    def __init__(
        self,
        desk: Desk,
        settings: Settings = QUICK,
        until: Until = Until.STOPPED,
        clock: SkewedClock | None = None,
        log: list[str] | None = None,
    ) -> None:
        self.access = desk
        self.log: list[str] = [] if log is None else log
        self.ended: Ended | None = None
        self.error: BaseException | None = None
        self.worker: Worker
        self._settings = settings
        self._until = until
        self._clock = clock
        self._made = threading.Event()
        self._thread = threading.Thread(target=self._work, name="worker")
        self._thread.start()
        assert self._made.wait(PATIENCE_S)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.worker.stop()
        self.join()

    def join(self) -> Ended | None:
        """Wait until it ended by itself; why it did."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), self.log
        if self.error is not None:
            raise self.error
        return self.ended

    def plan_again(self, clock: SkewedClock) -> None:
        """Let it take in what the store says now. Each planning asks for the time."""
        for _ in "twice":
            asked_now = clock.asked + 1
            self.worker.wake()
            eventually(partial(clock.was_asked, asked_now))

    def said(self, text: str) -> bool:
        """Return True if a line of the log holds this text."""
        return any(text in line for line in self.log)

    def _work(self) -> None:
        try:
            self.ended = asyncio.run(self._run())
        except BaseException as error:
            self.error = error
        finally:
            self._made.set()

    async def _run(self) -> Ended:
        self.worker = Worker(
            self.access.store,
            self._settings,
            role=Role.headless(),
            log=self.log.append,
            merge=self._merge,
            until=self._until,
            clock=self._clock,
        )
        self._made.set()
        return await self.worker.run()

    def _merge(self, stored: Mapping[str, str]) -> Settings:
        if "interval" not in stored:
            return self._settings
        return replace(self._settings, interval_ms=parse_duration(stored["interval"]))


@contextmanager
def running_worker(
    desk: Desk,
    settings: Settings = QUICK,
    until: Until = Until.STOPPED,
    clock: SkewedClock | None = None,
    log: list[str] | None = None,
) -> Iterator[RunningWorker]:
    """A worker for the time of the block, and what it says in `log`."""
    running = RunningWorker(desk, settings, until, clock, log)
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def opened_desk(path: Path) -> Iterator[Desk]:
    """A desk whose clock stands at the time of now, on a new store or the one that is there."""
    store = open_store(path) if path.exists() else new_store(path)
    try:
        yield Desk(store, now_ms=real_now_ms())
    finally:
        store.close()


def hook(url: str, type_: EventType = ALERTS, **changes: object) -> WebhookFields:
    """The fields of a webhook for alerts that posts to `url`."""
    return replace(fields(type_, **changes), url=url)


def overlapping(requests: list[Request]) -> int:
    """Count the requests that began before the one before them had ended."""
    return sum(
        1
        for before, after in itertools.pairwise(requests)
        if before.ended_ns is None or after.started_ns < before.ended_ns
    )
