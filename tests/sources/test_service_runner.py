"""Services: begun anew when they fail, whatever it is that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from domain.actors import Actor
from domain.source_kinds import SOCKET
from sources.base import SourceError
from sources.intake import Inlet
from sources.polling import backoff_s
from sources.process_lock import lock_file
from sources.service_runner import HEALTHY_S, Backoff, run_service
from store import sources
from store.database import Store

NOW_MS = 1_795_502_130_500


class Script:
    """A service that does one step of its script each time it is begun, and then stops."""

    name = "socket"

    def __init__(self, *steps: Callable[[], None]) -> None:
        self.steps = list(steps)

    async def serve(self, inlet: Inlet, stop: asyncio.Event) -> None:
        if not self.steps:
            stop.set()
            return
        self.steps.pop(0)()


def fails(error: Exception) -> Callable[[], None]:
    """A step that raises."""

    def step() -> None:
        raise error

    return step


def run(store: Store, service: Script, on_failure: Callable[[], None] = lambda: None) -> list[str]:
    """Run it until its script is over; the failures that were told."""
    store.call(sources.add, SOCKET, service.name, {}, Actor("admin"), NOW_MS)
    told: list[str] = []

    def tell(sentence: str) -> None:
        told.append(sentence)
        on_failure()

    async def work() -> None:
        inlet = Inlet(service.name, store, lambda: NOW_MS, on_appended=lambda: None)
        async with asyncio.timeout(60):
            await run_service(service, inlet, asyncio.Event(), on_failure=tell)

    asyncio.run(work())
    return told


def test_one_that_fails_is_begun_anew(store: Store) -> None:
    service = Script(fails(SourceError("the port is taken", "choose another")))
    assert run(store, service) == ["the port is taken; choose another"]
    assert service.steps == []


def test_a_lock_that_cannot_be_had_is_a_failure_like_any_other(store: Store) -> None:
    lock = lock_file(store.path, "socket")
    lock.mkdir()
    [told] = run(store, Script(), lock.rmdir)
    assert told.startswith(f"{lock} cannot be locked: Is a directory; see that")
    assert store.call(sources.find, "socket").error == told


def test_a_lock_that_is_a_link_is_not_followed(store: Store) -> None:
    lock = lock_file(store.path, "socket")
    target = lock.with_name("target")
    lock.symlink_to(target)
    told = run(store, Script(), lock.unlink)
    assert len(told) == 1
    assert "it is a link, which is not followed: remove it" in told[0]
    assert not target.exists()


def test_each_failure_in_a_row_waits_longer_and_only_another_one_is_news() -> None:
    tries = Backoff()
    assert [tries.failed("taken", 0.0), tries.failed("taken", 1.0)] == [True, False]
    assert tries.wait_s == 2
    assert tries.failed("gone", 1.0)
    assert tries.wait_s == 4


def test_after_a_long_healthy_run_failures_are_counted_from_the_beginning() -> None:
    tries = Backoff()
    for _ in range(9):
        tries.failed("taken", HEALTHY_S - 1)
    assert tries.wait_s == 256
    assert tries.failed("taken", HEALTHY_S), "it is news again"
    assert tries.wait_s == 1


def test_the_waits_after_failures_double_up_to_five_minutes() -> None:
    waits = [backoff_s(failures) for failures in range(1, 12)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@given(st.integers(1, 10**9))
def test_no_wait_after_a_failure_is_longer_than_five_minutes(failures: int) -> None:
    assert 1 <= backoff_s(failures) <= 300
