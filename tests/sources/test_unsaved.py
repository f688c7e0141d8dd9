"""Events that a source took are kept until the store keeps them, also across processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from domain.actors import Actor
from domain.event_types import EventType
from domain.source_kinds import PROCUSTODIBUS
from sources.base import Batch, SourceError
from sources.polling import Polling
from store import sources
from store.database import Store
from store.errors import NotFound, StoreError
from store.events import reading
from store.models import database
from store.records import AppendResult
from tests.sources.test_polling import NOW_MS, Script, batch
from tests.support.stores import new_store

FULL = "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no room'); END"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "tocsin.db")
    opened.call(sources.add, PROCUSTODIBUS, "test", {}, Actor("admin"), NOW_MS)
    yield opened
    opened.close()


@pytest.fixture
def file(store: Store) -> Path:
    """Return the path of what could not be saved."""
    return store.path.with_name("tocsin.db.source-test.unsaved")


def look(store: Store, source: Script, created_ms: int = NOW_MS) -> AppendResult:
    """Look once at a source whose events are gone where they came from."""
    return asyncio.run(
        Polling(
            source=source,
            store=store,
            stop=asyncio.Event(),
            clock=lambda: NOW_MS,
            on_appended=lambda: None,
            takes=True,
            created_ms=created_ms,
        ).run(1, once=True)
    )


def fill(store: Store) -> None:
    """Let no event be added."""
    store.call(database.execute_sql, FULL)


def free(store: Store) -> None:
    """Let events be added again."""
    store.call(database.execute_sql, "DROP TRIGGER full")


def ids(store: Store) -> list[str]:
    return [kept.id for kept in store.call(reading.after, EventType.ALERTS, 0, limit=100)]


def test_an_answer_that_was_not_saved_is_saved_before_the_next_poll(
    store: Store, file: Path
) -> None:
    fill(store)
    with pytest.raises(StoreError, match="no room"):
        look(store, Script(batch(1, 2, state=b"after")))
    assert file.stat().st_mode & 0o777 == 0o600
    free(store)
    later = Script(batch(3))
    assert look(store, later) == AppendResult(2, 0)
    assert (ids(store), later.states) == (["1", "2"], [])
    assert not file.exists()
    assert look(store, later) == AppendResult(1, 0)
    assert (ids(store), later.states) == (["1", "2", "3"], [b"after"])


def test_of_a_deleted_source_the_next_of_its_name_saves_the_events_but_not_the_place(
    store: Store, file: Path
) -> None:
    fill(store)
    with pytest.raises(StoreError, match="no room"):
        look(store, Script(batch(1, 2, state=b"of the deleted one", warning="of the deleted one")))
    free(store)
    store.call(sources.delete, "test", Actor("admin"), NOW_MS)
    store.call(sources.add, PROCUSTODIBUS, "test", {}, Actor("admin"), NOW_MS + 1)
    fill(store)
    with pytest.raises(StoreError, match="no room"):
        look(store, Script(batch(3)), NOW_MS + 1)
    free(store)
    later = Script(batch(3))
    assert look(store, later, NOW_MS + 1) == AppendResult(3, 0)
    assert (ids(store), later.states) == (["1", "2", "3"], [None])
    assert (store.call(sources.find, "test").error, file.exists()) == (None, False)


class Deleted(Script):
    """Its source is deleted while it is asked."""

    def __init__(self, store: Store) -> None:
        super().__init__(batch(1, 2, state=b"after"))
        self.store = store

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        self.store.call(sources.delete, "test", Actor("admin"), NOW_MS)
        return super().poll(now_ms, state)


def test_what_a_source_took_that_was_deleted_meanwhile_is_saved(store: Store, file: Path) -> None:
    assert look(store, Deleted(store)) == AppendResult(2, 0)
    assert (ids(store), file.exists()) == (["1", "2"], False)
    with pytest.raises(NotFound):
        look(store, Script(batch(3)))


def test_a_source_added_anew_meanwhile_begins_at_its_own_place(store: Store) -> None:
    class Replaced(Deleted):
        def poll(self, now_ms: int, state: bytes | None) -> Batch:
            taken = super().poll(now_ms, state)
            store.call(sources.add, PROCUSTODIBUS, "test", {}, Actor("admin"), NOW_MS + 1)
            return taken

    assert look(store, Replaced(store)) == AppendResult(2, 0)
    later = Script(batch(3))
    assert look(store, later, NOW_MS + 1) == AppendResult(1, 0)
    assert (ids(store), later.states) == (["1", "2", "3"], [None])


def test_one_process_saves_it_as_soon_as_it_can(store: Store, file: Path) -> None:
    source = Script(batch(1), batch(2))
    failures: list[str] = []
    fill(store)

    async def trial() -> AppendResult:
        stop = asyncio.Event()
        failed = asyncio.Event()

        def fail(sentence: str) -> None:
            failures.append(sentence)
            failed.set()

        running = asyncio.create_task(
            Polling(
                source=source,
                store=store,
                stop=stop,
                clock=lambda: NOW_MS,
                on_appended=lambda: None,
                on_failure=fail,
                takes=True,
            ).run(60_000)
        )
        await asyncio.wait_for(failed.wait(), 30)
        await store.run(database.execute_sql, "DROP TRIGGER full")
        stop.set()
        return await running

    assert asyncio.run(trial()) == AppendResult(1, 0)
    assert (ids(store), len(source.states), file.exists()) == (["1"], 1, False)
    assert len(failures) == 1


def test_where_nothing_can_be_written_it_is_told(store: Store, file: Path) -> None:
    file.with_name(f"{file.name}.new").mkdir()
    fill(store)
    with pytest.raises(SourceError, match="1 event, taken already, can be kept only until"):
        look(store, Script(batch(1)))


def test_a_file_that_cannot_be_read_is_no_reason_to_drop_it(store: Store, file: Path) -> None:
    file.write_bytes(b"\xc1")
    source = Script(batch(1))
    with pytest.raises(SourceError, match=r"cannot be read.*move that file away"):
        look(store, source)
    assert (source.states, file.exists()) == ([], True)


def test_what_an_older_tocsin_left_is_saved(store: Store, file: Path) -> None:
    event = batch(1)().events[0]
    left = {"events": [event], "state": b"s", "warning": "", "more": False, "created_ms": NOW_MS}
    file.write_bytes(msgspec.msgpack.encode(left))
    assert look(store, Script()) == AppendResult(1, 0)
    assert (ids(store), file.exists()) == (["1"], False)
