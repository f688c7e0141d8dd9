"""Time and chance, handed in wherever they matter."""

from __future__ import annotations

import os
import random
import time
from typing import Protocol

import msgspec


class World(Protocol):
    """What the worker takes from the outside besides store and network."""

    def now_ms(self) -> int:
        """The wall clock, UTC milliseconds: for what is shown and what outlives a restart."""

    def monotonic(self) -> float:
        """The clock that waits go by, seconds."""

    def dice(self) -> float:
        """A number in [0, 1) for jitter."""

    def random_bytes(self, count: int) -> bytes:
        """Unguessable bytes for ids."""


class RealWorld(msgspec.Struct, frozen=True):
    """The machine's own clocks and dice."""

    _dice: random.Random = msgspec.field(default_factory=random.SystemRandom)

    def now_ms(self) -> int:
        """The wall clock."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """The monotonic clock, the one of asyncio's loop."""
        return time.monotonic()

    def dice(self) -> float:
        """The system's randomness."""
        return self._dice.random()

    def random_bytes(self, count: int) -> bytes:
        """The system's randomness."""
        return os.urandom(count)
