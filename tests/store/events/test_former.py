"""Events from before schema 4 are recognised after the upgrade, until the last of them goes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alert_kinds import DEFAULT_TERMS, SOURCE_STALE
from domain.event_input import created_second
from domain.event_types import EventType
from domain.events import Event, read_event
from domain.ids import base58
from sources.events import alert, fact_event, whole_second
from store.database import Store, open_store
from store.events import adding, keys, reading
from store.maintenance import prune
from store.models import EventRow, FactRow, HeadRow, database
from store.records import AppendResult
from tests.support.released_stores import MADE_MS, RELEASED, copy_of
from tests.support.stores import ALERTS, DAY, NOW, Desk, compact, new_store

LATER = 90_000
"""Milliseconds until the events come again."""

CREATED = "2026-11-24T08:00:00Z"


def read(value: dict[str, object], now_ms: int) -> Event:
    return read_event(compact(value), now_ms=now_ms, random64=lambda: 7)


def kinds(now_ms: int, text: str) -> dict[str, Event]:
    """One event of each kind, as it comes at a time; `text` is another body of it."""
    given = {"created": CREATED, "text": text}
    no_time = {"text": text}
    facts = ("peer", "handshake")
    stats = {"created": whole_second(now_ms), "rx_delta": text}
    change = {"created": whole_second(now_ms), "field": text, "name": str(now_ms)}
    authn = {"created": CREATED, "status": text, "host": str(now_ms)}
    types = EventType
    return {
        "id and time": read({"type": "alerts", "id": "a", "attributes": given}, now_ms),
        "id alone": read({"type": "alerts", "id": "b", "attributes": no_time}, now_ms),
        "time alone": read({"type": "log_authn", "attributes": given | {"text": "x"}}, now_ms),
        "neither": read({"type": "log_changes", "attributes": no_time}, now_ms),
        "a handshake": fact_event(types.ENDPOINT_STATS, facts, stats, created_given=False),
        "a change": fact_event(
            types.LOG_CHANGES, facts, change, created_given=False, no_facts=("name",)
        ),
        "a sign-in": fact_event(types.LOG_AUTHN, facts, authn, no_facts=("host",)),
        "an alert": alert(
            SOURCE_STALE,
            DEFAULT_TERMS[SOURCE_STALE],
            now_ms,
            facts,
            {"n": text},
            created_given=False,
            no_facts=("suppress_until", "updated"),
        ),
    }


def add_as_before(path: Path, events: Sequence[Event], now_ms: int) -> None:
    """Add events to a store of schema 1, as a Tocsin of that time did."""
    with closing(sqlite3.connect(path)) as file, file:
        for event in events:
            [(seq,)] = file.execute(
                "UPDATE head SET seq = seq + 1 WHERE type = ? RETURNING seq", (event.type.value,)
            ).fetchall()
            row = (event.type.value, seq, event.id, now_ms, event.body)
            file.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", row)


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Desk]:
    """A released store with one more event of each kind, brought up to date."""
    path = copy_of(RELEASED[0], tmp_path / "home" / "tocsin.db")
    add_as_before(path, list(kinds(MADE_MS, "one").values()), MADE_MS)
    store = open_store(path, migrate=True)
    yield Desk(store, now_ms=MADE_MS + LATER)
    store.close()


def test_each_kind_is_a_repeat_after_the_upgrade(upgraded: Desk) -> None:
    again = kinds(MADE_MS + LATER, "one")
    for name, event in again.items():
        assert upgraded.append(event) == AppendResult(0, 1), name
    assert upgraded.append(*again.values()) == AppendResult(0, len(again))


def test_each_kind_is_refused_with_another_body(upgraded: Desk) -> None:
    del (other := kinds(MADE_MS + LATER, "two"))["time alone"]  # its id follows from its body
    for name, event in other.items():
        assert upgraded.append(event) == AppendResult(0, 0, conflicts=(0,)), name


def test_beside_new_events_each_kind_is_a_repeat_too(upgraded: Desk) -> None:
    new = [read({"type": type_, "id": "new", "attributes": {}}, NOW) for type_ in EventType]
    again = kinds(MADE_MS + LATER, "one").values()
    assert upgraded.append(*new, *again, *new) == AppendResult(4, len(again) + 4)


@pytest.mark.parametrize("id_", ["a", "b"])
def test_the_same_id_with_another_time_is_another_event(upgraded: Desk, id_: str) -> None:
    def event(created: str, text: str) -> Event:
        attributes = {"created": created, "text": text}
        return read({"type": "alerts", "id": id_, "attributes": attributes}, MADE_MS)

    first, later = event("2026-11-24T09:00:00Z", "one"), event("2026-11-24T10:00:00Z", "two")
    assert upgraded.append(first, later) == AppendResult(2, 0)
    assert upgraded.append(first, later) == AppendResult(0, 2)
    assert upgraded.append(event("2026-11-24T09:00:00Z", "three")).conflicts == (0,)
    assert [one.id for one in upgraded.call(reading.with_id, id_, limit=9).first] == [id_] * 3
    for one in upgraded.call(reading.with_id, id_, limit=9).first:
        second = created_second(one.body)
        found = upgraded.call(reading.with_id, id_, ALERTS, limit=9, created_s=second)
        assert found.first == [one]


def former_left(desk: Desk) -> int:
    """Count the events from before the upgrade."""
    return desk.call(lambda: EventRow.select().where(EventRow.moment == FORMER).count())


FORMER = keys.moment_of(ALERTS, keys.FORMER)


def test_the_former_events_are_pruned_as_others_and_known_until_then(tmp_path: Path) -> None:
    desk = Desk(new_store(tmp_path / "home" / "tocsin.db"))
    old = [event_of("a", None, "x"), event_of("b", None, "x")]
    desk.append(old[0])
    desk.now_ms += DAY
    desk.append(old[1])
    desk.call(lambda: EventRow.update(moment=FORMER).execute())
    desk.now_ms += DAY
    desk.append(event_of("c", None, "x"))
    retention = prune.Retention(keep_events_ms=2 * DAY, keep_deliveries_ms=DAY)

    def statements() -> int:
        """Count the statements that adding a new event takes."""
        seen: list[str] = []
        desk.call(lambda: database.connection().set_trace_callback(seen.append))
        assert desk.append(event_of(base58(desk.now_ms), None, "x")).accepted == 1
        desk.call(lambda: database.connection().set_trace_callback(None))
        return len(seen)

    assert desk.append(*old).repeated == 2
    with_former = statements()
    desk.call(prune.Pruning(retention, NOW + 2 * DAY).step)
    assert former_left(desk) == 1
    assert desk.append(*old) == AppendResult(1, 1)
    desk.call(prune.Pruning(retention, NOW + 3 * DAY).step)
    assert former_left(desk) == 0
    desk.now_ms += 1
    assert statements() == with_former - 1
    assert desk.append(*old) == AppendResult(1, 1)
    desk.store.close()


# Law 1, for any events and former ones.

TIMES = (
    None,
    "2026-11-24T08:00:00Z",
    "2026-11-24T09:00:00+01:00",
    "2026-11-24T08:00:00.5Z",
    "2026-11-24T08:00:01Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
)
INSTANTS = {
    None: (None, ""),
    "2026-11-24T08:00:00Z": (1, ""),
    "2026-11-24T09:00:00+01:00": (1, ""),
    "2026-11-24T08:00:00.5Z": (1, "5"),
    "2026-11-24T08:00:01Z": (2, ""),
    "0001-01-01T00:00:00Z": (0, ""),
    "9999-12-31T23:59:59Z": (3, ""),
}
"""A second of its own for each, and the fraction."""

Which = tuple[str, str | None, str]


def event_of(id_: str, created: str | None, text: str) -> Event:
    attributes = {"text": text} if created is None else {"created": created, "text": text}
    return read({"type": "alerts", "id": id_, "attributes": attributes}, NOW)


class KnownEvents:
    """Events that are kept, by id and second; those of before by their id."""

    def __init__(self) -> None:
        self.new: dict[tuple[str, int | None], tuple[str, str]] = {}
        self.former: dict[str, tuple[int | None, str, str]] = {}

    def add(self, which: Which) -> str:
        """Add an event, and return what becomes of it."""
        id_, created, text = which
        second, fraction = INSTANTS[created]
        known = self.new.get((id_, second))
        if known is None and id_ in self.former:
            then, *said = self.former[id_]
            if second is None:
                return "repeated" if said[1] == text else "refused"
            if then == second:
                known = said[0], said[1]
        if known is None:
            self.new[id_, second] = fraction, text
            return "accepted"
        return "repeated" if known == (fraction, text) else "refused"


events_of = st.tuples(st.sampled_from("ab"), st.sampled_from(TIMES), st.sampled_from("xy"))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(events_of, max_size=2, unique_by=lambda which: which[0]),
    st.lists(st.lists(events_of, max_size=6), max_size=4),
)
def test_law_1_holds_for_any_events(
    shared: Store, before: list[Which], batches: list[list[Which]]
) -> None:
    known = KnownEvents()

    def run() -> None:
        for model in (EventRow, FactRow):
            model.delete().execute()
        HeadRow.update(seq=0, pruned=0).execute()
        adding.append([event_of(*which) for which in before], NOW)
        EventRow.update(moment=FORMER).execute()
        for id_, created, text in before:
            known.former[id_] = (*INSTANTS[created], text)
        for batch in batches:
            ends = [known.add(which) for which in batch]
            added = adding.append([event_of(*which) for which in batch], NOW)
            refused = tuple(index for index, end in enumerate(ends) if end == "refused")
            assert added == AppendResult(ends.count("accepted"), ends.count("repeated"), refused)
        kept = reading.after(ALERTS, 0, limit=1_000)
        assert [one.seq for one in kept] == list(range(1, len(known.new) + len(before) + 1))

    shared.call(run)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that is emptied before each example."""
    store = new_store(tmp_path_factory.mktemp("law") / "tocsin.db")
    yield store
    store.close()
