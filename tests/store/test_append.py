"""Law 1: accepted means on disk, once; and adding an event costs the same for any receivers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event_types import EventType
from domain.events import Event, read_event
from store.database import Store, open_store
from store.errors import NotFound
from store.events import adding, reading
from store.models import WebhookRow, database, rows
from store.queue import attempts
from store.records import AppendResult
from tests.support.stores import ALERTS, NOW, Child, Desk, compact, event, events


def stored(desk: Desk, type_: EventType = ALERTS) -> list[tuple[int, str]]:
    kept = desk.call(reading.after, type_, 0, limit=10_000)
    return [(one.seq, one.id) for one in kept]


def test_each_type_has_a_dense_sequence_of_its_own_in_the_order_given(desk: Desk) -> None:
    mixed = [event(n, type_) for n in range(1, 6) for type_ in EventType]
    assert desk.append(*mixed) == AppendResult(accepted=20, repeated=0)
    for type_ in EventType:
        assert stored(desk, type_) == [(n, f"e{n}") for n in range(1, 6)]
    assert desk.call(reading.heads) == dict.fromkeys(EventType, 5)


def test_what_is_stored_is_what_was_given(desk: Desk) -> None:
    given = event(1, text="Zürich \u2028 \U0001f514")
    desk.append(given)
    kept = desk.call(reading.find, ALERTS, 1)
    assert (kept.type, kept.seq, kept.received_ms, kept.body) == (ALERTS, 1, NOW, given.body)


def test_repeats_are_counted_and_burn_no_number(desk: Desk) -> None:
    desk.append(*events(1, 3))
    assert desk.append(*events(2, 5)) == AppendResult(accepted=2, repeated=2)
    assert desk.append(*events(1, 5)) == AppendResult(accepted=0, repeated=5)
    assert stored(desk) == [(n, f"e{n}") for n in range(1, 6)]


def test_the_same_id_of_another_type_is_another_event(desk: Desk) -> None:
    assert desk.append(event(1), event(1, EventType.LOG_AUTHN)).accepted == 2


def test_repeats_inside_one_batch_are_counted(desk: Desk) -> None:
    assert desk.append(event(1), event(2), event(1), event(1)) == AppendResult(2, 2)
    assert stored(desk) == [(1, "e1"), (2, "e2")]


def test_another_body_under_a_known_id_is_left_out_and_its_place_reported(desk: Desk) -> None:
    desk.append(event(1))
    batch = [event(2), event(1, text="other"), event(3), event(2, text="other"), event(1)]
    assert desk.append(*batch) == AppendResult(accepted=2, repeated=1, conflicts=(1, 3))
    assert stored(desk) == [(1, "e1"), (2, "e2"), (3, "e3")]
    assert desk.call(reading.find, ALERTS, 1).body == event(1).body


def test_conflicts_of_several_types_are_reported_in_the_order_of_the_batch(desk: Desk) -> None:
    authn = EventType.LOG_AUTHN
    desk.append(event(1), event(1, authn))
    batch = [event(1, authn, text="x"), event(1, text="x"), event(2), event(1, authn, text="y")]
    assert desk.append(*batch).conflicts == (0, 1, 3)


def read(body: bytes, now_ms: int) -> Event:
    return read_event(body, now_ms=now_ms, random64=lambda: 7)


def test_a_time_that_we_filled_in_does_not_make_a_repeat_another_event(desk: Desk) -> None:
    body = b'{"type":"alerts","id":"a","attributes":{"n":1}}'
    desk.append(read(body, NOW))
    assert desk.append(read(body, NOW + 1)) == AppendResult(0, 1)
    assert desk.append(read(body.replace(b"1", b"2"), NOW + 1)).conflicts == (0,)


def created(at: str, text: str = "") -> Event:
    """An event with the id "a" that was created at a time, or when it is not said."""
    value = {"type": "alerts", "id": "a", "attributes": {"text": text}}
    if at:
        value["attributes"] = {"created": at, "text": text}
    return read(compact(value), NOW)


@pytest.mark.parametrize(
    ("first", "same", "other_body", "another"),
    [
        (
            "2026-11-24T10:00:00Z",
            ("2026-11-24T11:00:00+01:00", "2026-11-24T10:00:00.000Z", "2026-11-24t05:00:00-05:00"),
            ("2026-11-24T10:00:00.5Z", "2026-11-24T11:00:00.0001+01:00"),
            ("2026-11-24T10:00:01Z", "2026-11-24T11:00:00Z", ""),
        ),
        (
            "0001-01-01T00:00:00Z",
            ("0001-01-01T23:59:00+23:59",),
            ("0001-01-01T00:00:00.1Z",),
            ("0001-01-01T00:00:01Z", ""),
        ),
        (
            "9999-12-31T23:59:59Z",
            ("9999-12-31T00:00:59-23:59",),
            ("9999-12-31T23:59:59.9Z",),
            ("9999-12-31T23:59:58Z", ""),
        ),
        ("2016-12-31T23:59:60Z", ("2017-01-01T00:00:00Z",), (), ("2016-12-31T23:59:59Z",)),
        ("1969-12-31T23:59:59.25Z", (), ("1969-12-31T23:59:59Z",), ("1970-01-01T00:00:00Z",)),
        ("", ("",), (), ("2026-09-21T14:13:20Z", "1970-01-01T00:00:00Z")),
    ],
)
def test_an_event_is_known_by_its_id_and_the_second_of_its_given_time(
    desk: Desk,
    first: str,
    same: tuple[str, ...],
    other_body: tuple[str, ...],
    another: tuple[str, ...],
) -> None:
    assert desk.append(created(first)).accepted == 1
    for at in same:
        assert desk.append(created(at)) == AppendResult(0, 1)
        assert desk.append(created(at, "other")).conflicts == (0,)
    for at in other_body:
        assert desk.append(created(at)).conflicts == (0,)
    for at in another:
        assert desk.append(created(at, "other")).accepted == 1
        assert desk.append(created(at, "other")).repeated == 1
        assert desk.append(created(at)).conflicts == (0,)
    assert len(stored(desk)) == 1 + len(another)


def test_a_repeat_may_spell_its_json_otherwise(desk: Desk) -> None:
    desk.append(read(b'{"type":"alerts","id":"a","attributes":{"x":1,"y":2}}', NOW))
    other = b'{ "id":"a", "attributes":{"y":2,"x":1}, "type":"alerts" }'
    assert desk.append(read(other, NOW)).repeated == 1


def test_a_large_batch_with_repeats_across_lookups(desk: Desk) -> None:
    batch = events(1, 1_501)
    assert desk.append(*batch[::2]).accepted == 751
    assert desk.append(*batch, *batch) == AppendResult(accepted=750, repeated=2_252)
    assert [seq for seq, _ in stored(desk)] == list(range(1, 1_502))


def test_nothing_in_nothing_out(desk: Desk) -> None:
    assert desk.append() == AppendResult(0, 0)
    assert stored(desk) == []


def statements_of_an_append(desk: Desk, number: int) -> list[str]:
    seen: list[str] = []
    desk.call(lambda: database.connection().set_trace_callback(seen.append))
    desk.append(event(number))
    desk.call(lambda: database.connection().set_trace_callback(None))
    return seen


def test_adding_costs_the_same_with_1_webhook_and_with_1000(desk: Desk) -> None:
    desk.add()
    with_one = statements_of_an_append(desk, 1)
    (first,) = desk.call(lambda: rows(WebhookRow.select()))
    copies = [dict(zip(WebhookRow._meta.fields, first, strict=True)) for _ in range(999)]
    for place, copy in enumerate(copies, 2):
        copy["id"] = place
    desk.call(lambda: WebhookRow.insert_many(copies).execute())
    assert len(desk.call(attempts.plans)) == 1_000
    with_many = statements_of_an_append(desk, 2)
    assert len(with_many) == len(with_one) < 12
    assert not [text for text in with_many if "webhook" in text]


def test_an_append_survives_kill_9_right_after_it(store_path: Path) -> None:
    child = Child(
        """
store = open_store(path)
for number in range(1, 21):
    store.call(adding.append, [event(number)], NOW)
ready()
""",
        store_path,
    )
    child.wait_ready()
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.communicate(timeout=60)
    store = open_store(store_path)
    assert [seq for seq, _ in stored(Desk(store))] == list(range(1, 21))
    store.close()


def test_every_commit_is_synced(store: Store) -> None:
    def pragma(name: str) -> object:
        return store.call(lambda: database.execute_sql(f"PRAGMA {name}").fetchone()[0])

    assert (pragma("synchronous"), pragma("journal_mode")) == (2, "wal")
    sibling = store.sibling()
    assert sibling.call(lambda: database.execute_sql("PRAGMA synchronous").fetchone()) == (2,)
    sibling.close()


def test_pages_of_events(desk: Desk) -> None:
    desk.append(*events(1, 3))
    desk.now_ms += 1_000
    desk.append(*events(4, 6))

    def newest(**options: int) -> list[int]:
        return [one.seq for one in desk.call(reading.newest, ALERTS, **options)]

    assert newest(limit=2) == [6, 5]
    assert newest(limit=9, before_seq=5) == [4, 3, 2, 1]
    assert newest(limit=9, since_ms=NOW + 1) == [6, 5, 4]
    assert [one.seq for one in desk.call(reading.after, ALERTS, 4, limit=9)] == [5, 6]
    with pytest.raises(NotFound):
        desk.call(reading.find, ALERTS, 7)


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(EventType), st.integers(0, 6), st.sampled_from("ab")),
            max_size=8,
        ),
        max_size=4,
    )
)
def test_any_batches_leave_the_first_of_each_id_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[tuple[EventType, int, str]]],
) -> None:
    store = open_store(tmp_path_factory.mktemp("append") / "tocsin.db")
    try:
        desk = Desk(store)
        first: dict[tuple[EventType, int], str] = {}
        for batch in batches:
            fresh = repeated = 0
            conflicts = []
            for place, (type_, number, text) in enumerate(batch):
                if (type_, number) not in first:
                    first[(type_, number)] = text
                    fresh += 1
                elif first[(type_, number)] == text:
                    repeated += 1
                else:
                    conflicts.append(place)
            added = desk.append(*(event(n, type_, text=text) for type_, n, text in batch))
            assert added == AppendResult(fresh, repeated, tuple(conflicts))
        for type_ in EventType:
            ids = [f"e{number}" for kind, number in first if kind is type_]
            assert stored(desk, type_) == list(enumerate(ids, 1))
    finally:
        store.close()


def test_each_of_several_lists_is_added_but_for_what_conflicts(desk: Desk) -> None:
    desk.append(event(1))
    lists = [[event(2)], [event(3), event(1, text="other")], [event(1), event(3, text="x")], []]
    added = desk.call(adding.append_each, lists, NOW)
    assert added == [
        AppendResult(1, 0),
        AppendResult(1, 0, conflicts=(1,)),
        AppendResult(0, 1, conflicts=(1,)),
        AppendResult(0, 0),
    ]
    assert stored(desk) == [(1, "e1"), (2, "e2"), (3, "e3")]
    again = desk.call(adding.append_each, lists, NOW)
    assert [(one.accepted, one.repeated) for one in again] == [(0, 1), (0, 1), (0, 1), (0, 0)]
    assert [one.conflicts for one in again] == [one.conflicts for one in added]
