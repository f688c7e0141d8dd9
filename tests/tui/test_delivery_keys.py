"""The order of a list of deliveries, and what it holds back, against a plain model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.listing import Look
from tui.delivery_keys import DeliveryKeys, NewestFirst


def looked(last_id: int, open_ids: set[int], found: set[int], total: int = 0) -> Look:
    return Look(last_id, frozenset(open_ids), sorted(found), total or last_id)


def started(last_id: int, open_ids: set[int]) -> DeliveryKeys:
    """The keys of all deliveries up to one."""
    keys = DeliveryKeys()
    keys.start(looked(last_id, open_ids, set(range(1, last_id + 1))))
    return keys


def test_what_waits_stands_before_what_is_over() -> None:
    assert list(started(5, {2, 4}).keys()) == [4, 2, 5, 3, 1]


def test_what_ends_goes_to_its_place_among_what_is_over() -> None:
    keys = started(5, {2, 4})
    assert keys.update(looked(5, {4}, {2, 4}), hold=False)
    assert list(keys.keys()) == [4, 5, 3, 2, 1]


def test_new_rows_are_held_back_and_released() -> None:
    keys = started(3, {3})
    assert not keys.update(looked(5, {3, 5}, {3, 4, 5}), hold=True)
    assert (list(keys.keys()), keys.held, keys.count) == ([3, 2, 1], 2, 5)
    keys.release()
    assert (list(keys.keys()), keys.held, keys.count) == ([5, 3, 4, 2, 1], 0, 5)


def test_a_held_row_that_is_found_no_more_is_forgotten() -> None:
    keys = started(3, set())
    keys.update(looked(4, {4}, {4}), hold=True)
    keys.update(looked(4, set(), set()), hold=True)
    assert keys.held == 0


def test_a_row_found_for_the_first_time_when_it_ends_is_new() -> None:
    """With the filter state:delivered a pending delivery is found when it is delivered."""
    keys = DeliveryKeys()
    keys.start(looked(3, {3}, {1, 2}))
    assert not keys.update(looked(3, set(), {3}), hold=True)
    assert keys.held == 1
    assert keys.update(looked(3, set(), set()), hold=False)
    assert list(keys.keys()) == [3, 2, 1]


def test_no_change_is_told_as_such() -> None:
    keys = started(3, {3})
    assert not keys.update(looked(3, {3}, {3}), hold=False)


def test_pruned_deliveries_are_noticed() -> None:
    keys = started(3, set())
    assert keys.is_overtaken(looked(3, set(), set(), total=2))
    assert not keys.is_overtaken(looked(4, set(), {4}, total=4))


@given(st.sets(st.integers(1, 40)), st.data())
def test_a_view_is_a_sequence(ids: set[int], data: st.DataObject) -> None:
    waiting = data.draw(st.sets(st.sampled_from(sorted(ids))) if ids else st.just(set[int]()))
    view = NewestFirst(sorted(waiting, reverse=True), sorted(ids - waiting))
    plain = sorted(waiting, reverse=True) + sorted(ids - waiting, reverse=True)
    assert [view[place] for place in range(len(view))] == list(view) == plain
    assert [view.index(key) for key in plain] == list(range(len(plain)))
    assert [key in view for key in range(42)] == [key in ids for key in range(42)]
    start, stop = data.draw(st.integers(-50, 50)), data.draw(st.integers(-50, 50))
    assert view[start:stop] == plain[start:stop]


def test_a_view_has_nothing_beyond_its_ends() -> None:
    view = NewestFirst([3], [1, 2])
    assert view[-1] == 1
    with pytest.raises(IndexError):
        view[3]
    with pytest.raises(ValueError, match="9"):
        view.index(9)


@given(st.lists(st.tuples(st.sets(st.integers(1, 30)), st.integers(0, 3), st.booleans())))
def test_looks_lead_where_a_look_at_everything_leads(
    steps: list[tuple[set[int], int, bool]],
) -> None:
    """Whatever ends and is sealed meanwhile, and however often rows are held back."""
    last, pending = 3, {2, 3}
    keys = started(last, pending)
    for ended, sealed, hold in steps:
        new = set(range(last + 1, last + sealed + 1))
        seen = pending | new
        last, pending = last + sealed, seen - ended
        keys.update(looked(last, pending, seen), hold=hold)
        assert keys.count == last
    keys.release()
    assert list(keys.keys()) == list(started(last, pending).keys())
