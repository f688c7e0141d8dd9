"""Cost of reading, counted in the steps of SQLite's machine, and events that share an id."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.event_types import EventType
from domain.events import Event, read_event
from domain.times import parse_rfc3339, rfc3339
from store.events import adding, keys, reading
from store.models import DeliveryRow, EventRow, HeadRow, database
from store.queue import sealing
from store.ranges import Ranges
from tests.support.stores import ALERTS, NOW, Desk, compact, event, events, namesakes

MANY = 1_000_000
FILL = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO event SELECT ? + i, ? + i, 'e' || i, 0, x'7b7d' FROM n
"""
NEIGHBOURS = Ranges(((400_001, 401_000),))
SCATTERED = Ranges.of(range(500, MANY, 1_000))


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A store with a million events of two bytes."""
    fill = (MANY, keys.key_of(ALERTS, 0), keys.moment_of(ALERTS, 1))
    desk.call(lambda: database.execute_sql(FILL, fill))
    return desk


def steps(desk: Desk, read: Callable[[Ranges], object], numbers: Ranges) -> int:
    """The steps that SQLite takes to read these, on a machine of whatever speed."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    def run() -> None:
        connection = database.connection()
        connection.set_progress_handler(count, 1)
        read(numbers)
        connection.set_progress_handler(None, 1)

    desk.call(run)
    return taken


def body_of(numbers: Ranges) -> bytes:
    """The body of a delivery of these."""
    first, last = numbers.first, numbers.last
    row = DeliveryRow(type="alerts", first_seq=first, last_seq=last, numbers=numbers.text)
    return sealing.body_of(row)


def test_a_thousand_among_a_million_cost_what_a_thousand_neighbours_cost(full: Desk) -> None:
    joined = b"[" + b",".join([b"{}"] * 1_000) + b"]"
    assert [full.call(body_of, some) for some in (NEIGHBOURS, SCATTERED)] == [joined, joined]
    assert len(SCATTERED.text) < 10_000
    readings: list[Callable[[Ranges], object]] = [
        body_of,
        lambda numbers: reading.load_ranges(ALERTS, numbers),
        lambda numbers: reading.sizes(ALERTS, numbers),
        lambda numbers: reading.lengths(ALERTS, numbers, 1_000),
    ]
    for read in readings:
        near, far = steps(full, read, NEIGHBOURS), steps(full, read, SCATTERED)
        assert near < far < 4 * near
        assert far < 25_000


def created(at: str, type_: EventType = ALERTS) -> Event:
    attributes = {"created": at} if at else {}
    text = compact({"type": type_.value, "id": "twice", "attributes": attributes})
    return read_event(text, now_ms=NOW, random64=lambda: 7)


def test_every_event_with_an_id_is_found_and_those_of_one_time(desk: Desk) -> None:
    early, late = "2026-11-24T08:00:00Z", "2026-11-24T09:00:00.5Z"
    made = [created(early), created(late), created(""), created(early, EventType.LOG_AUTHN)]
    desk.append(*events(1, 3), *made)

    def found(
        type_: EventType | None = None, created_s: int | None = None
    ) -> list[tuple[str, int]]:
        found = desk.call(reading.with_id, "twice", type_, limit=9, created_s=created_s)
        assert found.count == len(found.first)
        return [(one.type.value, one.seq) for one in found.first]

    def second(text: str) -> int:
        return parse_rfc3339(text) // 1000

    assert found() == [("alerts", 4), ("alerts", 5), ("alerts", 6), ("log_authn", 1)]
    assert found(ALERTS) == [("alerts", 4), ("alerts", 5), ("alerts", 6)]
    assert found(None, second(early)) == [("alerts", 4), ("log_authn", 1)]
    assert found(ALERTS, second(late)) == [("alerts", 5)]
    assert found(ALERTS, NOW // 1000) == [("alerts", 6)]
    assert found(EventType.LOG_CHANGES) == []
    assert found(ALERTS, 0) == []


def test_ids_are_searched_in_their_index_alone(desk: Desk) -> None:
    plans: list[str] = []

    def search(created_s: int | None) -> None:
        connection = database.connection()
        traced: list[str] = []
        connection.set_trace_callback(traced.append)
        reading.with_id("e1", ALERTS, limit=2, created_s=created_s)
        reading.numbers_with_id("e1", ALERTS, limit=2)
        connection.set_trace_callback(None)
        for statement in traced:
            plans.extend(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))

    desk.append(*events(1, 3))
    desk.call(search, None)
    desk.call(search, 0)
    assert any("COVERING INDEX event_moment_id (moment>? AND moment<?)" in plan for plan in plans)
    assert any("INDEX event_moment_id (moment=? AND id=?)" in plan for plan in plans)
    assert not [plan for plan in plans if plan == "SCAN event" or "SCAN t1" in plan]


HEARTBEATS = 1_000
LARGE = 10_000


@pytest.fixture
def beating(desk: Desk) -> Desk:
    """A store with a thousand events of one id, of ten megabytes together."""
    times = [rfc3339(NOW + second * 1_000) for second in range(HEARTBEATS)]
    plain = namesakes("heartbeat", *times)
    pad = compact({"pad": "x" * LARGE})[:-1] + b","
    desk.append(*[replace(one, body=pad + one.body[1:]) for one in plain])
    return desk


def peak(desk: Desk, read: Callable[..., object], *args: Any, **named: Any) -> int:
    """The bytes that a read takes at most."""
    tracemalloc.start()
    try:
        desk.call(read, *args, **named)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_of_many_with_one_id_no_more_bodies_are_read_than_are_listed(beating: Desk) -> None:
    found = beating.call(reading.with_id, "heartbeat", limit=3)
    assert (found.count, [one.seq for one in found.first]) == (HEARTBEATS, [1, 2, 3])
    newest = beating.call(reading.numbers_with_id, "heartbeat", ALERTS, limit=3)
    assert newest == [HEARTBEATS, HEARTBEATS - 1, HEARTBEATS - 2]
    assert peak(beating, reading.with_id, "heartbeat", limit=3) < 20 * LARGE
    many = HEARTBEATS * 2
    assert peak(beating, reading.numbers_with_id, "heartbeat", ALERTS, limit=many) < 20 * LARGE


def test_the_one_of_a_number_is_found_by_its_key_alone(beating: Desk) -> None:
    found = beating.call(reading.with_id, "heartbeat", limit=3, number=700)
    assert (found.count, [one.seq for one in found.first]) == (1, [700])

    def by_number(_: Ranges) -> None:
        reading.with_id("heartbeat", limit=3, number=700)

    assert steps(beating, by_number, NEIGHBOURS) < HEARTBEATS
    second = NOW // 1_000 + 699
    search = partial(reading.with_id, limit=3, number=700)
    assert beating.call(search, "heartbeat", created_s=second).count == 1
    assert beating.call(search, "heartbeat", created_s=second + 1).count == 0
    assert beating.call(search, "heart").count == 0
    assert beating.call(search, "heartbeat", EventType.LOG_AUTHN).count == 0


def test_an_id_is_found_in_every_type(desk: Desk) -> None:
    types = [EventType.LOG_AUTHN, ALERTS, EventType.LOG_CHANGES]
    desk.append(*[event(1, type_) for type_ in types], *events(2, 4))
    found = desk.call(reading.with_id, "e1", limit=2)
    assert (found.count, [one.type for one in found.first]) == (3, [ALERTS, EventType.LOG_AUTHN])
    numbered = desk.call(reading.with_id, "e1", limit=9, number=1)
    assert (numbered.count, len(numbered.first)) == (3, 3)


SOME = st.sets(st.integers(1, 25)).map(sorted)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=SOME.filter(bool), gone=SOME, limit=st.integers(0, 30))
def test_ranges_are_read_as_a_plain_query_reads_them(
    desk: Desk, wanted: list[int], gone: list[int], limit: int
) -> None:
    def run() -> None:
        EventRow.delete().execute()
        HeadRow.update(seq=0).execute()
        adding.append(events(1, 25), NOW)
        adding.append(events(1, 25, EventType.LOG_AUTHN), NOW)
        lost = EventRow.key.in_([keys.key_of(ALERTS, seq) for seq in gone])
        EventRow.delete().where(lost).execute()
        there = EventRow.key.in_([keys.key_of(ALERTS, seq) for seq in wanted])
        kept = list(EventRow.select().where(there).order_by(EventRow.key))
        numbers = Ranges.of(wanted)
        assert reading.bodies(ALERTS, numbers) == [row.body for row in kept]
        assert reading.sizes(ALERTS, numbers) == (len(kept), sum(len(row.body) for row in kept))
        lengths = [(keys.seq_of(row.key), len(row.body)) for row in kept]
        assert reading.lengths(ALERTS, numbers, limit) == lengths[:limit]
        found = reading.load_ranges(ALERTS, numbers)
        assert [(one.seq, one.id) for one in found] == [
            (keys.seq_of(row.key), row.id) for row in kept
        ]
        assert reading.load(ALERTS, wanted[::-1]) == found

    desk.call(run)


def test_events_of_several_types_are_loaded_at_once(desk: Desk) -> None:
    desk.append(*events(1, 3), *events(4, 6, EventType.LOG_AUTHN))
    wanted = [("log_authn", 2), ("alerts", 3), ("alerts", 1), ("log_authn", 9), ("log_changes", 1)]
    found = desk.call(reading.load_named, wanted)
    assert sorted((one.type.value, one.seq, one.id) for one in found) == [
        ("alerts", 1, "e1"),
        ("alerts", 3, "e3"),
        ("log_authn", 2, "e5"),
    ]
    assert [one.seq for one in found if one.type == ALERTS] == [1, 3]
    assert desk.call(reading.load_named, []) == []
