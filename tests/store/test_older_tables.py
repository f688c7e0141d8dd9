"""A store of an older schema is read by today's queries, and goes on when it is upgraded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store, open_store
from store.errors import StoreUnavailable
from store.events import adding, reading
from store.models import database
from store.overview import read_overview
from store.ranges import Ranges
from tests.support.released_stores import RELEASED, copy_of, kept, kept_by
from tests.support.stores import ALERTS, NOW, event, run_child

UPGRADE = "open_store(path, migrate=True).close()"


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Store]:
    """The store of the first released schema, opened as it is."""
    store = open_store(copy_of(RELEASED[0], tmp_path / "home" / "tocsin.db"))
    yield store
    store.close()


def test_all_that_is_in_an_older_store_can_be_read(older: Store) -> None:
    assert older.outdated
    now = kept(older)
    for name, before in kept_by(RELEASED[0]).items():
        assert now[name] == before, name


def test_it_has_an_overview(older: Store) -> None:
    overview = older.call(read_overview, older.vault)
    assert overview.refused == {}
    assert [status.webhook.id for status in overview.webhooks]


def test_it_is_not_written(older: Store) -> None:
    with pytest.raises(StoreUnavailable, match="older Tocsin: run `tocsin db upgrade` first"):
        older.call(adding.append, [event(1)], NOW)


def test_its_events_are_found_by_the_indexes_that_it_has(older: Store) -> None:
    """Of ten million events all would be read for each answer otherwise."""
    statements: list[str] = []
    older.call(lambda: database.connection().set_trace_callback(statements.append))
    older.call(read_overview, older.vault)
    [first, *_] = older.call(reading.newest, ALERTS, limit=2)
    older.call(reading.after, ALERTS, 0, limit=2)
    older.call(reading.load, ALERTS, [1, 2])
    older.call(reading.load_ranges, ALERTS, Ranges.of([1, 2, 4]))
    older.call(reading.with_id, first.id, limit=2)
    older.call(reading.with_id, first.id, ALERTS, limit=2, created_s=0)
    older.call(reading.with_id, first.id, ALERTS, limit=2, number=1)
    older.call(reading.numbers_with_id, first.id, ALERTS, limit=2)
    older.call(reading.scan, ALERTS, [], above=0, up_to=5)
    older.call(lambda: database.connection().set_trace_callback(None))
    asked = [text for text in statements if FROM_EVENTS.search(text)]
    assert len(asked) > 10
    plans = {text: older.call(plan, text) for text in asked}
    scans = {text: found for text, found in plans.items() if SCAN.search(found)}
    assert scans == {}


FROM_EVENTS = re.compile(r"""(FROM|JOIN) "?event\b""")
SCAN = re.compile(r"SCAN (event|t1|main\.event)\b")


def plan(statement: str) -> str:
    """Return SQLite's plan of a statement."""
    return "; ".join(
        row[3] for row in database.connection().execute(f"EXPLAIN QUERY PLAN {statement}")
    )


def test_siblings_read_it_too(older: Store) -> None:
    sibling = older.sibling()
    assert sibling.outdated
    assert kept(sibling) == kept(older)
    sibling.close()


def test_a_store_that_is_upgraded_meanwhile_is_read_on_and_written(older: Store) -> None:
    sibling = older.sibling()
    before = kept(older)
    kept(sibling)
    run_child(UPGRADE, older.path)
    for store in (older, sibling):
        assert kept(store)["events"] == before["events"]
        assert (store.outdated, store.upgrade) == (False, None)
    head = older.call(reading.heads)[ALERTS]
    assert older.call(adding.append, [event(1)], NOW).accepted == 1
    assert sibling.call(reading.heads)[ALERTS] == head + 1
    sibling.close()


def test_an_upgrade_in_the_middle_of_a_read_is_no_fault(older: Store) -> None:
    upgrades = iter([True])

    def read() -> int:
        if next(upgrades, False):
            run_child(UPGRADE, older.path)
        return len(reading.after(ALERTS, 0, limit=1_000))

    assert older.call(read) == len(kept_by(RELEASED[0])["events"]["alerts"])
