"""Limits on simultaneous attempts, such that bad receivers leave room for good ones.

An attempt holds a slot while it connects and sends. When its bytes are sent, or after 100 ms, it
leaves the slot to the next and only keeps its place among those that wait for an answer. A webhook
that goes on after a success keeps its place, and its connection with it, until another has waited
for three quarters of a second.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import IntEnum
from typing import NamedTuple

MOST_SLOT_S = 0.1
"""Longest time for which an attempt holds a slot."""

MOST_WAITING = 1_000
"""Attempts that wait for an answer, beside those that connect and send."""

MOST_BODY_BYTES = 128 << 20
"""Bodies of attempts under way: with a copy of each in the network's buffers, half of the memory
that the service's unit allows."""

PATIENCE_S = 0.75
"""Wait after which one that begins goes before those that go on: what is left of a second is for
them to notice, at the end of their requests."""

SPARE_DESCRIPTORS = 256
"""Left for the store, the sources and their clients."""


class Rank(IntEnum):
    """Order of admission; within a rank it is the order of arrival."""

    GOING_ON = 0
    HEALTHY = 1
    FAILING = 2


class _Turn(NamedTuple):
    admitted: asyncio.Future[None]
    since: float


class Gate:
    """Gate with a limit on those inside: of failing ones three quarters of it at most.

    Where not all can go on, those that failed wait first. Whoever has waited for PATIENCE_S goes
    before those that go on, but none that failed before a healthy one. Bodies of `most_bytes` or
    more inside close the gate for everyone, three quarters of that for those that failed.
    """

    def __init__(
        self, total: int, most_bytes: int = 1, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self._monotonic = monotonic
        self.inside = 0
        self._failing = 0
        self._most_failing = max(1, total * 3 // 4)
        self._most_bytes = most_bytes
        self._bytes = 0
        self._queues: dict[Rank, deque[_Turn]] = {rank: deque() for rank in Rank}

    @property
    def waiting(self) -> int:
        """Return the number of those that wait for admission."""
        return sum(map(len, self._queues.values()))

    @property
    def wanted(self) -> bool:
        """Return True if one that goes on has to leave.

        Another would come in that has waited for PATIENCE_S, or bodies take too many bytes.
        """
        if self._bytes >= self._most_bytes:
            return True
        if not self.waiting:
            return False
        return any(
            self._is_overdue(queue)
            for rank, queue in self._queues.items()
            if rank is not Rank.FAILING or self._failing < self._most_failing
        )

    async def enter(self, rank: Rank) -> None:
        """Go in, or wait for admission."""
        queue = self._queues[rank]
        if not queue and self._is_open(rank):
            self._let_in(rank)
            return
        admitted = asyncio.get_running_loop().create_future()
        turn = _Turn(admitted, self._monotonic())
        queue.append(turn)
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.cancelled():
                with suppress(ValueError):  # it was passed over already
                    queue.remove(turn)
            else:
                self.leave(rank)
            raise

    def leave(self, rank: Rank) -> None:
        """Make room for the next."""
        self.inside -= 1
        self._failing -= rank is Rank.FAILING
        self._let_in_next()

    def count_as_healthy(self) -> None:
        """Count one of the failing ones inside as healthy from now on."""
        self._failing -= 1
        self._let_in_next()

    def add_bytes(self, count: int) -> None:
        """Add so many bytes to those held inside, or take them off with a negative count."""
        self._bytes += count
        if count < 0:
            self._let_in_next()

    def has_room(self, rank: Rank) -> bool:
        """Return True if the bodies inside leave room for another one."""
        if rank is Rank.FAILING:
            return self._bytes * 4 < self._most_bytes * 3
        return self._bytes < self._most_bytes

    def _is_open(self, rank: Rank) -> bool:
        if rank is Rank.FAILING and self._failing >= self._most_failing:
            return False
        return self.inside < self.total and self.has_room(rank)

    def _let_in(self, rank: Rank) -> None:
        self.inside += 1
        self._failing += rank is Rank.FAILING

    def _is_overdue(self, queue: deque[_Turn]) -> bool:
        return bool(queue) and self._monotonic() - queue[0].since >= PATIENCE_S

    def _let_in_next(self) -> None:
        if not self.waiting:
            return
        for rank in (Rank.HEALTHY, Rank.FAILING):
            queue = self._queues[rank]
            while self._is_overdue(queue) and self._is_open(rank):
                self._admit(rank, queue.popleft())
            if queue:
                break
        for rank, queue in self._queues.items():
            while queue and self._is_open(rank):
                self._admit(rank, queue.popleft())

    def _admit(self, rank: Rank, turn: _Turn) -> None:
        if not turn.admitted.done():
            self._let_in(rank)
            turn.admitted.set_result(None)


class AttemptPlace:
    """Place of one webhook among the attempts under way, with or without a slot."""

    def __init__(self, places: Gate, slots: Gate, *, failing: bool) -> None:
        self._places = places
        self._slots = slots
        self._rank = Rank.FAILING if failing else Rank.HEALTHY
        self._slot: Rank | None = None
        self._bytes = 0

    async def take_slot(self) -> None:
        """Wait for a slot, as before each attempt; harmless where it is held already."""
        if self._slot is None:
            rank = self._rank
            await self._slots.enter(rank)
            self._slot = rank

    def make_room(self) -> None:
        """Leave the slot to the next, and go on waiting for an answer; harmless without one."""
        if self._slot is not None:
            rank, self._slot = self._slot, None
            self._slots.leave(rank)

    def hold_bytes(self, count: int) -> None:
        """Count a body of so many bytes in place of the one before."""
        if count != self._bytes:
            more, self._bytes = count - self._bytes, count
            self._places.add_bytes(more)

    def succeed(self) -> None:
        """Count as healthy from now on, and take slots before webhooks that only begin."""
        if self._rank is Rank.FAILING:
            self._places.count_as_healthy()
        self._rank = Rank.GOING_ON

    def leave(self) -> None:
        """Give up slot and place."""
        self.make_room()
        self.hold_bytes(0)
        self._places.leave(self._rank)


class Slots:
    """Limits of a worker: `slots` attempts that connect and send, `places` under way in all.

    most_bytes: bodies of attempts under way; while they are more, no further one begins
    """

    def __init__(
        self,
        slots: int,
        places: int,
        most_bytes: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = Gate(slots, monotonic=monotonic)
        self._places = Gate(places, most_bytes, monotonic)

    @property
    def places(self) -> int:
        """Limit of attempts under way in all."""
        return self._places.total

    @property
    def waiting(self) -> int:
        """Number of webhooks that wait for a place, since too many attempts wait for an answer."""
        return self._places.waiting

    @property
    def under_way(self) -> int:
        """Number of webhooks that have a place."""
        return self._places.inside

    @property
    def wanted(self) -> bool:
        """Return True if a webhook in a long drain has to leave its place to another."""
        return self._places.wanted

    @asynccontextmanager
    async def take(self, *, failing: bool, body_bytes: int = 0) -> AsyncIterator[AttemptPlace]:
        """Wait for a place and a slot; the place is held to the end of the block.

        `body_bytes` are counted for a body that is not known yet.
        """
        place = None
        while place is None:
            place = await self._enter(failing=failing)
        try:
            place.hold_bytes(body_bytes)
            yield place
        finally:
            place.leave()

    async def _enter(self, *, failing: bool) -> AttemptPlace | None:
        """Return a place with a slot; None if the bodies became too many meanwhile."""
        rank = Rank.FAILING if failing else Rank.HEALTHY
        await self._places.enter(rank)
        place = AttemptPlace(self._places, self._slots, failing=failing)
        has_room = False
        try:
            await place.take_slot()
            has_room = self._places.has_room(rank)
        finally:
            if not has_room:
                place.leave()
        return place if has_room else None


def attempt_slots(concurrency: int) -> Slots:
    """Slots for so many attempts that connect and send, and places for those that wait."""
    wanted = concurrency + MOST_WAITING
    limit = descriptors(wanted + SPARE_DESCRIPTORS)
    allowed = max(limit - SPARE_DESCRIPTORS, limit // 2)
    return Slots(concurrency, min(wanted, allowed), MOST_BODY_BYTES)


def descriptors(wanted: int) -> int:
    """Limit of files and connections of this process, raised to what is wanted.

    Not further than that: the programs that sources start inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return soft
