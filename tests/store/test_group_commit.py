"""Calls that share a transaction: each is kept or refused for itself, and none is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import group_commit
from store.database import Store
from store.errors import NotFound, StoreBusy, StoreGone, StoreUnavailable
from store.group_commit import GroupCommit
from store.models import AttemptRow, FactRow, database
from store.records import Work
from tests.support.stores import new_store

KINDS = ("writes", "writes", "writes", "refuses", "has a bug", "breaks", "rolls back", "dangles")
RAISES = {
    "refuses": NotFound,
    "has a bug": ZeroDivisionError,
    "breaks": StoreUnavailable,
    "rolls back": StoreUnavailable,
    "dangles": StoreUnavailable,
}


def work(number: int, size: int = 2) -> Work:
    return Work(
        number,
        f"msg_{number}",
        1,
        1,
        1,
        b"x" * size,
        "http://a/",
        "http://a/",
        (),
        (),
        None,
        1,
        1,
        None,
    )


def call(number: int, kind: str = "writes", size: int = 2) -> Work:
    """Write one fact, and then do what the kind says; one transaction, as all that is called."""
    with database.atomic():
        FactRow.insert(name=f"call {number}", value=kind).execute()
        fail(number, kind)
    return work(number, size)


def fail(number: int, kind: str) -> None:
    if kind == "refuses":
        raise NotFound("no such thing")
    if kind == "has a bug":
        raise ZeroDivisionError
    if kind == "breaks":
        FactRow.insert(name=f"call {number}", value="twice").execute()
    if kind == "rolls back":  # as SQLite does by itself when the disk is full
        database.connection().execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")
    if kind == "dangles":  # only COMMIT finds it
        database.connection().execute("PRAGMA defer_foreign_keys = 1")
        AttemptRow.insert(
            delivery=9, number=1, url="", revision=1, started_ms=0, duration_ms=0, worker=""
        ).execute()


def kept() -> list[int]:
    """The numbers of the calls that the store has, in the order in which they were written."""
    rows = database.connection().execute("SELECT name FROM fact ORDER BY rowid").fetchall()
    return [int(name.removeprefix("call ")) for (name,) in rows if name.startswith("call ")]


def at_once(
    store: Store, calls: Sequence[Callable[[], Work | None]]
) -> list[Work | BaseException | None]:
    """Make calls in the same moment; their answers."""

    async def make() -> list[Work | BaseException | None]:
        commits = GroupCommit(store)
        return await asyncio.gather(*map(commits.run, calls), return_exceptions=True)

    return asyncio.run(make())


class Counted:
    """Counts the transactions of a store, and lets the first COMMITs fail."""

    def __init__(self, store: Store, failing: int = 0, error: Exception | None = None) -> None:
        self.commits = 0
        self._error = error or sqlite3.OperationalError("database or disk is full")
        self._failing = failing
        self._commit = store._engine.commit
        vars(store._engine)["commit"] = self.commit

    def commit(self) -> None:
        self.commits += 1
        if self.commits <= self._failing:
            raise self._error
        self._commit()


@settings(max_examples=60, deadline=None)
@given(kinds=st.lists(st.sampled_from(KINDS), max_size=9), failing=st.integers(0, 4))
def test_what_is_acknowledged_is_kept_once_and_what_is_refused_is_not(
    kinds: list[str], failing: int
) -> None:
    with TemporaryDirectory() as folder:
        store = new_store(Path(folder) / "tocsin.db")
        counted = Counted(store, failing)
        answers = at_once(store, [partial(call, *one) for one in enumerate(kinds)])
        written = store.call(kept)
        store.close()
    assert sorted(written) == [n for n, answer in enumerate(answers) if isinstance(answer, Work)]
    for kind, answer in zip(kinds, answers, strict=True):
        if isinstance(answer, BaseException):
            assert type(answer) in (RAISES.get(kind), StoreUnavailable)
        else:
            assert kind not in RAISES
    if failing < counted.commits and not failing:
        assert all(
            isinstance(a, Work) for k, a in zip(kinds, answers, strict=True) if k == "writes"
        )


def test_what_a_call_wrote_before_it_failed_is_taken_back_alone(store: Store) -> None:
    def fails() -> None:
        FactRow.insert(name="call 9", value="").execute()
        raise NotFound("no such thing")

    answers = at_once(store, [partial(call, 1), fails, partial(call, 2)])
    assert [type(answer) for answer in answers] == [Work, NotFound, Work]
    assert store.call(kept) == [1, 2]


def test_calls_of_one_moment_share_a_transaction_in_their_order(store: Store) -> None:
    counted = Counted(store)
    answers = at_once(store, [partial(call, number) for number in range(20)])
    assert [answer.delivery_id for answer in answers if isinstance(answer, Work)] == [*range(20)]
    assert store.call(kept) == [*range(20)]
    assert counted.commits == 1


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), ZeroDivisionError()])
def test_a_commit_that_fails_once_costs_nobody_anything(store: Store, error: Exception) -> None:
    counted = Counted(store, 1, error)
    answers = at_once(store, [partial(call, number) for number in range(3)])
    assert all(isinstance(answer, Work) for answer in answers)
    assert store.call(kept) == [0, 1, 2]
    assert counted.commits == 1 + 3


@pytest.mark.parametrize(
    ("most_calls", "most_bytes", "groups"),
    [(100, 8_000, 1), (4, 8_000, 3), (100, 100, 10), (100, 250, 4)],
)
def test_a_group_is_bounded_by_calls_and_by_the_bytes_that_they_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, most_calls: int, most_bytes: int, groups: int
) -> None:
    monkeypatch.setattr(group_commit, "MOST_CALLS", most_calls)
    monkeypatch.setattr(group_commit, "MOST_BYTES", most_bytes)
    counted = Counted(store)
    answers = at_once(store, [partial(call, number, "writes", 101) for number in range(10)])
    assert all(isinstance(answer, Work) for answer in answers)
    assert store.call(kept) == [*range(10)]
    assert counted.commits == groups


def test_who_went_away_before_its_turn_is_left_out(store: Store) -> None:
    async def make() -> None:
        commits = GroupCommit(store)
        first, second = (asyncio.create_task(commits.run(call, number)) for number in (1, 2))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait((first, second))
        assert second.cancelled()

    asyncio.run(make())
    assert store.call(kept) == [1]


def test_a_store_that_goes_away_meanwhile_acknowledges_none_of_them(store: Store) -> None:
    def deletes() -> None:
        store.path.unlink()

    answers = at_once(store, [partial(call, 1), deletes, partial(call, 2)])
    assert [type(answer) for answer in answers] == [StoreGone] * 3


def test_where_another_keeps_the_lock_nobody_waits_for_it_twice(store: Store) -> None:
    begun: list[int] = []
    store.call(lambda: database.connection().execute("PRAGMA busy_timeout = 1"))
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answers = at_once(store, [partial(begun.append, number) for number in (1, 2, 3)])
    assert [type(answer) for answer in answers] == [StoreBusy] * 3
    assert begun == []


def test_a_store_that_is_closed_is_reported_to_each_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_CALLS", 2)
    store = new_store(tmp_path / "tocsin.db")
    store.close()
    answers = at_once(store, [partial(call, number) for number in range(5)])
    assert [type(answer) for answer in answers] == [RuntimeError] * 5
