"""Cursors of brokers: forth, never back."""

from __future__ import annotations

import pytest

from store.database import Store
from store.events.adding import append
from store.queue import broker_cursors
from tests.support.stores import ALERTS, NOW, events


@pytest.mark.parametrize(("read_to", "left"), [(2, [3, 4]), (1, [3, 4]), (3, [4]), (None, [3, 4])])
def test_a_place_moves_forth_and_never_back(
    store: Store, read_to: int | None, left: list[int]
) -> None:
    store.call(broker_cursors.begin, "broker")
    store.call(append, events(1, 4), NOW)

    def read_on(seq: int | None) -> list[int]:
        found = store.call(
            broker_cursors.read_on, "broker", ALERTS, seq, limit=9, max_bytes=1 << 20
        )
        return [one.seq for one in found]

    assert read_on(2) == [3, 4]
    assert read_on(read_to) == left
