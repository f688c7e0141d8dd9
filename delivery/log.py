"""Log of a worker: lines that never fail, what was delivered, and bugs named by their location.

Apart, since worker, dispatcher and sender write to it.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath

from domain.wording import counted

TAKEN_EVERY_S = 1.0
"""Least time between two lines about what the receiver of one webhook took."""


def never_raising(log: Callable[[str], None]) -> Callable[[str], None]:
    """Return a log that loses a line rather than raise: no outcome depends on the log's reader."""

    def say(line: str) -> None:
        with suppress(Exception):
            log(line)

    return say


class TakenLog:
    """Lines about deliveries that were taken: at once, or summed up while one is just written.

    Used inside one event loop.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._sums: dict[int, tuple[int, int]] = {}
        self._pauses: dict[int, asyncio.TimerHandle] = {}

    def note(self, webhook_id: int, deliveries: int, events: int) -> None:
        """Note deliveries of a webhook that were taken, and the events in them."""
        before = self._sums.get(webhook_id, (0, 0))
        self._sums[webhook_id] = before[0] + deliveries, before[1] + events
        if webhook_id not in self._pauses:
            self._write(webhook_id)

    def flush(self) -> None:
        """Write what is summed up, at the end of the worker."""
        for pause in self._pauses.values():
            pause.cancel()
        self._pauses.clear()
        for webhook_id in list(self._sums):
            self._write(webhook_id)

    def _write(self, webhook_id: int) -> None:
        """Write a line, and none before a pause is over; or end the pause if nothing was noted."""
        self._pauses.pop(webhook_id, None)
        noted = self._sums.pop(webhook_id, None)
        if noted is None:
            return
        deliveries, events = counted(noted[0], "delivery"), counted(noted[1], "event")
        self._log(f"webhook {webhook_id}: {deliveries} taken, {events}")
        loop = asyncio.get_running_loop()
        self._pauses[webhook_id] = loop.call_later(TAKEN_EVERY_S, self._write, webhook_id)


def location_of(error: BaseException) -> str:
    """Return class and location of an unforeseen error; its message may hold a header."""
    frames = traceback.extract_tb(error.__traceback__)
    known = [frame for frame in frames if not frame.filename.startswith("<")]
    if not known:
        return type(error).__name__
    return f"{type(error).__name__} at {PurePath(known[-1].filename).name}:{known[-1].lineno}"
