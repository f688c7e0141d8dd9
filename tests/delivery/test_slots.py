"""Slots: how many attempts are under way at once, and who lets whom in."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.slots import PATIENCE_S, AttemptPlace, Gate, Rank, Slots, attempt_slots


class Crowd:
    """Tasks that stay inside a gate until they are told to leave."""

    def __init__(self, total: int, most_bytes: int = 1) -> None:
        self.now_s = 0.0
        self.gate = Gate(total, most_bytes, lambda: self.now_s)
        self.holding: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._ranks: dict[str, Rank] = {}

    async def enter(self, *names: str, rank: Rank = Rank.HEALTHY) -> None:
        for name in names:
            self._ends[name] = asyncio.Event()
            self._ranks[name] = rank
            self._tasks[name] = asyncio.create_task(self._hold(name))
        await settle()

    async def leave(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
        await settle()

    async def recover(self, name: str) -> None:
        self.gate.count_as_healthy()
        self._ranks[name] = Rank.GOING_ON
        await settle()

    async def cut(self, name: str) -> None:
        self._tasks[name].cancel()
        await settle()

    def wanted(self) -> bool:
        return self.gate.wanted

    def wait(self, seconds: float = PATIENCE_S) -> None:
        """Let so much time pass."""
        self.now_s += seconds

    async def _hold(self, name: str) -> None:
        await self.gate.enter(self._ranks[name])
        self.holding.append(name)
        await self._ends[name].wait()
        self.holding.remove(name)
        self.gate.leave(self._ranks[name])


def at_once() -> float:
    """Return a time that stands still: nobody ever waits for long."""
    return 0.0


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def crowded(total: int, story: Callable[[Crowd], Awaitable[None]], *, most_bytes: int = 1) -> None:
    async def tell() -> None:
        crowd = Crowd(total, most_bytes)
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
        await crowd.enter(*failing, rank=Rank.FAILING)
        assert crowd.holding == failing[:6]
        await crowd.enter("a", "b", "c")
        assert crowd.holding == [*failing[:6], "a", "b"]
        await crowd.leave("f0", "f1", "a", "b")
        assert sorted(crowd.holding) == sorted([*failing[2:8], "c"])

    crowded(8, story)


@pytest.mark.parametrize("total", [1, 2, 3])
def test_also_with_few_slots_failing_ones_get_one(total: int) -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("f", rank=Rank.FAILING)
        assert crowd.holding == ["f"]

    crowded(total, story)


def test_one_that_goes_on_has_to_leave_when_another_has_waited() -> None:
    async def story(crowd: Crowd) -> None:
        assert not crowd.wanted()
        await crowd.enter("a", "b")
        crowd.wait()
        assert not crowd.wanted()
        await crowd.enter("c")
        assert not crowd.wanted()
        crowd.wait(PATIENCE_S / 2)
        await crowd.enter("d")
        crowd.wait(PATIENCE_S / 2)
        assert crowd.wanted()
        await crowd.leave("a")
        assert crowd.holding == ["b", "c"]
        assert not crowd.wanted()
        crowd.wait(PATIENCE_S / 2)
        assert crowd.wanted()

    crowded(2, story)


@settings(max_examples=30, deadline=None)
@given(
    total=st.integers(1, 4),
    waiting=st.integers(1, 4),
    rounds_s=st.lists(st.floats(0.001, 0.2), min_size=30, max_size=60),
)
def test_nobody_waits_longer_than_a_second_for_those_that_go_on(
    total: int, waiting: int, rounds_s: list[float]
) -> None:
    """In each round each that is inside ends a request, and leaves only if it has to."""

    async def story(crowd: Crowd) -> None:
        since = dict.fromkeys(map(str, range(total + min(waiting, total))), 0.0)
        await crowd.enter(*since)
        for round_s in rounds_s:
            for name in list(crowd.holding):
                crowd.wait(round_s / total)
                if crowd.wanted():
                    await crowd.leave(name)
                    del since[name]
                    again = f"{name}+"
                    since[again] = crowd.now_s
                    await crowd.enter(again)
            waits = [crowd.now_s - since[name] for name in since.keys() - set(crowd.holding)]
            assert max(waits, default=0.0) <= 1.0

    crowded(total, story)


def test_failing_ones_that_wait_for_each_other_hurry_nobody() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a")
        await crowd.enter(*(f"f{number}" for number in range(9)), rank=Rank.FAILING)
        crowd.wait()
        assert len(crowd.holding) == 4
        assert not crowd.wanted()

    crowded(4, story)


def test_who_has_waited_goes_before_those_that_go_on_but_no_failing_one_before_a_healthy_one() -> (
    None
):
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a", "b", "c", "d")
        await crowd.enter("f0", "f1", rank=Rank.FAILING)
        await crowd.enter("old")
        crowd.wait()
        await crowd.enter("on0", "on1", rank=Rank.GOING_ON)
        await crowd.enter("young")
        await crowd.leave("a", "b")
        assert crowd.holding == ["c", "d", "old", "on0"]
        await crowd.leave("c", "d")
        assert crowd.holding == ["old", "on0", "on1", "young"]
        await crowd.enter("on2", rank=Rank.GOING_ON)
        await crowd.leave("old")
        assert crowd.holding == ["on0", "on1", "young", "f0"]

    crowded(4, story)


def test_one_that_fails_no_more_makes_room_for_the_next_that_fails() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("f0", "f1", "f2", "f3", rank=Rank.FAILING)
        assert crowd.holding == ["f0", "f1", "f2"]
        await crowd.recover("f0")
        assert crowd.holding == ["f0", "f1", "f2", "f3"]
        await crowd.enter("a")
        crowd.wait()
        assert crowd.wanted()
        await crowd.leave("f0")
        assert crowd.holding == ["f1", "f2", "f3", "a"]

    crowded(4, story)


def test_who_gives_up_waiting_wants_no_slot_and_takes_none() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a")
        await crowd.enter("b", rank=Rank.FAILING)
        assert crowd.gate.waiting == 1
        await crowd.cut("b")
        crowd.wait()
        assert not crowd.wanted()
        await crowd.enter("c", rank=Rank.FAILING)
        await crowd.leave("a")
        assert crowd.holding == ["c"]

    crowded(1, story)


def test_who_is_cut_off_in_the_moment_it_is_let_in_makes_room_for_the_next() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a", "b", "c")
        crowd._ends["a"].set()
        await asyncio.sleep(0)
        await crowd.cut("b")
        assert crowd.holding == ["c"]

    crowded(1, story)


def test_who_is_cut_off_in_the_moment_another_leaves_is_passed_over() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a", "b", "c")
        crowd._tasks["b"].cancel()
        crowd._ends["a"].set()
        await settle()
        assert crowd.holding == ["c"]
        assert crowd._tasks["b"].cancelled()

    crowded(1, story)


def test_where_all_is_taken_those_that_failed_wait_first() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.enter("a", "b")
        await crowd.enter("f", rank=Rank.FAILING)
        await crowd.enter("c")
        await crowd.enter("on", rank=Rank.GOING_ON)
        await crowd.leave("a")
        assert crowd.holding == ["b", "on"]
        await crowd.leave("b")
        assert crowd.holding == ["on", "c"]
        await crowd.leave("c")
        assert crowd.holding == ["on", "f"]

    crowded(2, story)


def test_bodies_close_the_gate_and_sooner_to_those_that_failed() -> None:
    async def story(crowd: Crowd) -> None:
        crowd.gate.add_bytes(75)
        await crowd.enter("f", rank=Rank.FAILING)
        await crowd.enter("a")
        assert crowd.holding == ["a"]
        crowd.gate.add_bytes(30)
        await crowd.enter("b")
        assert crowd.gate.waiting == 2
        crowd.gate.add_bytes(-6)
        await settle()
        assert crowd.holding == ["a", "b"]
        crowd.gate.add_bytes(-25)
        await settle()
        assert crowd.holding == ["a", "b", "f"]

    crowded(9, story, most_bytes=100)


class Attempts:
    """Webhooks that hold a place each until they are told to end."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.places: dict[str, AttemptPlace] = {}
        self._ends = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self, *names: str, failing: bool = False) -> None:
        self._tasks += [asyncio.create_task(self._hold(name, failing)) for name in names]
        await settle()

    async def end(self) -> None:
        self._ends.set()
        await asyncio.gather(*self._tasks)

    async def _hold(self, name: str, failing: bool) -> None:
        async with self.slots.take(failing=failing) as place:
            self.places[name] = place
            await self._ends.wait()


def attempted(slots: Slots, story: Callable[[Attempts], Awaitable[None]]) -> None:
    async def tell() -> None:
        attempts = Attempts(slots)
        await story(attempts)
        await attempts.end()
        assert (slots.waiting, slots._places.inside, slots._slots.inside) == (0, 0, 0)

    asyncio.run(tell())


def test_who_has_sent_makes_room_for_the_next_until_all_places_are_taken() -> None:
    async def story(attempts: Attempts) -> None:
        await attempts.begin("a", "b", "c", "d")
        assert list(attempts.places) == ["a"]
        assert attempts.slots.waiting == 1
        for name in "ab":
            for _ in "twice":
                attempts.places[name].make_room()
            await settle()
        assert list(attempts.places) == ["a", "b", "c"]
        attempts.places["c"].make_room()
        await settle()
        assert list(attempts.places) == ["a", "b", "c"]
        assert attempts.slots.waiting == 1

    attempted(Slots(1, 3, 1, at_once), story)


def test_a_place_is_kept_until_another_has_waited_for_it() -> None:
    now_s = 0.0

    async def story(attempts: Attempts) -> None:
        nonlocal now_s
        await attempts.begin("a", "b")
        assert not attempts.slots.wanted
        now_s = PATIENCE_S
        assert attempts.slots.wanted

    attempted(Slots(1, 1, 1, lambda: now_s), story)


def test_who_goes_on_has_a_slot_before_those_that_begin() -> None:
    async def story(attempts: Attempts) -> None:
        await attempts.begin("a", failing=True)
        going_on = attempts.places["a"]
        going_on.make_room()
        going_on.succeed()
        await attempts.begin("b", "c")
        again = asyncio.create_task(going_on.take_slot())
        await settle()
        attempts.places["b"].make_room()
        await settle()
        assert again.done()
        assert list(attempts.places) == ["a", "b"]

    attempted(Slots(1, 9, 1, at_once), story)


def test_a_body_is_counted_until_the_next_takes_its_place() -> None:
    async def story(attempts: Attempts) -> None:
        await attempts.begin("a")
        attempts.places["a"].hold_bytes(100)
        await attempts.begin("b")
        assert list(attempts.places) == ["a"]
        attempts.places["a"].hold_bytes(99)
        await settle()
        assert list(attempts.places) == ["a", "b"]

    attempted(Slots(9, 9, 100), story)


def test_who_waited_for_a_slot_while_bodies_became_too_many_waits_for_one_to_end() -> None:
    async def story(attempts: Attempts) -> None:
        await attempts.begin("a", "b")
        await attempts.begin("f", failing=True)
        assert attempts.slots.waiting == 0
        attempts.places["a"].hold_bytes(100)
        attempts.places["a"].make_room()
        await settle()
        assert list(attempts.places) == ["a"]
        assert attempts.slots.waiting == 2
        attempts.places["a"].hold_bytes(75)
        await settle()
        assert list(attempts.places) == ["a", "b"]

    attempted(Slots(1, 9, 100, at_once), story)


def test_a_body_that_is_not_known_yet_is_counted() -> None:
    async def story() -> None:
        slots = Slots(9, 9, 100)
        async with slots.take(failing=False, body_bytes=100):
            late = asyncio.create_task(passed(slots))
            await settle()
            assert not late.done()
        await late

    async def passed(slots: Slots) -> None:
        async with slots.take(failing=False, body_bytes=100):
            pass

    asyncio.run(story())


def test_nobody_goes_on_while_bodies_are_too_many() -> None:
    async def story(attempts: Attempts) -> None:
        await attempts.begin("a")
        assert not attempts.slots.wanted
        attempts.places["a"].hold_bytes(100)
        assert attempts.slots.wanted

    attempted(Slots(9, 9, 100), story)


@pytest.mark.parametrize(
    ("soft", "hard", "places"), [(256, 256, 128), (1_024, 1_024, 768), (1_024, 4_096, 1_064)]
)
def test_places_are_as_many_as_descriptors_allow(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, places: int
) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    assert attempt_slots(64).places == places
    assert raised == [(min(hard, 1_320), hard)]
