"""Readings of a windowed list of events."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.event_types import EventType
from domain.filters import HasText, Term
from store.events import reading
from store.events.reading import Extent
from store.models import HeadRow
from tests.support.stores import ALERTS, Desk, event, events

STATS = EventType.ENDPOINT_STATS


def found(
    desk: Desk, text: str, *, above: int = 0, up_to: int = 100, inverse: bool = False
) -> list[int]:
    terms = [Term(HasText(text), inverse)]
    return desk.call(reading.scan, ALERTS, terms, above=above, up_to=up_to)


def test_the_extent_of_each_type_is_what_is_kept(desk: Desk) -> None:
    desk.append(*events(1, 7), *events(1, 2, STATS))
    desk.call(lambda: HeadRow.update(pruned=3).where(HeadRow.type == ALERTS.value).execute())
    extents = desk.call(reading.extents)
    assert extents[ALERTS] == Extent(7, 3)
    assert extents[ALERTS].count == 4
    assert extents[STATS].count == 2
    assert extents[EventType.LOG_AUTHN].count == 0


def test_some_events_by_their_numbers(desk: Desk) -> None:
    desk.append(*events(1, 1_200))
    some = desk.call(reading.load, ALERTS, [1_100, *range(1, 700), 5_000])
    assert sorted(one.seq for one in some) == [*range(1, 700), 1_100]
    assert {one.seq: one.id for one in some}[1_100] == "e1100"
    assert desk.call(reading.load, ALERTS, []) == []


def test_an_event_by_its_exact_id(desk: Desk) -> None:
    desk.append(*events(1, 12))
    assert desk.call(reading.numbers_with_id, "e12", ALERTS, limit=2) == [12]
    assert [one.seq for one in desk.call(reading.with_id, "e12", ALERTS, limit=2).first] == [12]
    for id_, type_ in (("E12", ALERTS), ("e12", STATS)):
        assert desk.call(reading.numbers_with_id, id_, type_, limit=2) == []
        assert desk.call(reading.with_id, id_, type_, limit=2).count == 0


def test_a_scan_finds_text_newest_first_within_its_bounds(desk: Desk) -> None:
    desk.append(*(event(number, text="Needle" if number % 2 else "hay") for number in range(1, 10)))
    assert found(desk, "needle") == [9, 7, 5, 3, 1]
    assert found(desk, "needle", above=3, up_to=8) == [7, 5]
    assert found(desk, "needle", inverse=True) == [8, 6, 4, 2]


def test_a_scan_takes_every_character_as_it_is(desk: Desk) -> None:
    desk.append(
        event(1, text="100%"), event(2, text="a_b"), event(3, text="1000"), event(4, text="axb")
    )
    assert found(desk, "100%") == [1]
    assert found(desk, "a_b") == [2]
    assert found(desk, "\\") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8))
def test_a_scan_finds_what_was_written(desk: Desk, text: str) -> None:
    made = event(desk.call(reading.extents)[ALERTS].head + 1, text=text)
    desk.append(made)
    spelled = made.body.decode().split('"text":"')[1].removesuffix('"}}')
    newest = desk.call(reading.extents)[ALERTS].head
    assert found(desk, spelled, above=newest - 1, up_to=newest) == [newest]


def test_the_newest_are_found_stretch_by_stretch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SCANNED_ROWS", 2)
    desk.append(*(event(number, text="odd" if number % 2 else "even") for number in range(1, 8)))
    extent, terms = Extent(head=6, pruned=1), [Term(HasText("odd"))]
    for limit, expected in ((9, [5, 3]), (1, [5])):
        found = desk.call(reading.newest_matching, ALERTS, terms, extent, limit=limit)
        assert [one.seq for one in found] == expected
