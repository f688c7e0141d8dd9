"""Clock and random numbers of a worker, handed in so that a test can set them.

Apart, since the worker, its dispatcher and its sender take the same.
"""

from __future__ import annotations

import os
import random
import time
from typing import Protocol

_random = random.SystemRandom()


class Clock(Protocol):
    """Times and random numbers that a worker needs."""

    def now_ms(self) -> int:
        """Return the wall clock, UTC milliseconds: for what is shown or outlives a restart."""

    def monotonic(self) -> float:
        """Return the clock that waits go by, seconds."""

    def random(self) -> float:
        """Return a number in [0, 1), for jitter."""

    def random_bytes(self, count: int) -> bytes:
        """Return unguessable bytes, for ids."""


class SystemClock:
    """Clocks and random numbers of the operating system."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def random(self) -> float:
        return _random.random()

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)
