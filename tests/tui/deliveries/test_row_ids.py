"""The order of a list of deliveries, and what it holds back, against a plain model."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.queue.delivery_list import SearchResult
from tests.support.stores import NOW
from tui.deliveries.row_ids import DeliveryRowIds, NewestFirst, RateLimit


def looked(last_id: int, open_ids: set[int], found: list[int], total: int = 0) -> SearchResult:
    """A look; what is found stands in the order of ending, what is open last."""
    return SearchResult(last_id, frozenset(open_ids), found, total or last_id)


def started(last_id: int, open_ids: set[int]) -> DeliveryRowIds:
    """The keys of all deliveries up to one; those that are over ended as they were sealed."""
    keys = DeliveryRowIds()
    over = [key for key in range(1, last_id + 1) if key not in open_ids]
    keys.start(looked(last_id, open_ids, [*over, *sorted(open_ids)]))
    return keys


def test_what_waits_stands_before_what_is_over() -> None:
    assert list(started(5, {2, 4}).keys()) == [4, 2, 5, 3, 1]


def test_what_ends_stands_first_of_what_is_over() -> None:
    keys = started(5, {2, 4})
    assert keys.update(looked(5, {4}, [2, 4]), hold=False)
    assert list(keys.keys()) == [4, 2, 5, 3, 1]


def test_new_rows_are_held_back_and_released() -> None:
    keys = started(3, {3})
    assert not keys.update(looked(5, {3, 5}, [4, 3, 5]), hold=True)
    assert (list(keys.keys()), keys.held, keys.count) == ([3, 2, 1], 2, 5)
    keys.release()
    assert (list(keys.keys()), keys.held, keys.count) == ([5, 3, 4, 2, 1], 0, 5)


def test_a_held_row_that_is_found_no_more_is_forgotten() -> None:
    keys = started(3, set())
    keys.update(looked(4, {4}, [4]), hold=True)
    keys.update(looked(4, set(), []), hold=True)
    assert keys.held == 0


def test_a_row_found_for_the_first_time_when_it_ends_is_new() -> None:
    """With the filter state:delivered a pending delivery is found when it is delivered."""
    keys = DeliveryRowIds()
    keys.start(looked(3, {3}, [1, 2]))
    assert not keys.update(looked(3, set(), [3]), hold=True)
    assert keys.held == 1
    assert keys.update(looked(3, set(), []), hold=False)
    assert list(keys.keys()) == [3, 2, 1]


def test_no_change_is_told_as_such() -> None:
    keys = started(3, {3})
    assert not keys.update(looked(3, {3}, [3]), hold=False)


def test_pruned_deliveries_are_noticed() -> None:
    keys = started(3, set())
    assert keys.is_overtaken(looked(3, set(), [], total=2))
    assert not keys.is_overtaken(looked(4, set(), [4], total=4))


@given(st.lists(st.integers(1, 40), unique=True), st.data())
def test_a_view_is_a_sequence(over: list[int], data: st.DataObject) -> None:
    waiting = data.draw(st.lists(st.integers(41, 50), unique=True))
    view = NewestFirst(waiting, array("q", over))
    plain = [*waiting, *reversed(over)]
    assert [view[place] for place in range(len(view))] == list(view) == plain
    assert [view.index(key) for key in plain] == list(range(len(plain)))
    assert [key in view for key in range(52)] == [key in plain for key in range(52)]
    start, stop = data.draw(st.integers(-60, 60)), data.draw(st.integers(-60, 60))
    assert view[start:stop] == plain[start:stop]


def test_a_view_has_nothing_beyond_its_ends() -> None:
    view = NewestFirst([3], array("q", [1, 2]))
    assert view[-1] == 1
    with pytest.raises(IndexError):
        view[3]
    with pytest.raises(ValueError, match="not in"):
        view.index(9)


@given(st.lists(st.tuples(st.sets(st.integers(1, 30)), st.integers(0, 3), st.booleans())))
def test_looks_lead_where_a_look_at_everything_leads(
    steps: list[tuple[set[int], int, bool]],
) -> None:
    """Whatever ends and is sealed meanwhile, and however often rows are held back."""
    last, pending, over = 3, {2, 3}, [1]
    keys = started(last, pending)
    for ended, sealed, hold in steps:
        seen = pending | set(range(last + 1, last + sealed + 1))
        ending = sorted(seen & ended)
        last, pending, over = last + sealed, seen - ended, over + ending
        keys.update(looked(last, pending, [*ending, *sorted(pending)]), hold=hold)
        assert keys.count == last
        view = keys.keys()
        assert [key for key in view if key not in pending] == [
            key for key in reversed(over) if key in view
        ]
    keys.release()
    assert list(keys.keys()) == [*sorted(pending, reverse=True), *reversed(over)]


def test_some_moves_are_made_at_once_then_one_in_each_span() -> None:
    moves = RateLimit(1_000, 3)
    assert [moves.take(NOW) for _ in range(5)] == [True, True, True, False, False]
    assert [moves.take(NOW + ms) for ms in range(0, 3_000, 250)].count(True) == 2


def test_a_quiet_time_saves_no_more_than_that() -> None:
    moves = RateLimit(1_000, 3)
    moves.take(NOW)
    assert [moves.take(NOW + 60_000) for _ in range(5)].count(True) == 3


def test_a_clock_set_back_neither_floods_nor_mutes() -> None:
    moves = RateLimit(1_000, 1)
    assert moves.take(NOW)
    assert not moves.take(NOW - 60_000)
    assert moves.take(NOW - 59_000)
