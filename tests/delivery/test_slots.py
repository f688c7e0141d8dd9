"""How many requests are in flight at once, and who lets whom in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from delivery.slots import Slots


class Crowd:
    """Tasks that hold a slot until they are told to let go."""

    def __init__(self, total: int) -> None:
        self.slots = Slots(total)
        self.holding: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._recover: dict[str, Callable[[], Awaitable[None]]] = {}

    async def enter(self, *names: str, failing: bool = False) -> None:
        for name in names:
            self._ends[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._hold(name, failing))
        await settle()

    async def leave(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
        await settle()

    async def recover(self, name: str) -> None:
        for _ in "twice":
            await self._recover[name]()
        await settle()

    async def cut(self, name: str) -> None:
        self._tasks[name].cancel()
        await settle()

    def wanted(self) -> bool:
        return self.slots.wanted

    async def _hold(self, name: str, failing: bool) -> None:
        async with self.slots.take(failing=failing) as fails_no_more:
            self._recover[name] = fails_no_more
            self.holding.append(name)
            await self._ends[name].wait()
            self.holding.remove(name)


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def crowded(total: int, story: Callable[[Crowd], Awaitable[None]]) -> None:
    async def tell() -> None:
        crowd = Crowd(total)
        await story(crowd)
        await crowd.leave(*crowd._ends)

    asyncio.run(tell())


def test_no_more_than_the_total_at_once() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a", "b", "c")
        assert crowd.holding == ["a", "b"]
        await crowd.leave("a")
        assert crowd.holding == ["b", "c"]

    crowded(2, story)


def test_failing_ones_leave_a_quarter_free() -> None:
    async def story(crowd: Crowd) -> None:
        failing = [f"f{number}" for number in range(20)]
        await crowd.enter(*failing, failing=True)
        assert crowd.holding == failing[:6]
        await crowd.enter("a", "b", "c")
        assert crowd.holding == [*failing[:6], "a", "b"]
        await crowd.leave("f0", "f1", "a", "b")
        assert sorted(crowd.holding) == sorted([*failing[2:8], "c"])

    crowded(8, story)


@pytest.mark.parametrize("total", [1, 2, 3])
def test_also_with_few_slots_failing_ones_get_one(total: int) -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("f", failing=True)
        assert crowd.holding == ["f"]

    crowded(total, story)


def test_a_slot_is_wanted_while_somebody_waits_for_it() -> None:
    async def story(crowd: Crowd) -> None:
        assert not crowd.wanted()
        await crowd.enter("a", "b")
        assert not crowd.wanted()
        await crowd.enter("c")
        assert crowd.wanted()
        await crowd.leave("a")
        assert not crowd.wanted()

    crowded(2, story)


def test_failing_ones_that_wait_for_each_other_hurry_nobody() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a")
        await crowd.enter(*(f"f{number}" for number in range(9)), failing=True)
        assert len(crowd.holding) == 4
        assert not crowd.wanted()

    crowded(4, story)


def test_one_that_fails_no_more_makes_room_for_the_next_that_fails() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("f0", "f1", "f2", "f3", failing=True)
        assert crowd.holding == ["f0", "f1", "f2"]
        await crowd.recover("f0")
        assert crowd.holding == ["f0", "f1", "f2", "f3"]
        await crowd.enter("a")
        assert crowd.wanted()
        await crowd.leave("f0")
        assert crowd.holding == ["f1", "f2", "f3", "a"]

    crowded(4, story)


def test_who_gives_up_waiting_wants_no_slot_and_takes_none() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a")
        await crowd.enter("b", failing=True)
        await crowd.cut("b")
        assert not crowd.wanted()
        await crowd.enter("c", failing=True)
        await crowd.leave("a")
        assert crowd.holding == ["c"]

    crowded(1, story)
