from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.actors import Actor
from domain.event_types import EventType
from domain.events import Event
from domain.source_kinds import WIREGUARD
from sources import polling
from sources.base import Batch, SourceError
from sources.polling import Polling
from store import sources
from store.database import Store
from store.errors import NotFound, StoreError
from store.events import reading
from store.models import database
from store.records import AppendResult, StoredSource
from tests.support.stores import new_store
from tests.support.waiting import PATIENCE_S, eventually

NOW_MS = 1_795_502_130_500


class Script:
    """A source that does one step of its script at each poll, and the last one ever after."""

    name = "test"

    def __init__(self, *steps: Callable[[], Batch]) -> None:
        self.steps = steps
        self.states: list[bytes | None] = []
        self.threads: list[threading.Thread] = []

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        step = self.steps[min(len(self.states), len(self.steps) - 1)]
        self.states.append(state)
        self.threads.append(threading.current_thread())
        assert now_ms == NOW_MS
        return step()


class Run:
    """A run of a source, and what it called."""

    def __init__(self, store: Store, source: Script) -> None:
        self.store = store
        self.source = source
        self.stop = asyncio.Event()
        self.appended = 0
        self.failures: list[str] = []
        self.changed = asyncio.Event()

    async def __call__(
        self, *, every_ms: int = 1, once: bool = False, min_free_disk_bytes: int = 0
    ) -> AppendResult:
        whole = Polling(
            source=self.source,
            store=self.store,
            stop=self.stop,
            clock=lambda: NOW_MS,
            on_appended=self.on_appended,
            min_free_disk_bytes=min_free_disk_bytes,
            on_failure=self.on_failure,
            created_ms=NOW_MS,
        )
        return await whole.run(every_ms, once=once)

    def on_appended(self) -> None:
        self.appended += 1
        self.changed.set()

    def on_failure(self, sentence: str) -> None:
        self.failures.append(sentence)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that it called makes the condition true."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def health(self) -> StoredSource:
        """Return the health of the source as the store has it."""
        return self.store.call(sources.find, "test")


def event(number: int, note: str = "") -> Event:
    """An event with this number as its id."""
    attributes = {"created": "2026-11-24T06:35:30Z", "note": note}
    body = {"attributes": attributes, "id": str(number), "type": "alerts"}
    text = json.dumps(body, separators=(",", ":"))
    return Event(EventType.ALERTS, str(number), text.encode(), created_s=0)


def batch(*numbers: int, state: bytes = b"state", warning: str = "") -> Callable[[], Batch]:
    """A step that gives these events."""
    return lambda: Batch(tuple(event(number) for number in numbers), state, warning)


def fails(error: Exception) -> Callable[[], Batch]:
    """A step that raises."""

    def step() -> Batch:
        raise error

    return step


BLIND = SourceError("it is dark", "make light")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "tocsin.db")
    opened.call(sources.add, WIREGUARD, "test", {}, Actor("admin"), NOW_MS)
    yield opened
    opened.close()


def ids(store: Store) -> list[str]:
    """The ids of the events in the store, in their order."""
    return [kept.id for kept in store.call(reading.after, EventType.ALERTS, 0, limit=100)]


def test_events_and_state_are_saved_together_and_the_state_comes_back(store: Store) -> None:
    source = Script(batch(1, 2, state=b"one"), batch(3, state=b"two"))
    run = Run(store, source)

    async def trial() -> AppendResult:
        running = asyncio.create_task(run())
        await run.until(lambda: run.appended == 2)
        run.stop.set()
        return await running

    assert asyncio.run(trial()) == AppendResult(3, 0)
    assert ids(store) == ["1", "2", "3"]
    assert source.states[:2] == [None, b"one"]
    assert store.call(sources.load_state, "test") == b"two"
    assert run.health().last_ok_ms == NOW_MS
    assert run.failures == []


def test_it_polls_neither_on_the_loop_nor_on_the_thread_of_the_store(store: Store) -> None:
    source = Script(batch(1))
    asyncio.run(Run(store, source)(once=True))
    assert source.threads[0] is not threading.main_thread()
    assert source.threads[0] is not store.call(threading.current_thread)


def test_repeats_are_counted_and_nobody_is_woken_for_them(store: Store) -> None:
    run = Run(store, Script(batch(1)))
    assert asyncio.run(run(once=True)) == AppendResult(1, 0)
    assert asyncio.run(run(once=True)) == AppendResult(0, 1)
    assert run.appended == 1


def test_an_id_with_another_body_is_left_out_and_told_of(store: Store) -> None:
    run = Run(store, Script(batch(1), lambda: Batch((event(1, "other"), event(2)), b"")))
    asyncio.run(run(once=True))
    asyncio.run(run(once=True))
    assert ids(store) == ["1", "2"]
    assert run.failures == ["1 event was left out: its id is known with another body"]


def test_a_failure_is_recorded_and_the_next_poll_comes_all_the_same(store: Store) -> None:
    run = Run(store, Script(fails(BLIND), batch(1)))
    seen: list[StoredSource] = []

    async def trial() -> None:
        running = asyncio.create_task(run())
        await run.until(lambda: bool(run.failures))
        seen.append(run.health())
        await run.until(lambda: run.appended == 1)
        run.stop.set()
        await running

    asyncio.run(trial())
    assert run.failures == ["it is dark; make light"]
    assert (seen[0].error, seen[0].failures) == ("it is dark; make light", 1)
    assert (run.health().error, run.health().failures) == (None, 0)
    assert ids(store) == ["1"]


def test_once_raises_what_failed_and_records_it(store: Store) -> None:
    run = Run(store, Script(fails(BLIND)))
    with pytest.raises(SourceError, match="it is dark; make light"):
        asyncio.run(run(once=True))
    assert run.failures == []
    assert run.health().error == "it is dark; make light"
    assert store.call(sources.load_state, "test") is None


def test_a_defect_of_a_source_is_a_failure_like_any_other(store: Store) -> None:
    run = Run(store, Script(fails(KeyError("\x1b[2J")), batch(1)))

    async def trial() -> None:
        running = asyncio.create_task(run())
        await run.until(lambda: run.appended == 1)
        run.stop.set()
        await running

    asyncio.run(trial())
    assert run.failures == ["the source failed: KeyError: '\\x1b[2J'"]


def test_the_same_failure_is_told_once_and_counted_each_time(store: Store) -> None:
    run = Run(store, Script(fails(BLIND)))

    async def trial() -> None:
        running = asyncio.create_task(run())
        await run.until(lambda: bool(run.failures))
        await asyncio.to_thread(eventually, lambda: run.health().failures >= 2)
        run.stop.set()
        await running

    asyncio.run(trial())
    assert len(run.failures) == 1


def test_a_warning_is_shown_as_the_health_of_a_poll_that_succeeded(store: Store) -> None:
    run = Run(store, Script(batch(1, warning="wg1 is dark")))
    assert asyncio.run(run(once=True)) == AppendResult(1, 0)
    assert run.failures == ["wg1 is dark"]
    assert run.health().error == "wg1 is dark"
    assert (run.health().state, run.health().failures) == ("active", 0)


def test_a_warning_is_told_once_and_gone_with_its_reason(store: Store) -> None:
    run = Run(store, Script(*[batch(1, warning="wg1 is dark")] * 2, batch(2), batch(3)))

    async def trial() -> None:
        running = asyncio.create_task(run())
        await run.until(lambda: run.appended == 3)
        run.stop.set()
        await running

    asyncio.run(trial())
    assert run.failures == ["wg1 is dark"]
    assert run.health().error is None


def test_a_source_with_more_is_polled_again_at_once(store: Store) -> None:
    full = Batch((event(1),), b"one", more=True)
    run = Run(store, Script(lambda: full, batch(2)))

    async def trial() -> None:
        running = asyncio.create_task(run(every_ms=86_400_000))
        await run.until(lambda: run.appended == 2)
        run.stop.set()
        await running

    asyncio.run(trial())
    assert ids(store) == ["1", "2"]


def test_a_source_that_was_deleted_ends(store: Store) -> None:
    store.call(sources.delete, "test", Actor("admin"), NOW_MS)
    with pytest.raises(NotFound):
        asyncio.run(Run(store, Script(batch(1)))())


def test_a_poll_of_a_deleted_source_says_nothing_as_a_new_one_of_its_name(store: Store) -> None:
    def added_anew() -> Batch:
        store.call(sources.delete, "test", Actor("admin"), NOW_MS)
        store.call(sources.add, WIREGUARD, "test", {}, Actor("admin"), NOW_MS + 1)
        return batch(1)()

    run = Run(store, Script(added_anew))
    with pytest.raises(NotFound):
        asyncio.run(run())
    assert ids(store) == []
    assert store.call(sources.load_state, "test") is None


def test_it_waits_while_the_disk_is_full(store: Store) -> None:
    source = Script(batch(1))
    run = Run(store, source)
    with pytest.raises(SourceError, match=r"waiting: .* free some disk space"):
        asyncio.run(run(once=True, min_free_disk_bytes=2**62))
    assert source.states == []
    assert "min_free_disk" in (run.health().error or "")


def test_a_store_that_cannot_be_written_is_tried_again(store: Store) -> None:
    run = Run(store, Script(batch(1)))

    async def trial() -> None:
        await store.run(database.execute_sql, "PRAGMA query_only = 1")
        running = asyncio.create_task(run())
        await run.until(lambda: bool(run.failures))
        await store.run(database.execute_sql, "PRAGMA query_only = 0")
        await run.until(lambda: run.appended == 1)
        run.stop.set()
        await running

    asyncio.run(trial())
    assert ids(store) == ["1"]


def test_once_raises_what_the_store_says(store: Store) -> None:
    store.call(database.execute_sql, "PRAGMA query_only = 1")
    with pytest.raises(StoreError):
        asyncio.run(Run(store, Script(batch(1)))(once=True))


def test_a_stop_ends_the_wait_between_polls(store: Store) -> None:
    run = Run(store, Script(batch(1)))

    async def trial() -> None:
        running = asyncio.create_task(run(every_ms=86_400_000))
        await run.until(lambda: run.appended == 1)
        run.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await running

    asyncio.run(trial())


def test_nothing_is_polled_after_the_stop(store: Store) -> None:
    source = Script(batch(1))
    run = Run(store, source)
    run.stop.set()
    assert asyncio.run(run()) == AppendResult(0, 0)
    assert source.states == []


class Gate:
    """A step that blocks until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> Batch:
        self.entered.set()
        self.open.wait(2 * PATIENCE_S)
        return Batch((event(1),), b"late")


def test_a_poll_that_hangs_does_not_hold_up_the_stop(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "STOP_PATIENCE_S", 0.1)
    gate = Gate()
    run = Run(store, Script(gate))

    async def trial() -> AppendResult:
        running = asyncio.create_task(run())
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        run.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            return await running

    assert asyncio.run(trial()) == AppendResult(0, 0)
    gate.open.set()
    run.source.threads[0].join(PATIENCE_S)
    assert store.call(sources.load_state, "test") is None


def test_a_poll_that_ends_soon_after_the_stop_is_saved(store: Store) -> None:
    gate = Gate()
    run = Run(store, Script(gate))

    async def trial() -> AppendResult:
        running = asyncio.create_task(run())
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        run.stop.set()
        gate.open.set()
        return await running

    assert asyncio.run(trial()) == AppendResult(1, 0)
    assert store.call(sources.load_state, "test") == b"late"


def test_two_runs_never_poll_one_source_at_once(store: Store) -> None:
    gate = Gate()
    first, second = Run(store, Script(gate)), Run(store, Script(batch(2)))

    async def trial() -> AppendResult:
        running = asyncio.create_task(first(once=True))
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        meanwhile = await second(once=True)
        gate.open.set()
        await running
        return meanwhile

    assert asyncio.run(trial()) == AppendResult(0, 0)
    assert second.source.states == []
    assert asyncio.run(second(once=True)) == AppendResult(1, 0)
    assert second.source.states == [b"late"]
    assert ids(store) == ["1", "2"]
