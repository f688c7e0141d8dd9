"""The door of a source: lists that come together are committed together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from domain.event_types import EventType
from domain.events import Event
from sources import intake as inlets
from sources.intake import Inlet
from store import sources
from store.database import Store
from store.events import reading
from store.records import AppendResult
from tests.support import stores
from tests.support.stores import ACTOR, NOW


def test_who_gives_up_waiting_takes_nothing_from_those_who_wait(store: Store) -> None:
    store.call(sources.add, "socket", "socket", {}, ACTOR, NOW)
    inlet = Inlet("socket", store, lambda: NOW, on_appended=lambda: None)

    async def run() -> None:
        impatient, *patient = [
            asyncio.create_task(inlet.put(stores.events(number, number))) for number in range(1, 4)
        ]
        await asyncio.sleep(0)  # all of them are waiting now
        impatient.cancel()
        async with asyncio.timeout(20):
            assert await asyncio.gather(*patient) == [AppendResult(1, 0)] * 2
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert await inlet.put(stores.events(4, 4)) == AppendResult(1, 0)

    asyncio.run(run())
    assert len(store.call(reading.after, EventType.ALERTS, 0, limit=9)) == 4


def test_clients_take_turns_in_commits_of_bounded_size(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inlets, "MOST_EVENTS", 4)
    store.call(sources.add, "socket", "socket", {}, ACTOR, NOW)
    commits: list[int] = []
    sizes: list[int] = []
    save_each = sources.save_each

    def noted(name: str, lists: Sequence[Sequence[Event]], *args: Any, **more: Any) -> Any:
        sizes.append(sum(map(len, lists)))
        return save_each(name, lists, *args, **more)

    monkeypatch.setattr(sources, "save_each", noted)
    inlet = Inlet("socket", store, lambda: NOW, on_appended=lambda: None)

    async def put(client: str, first: int, last: int) -> None:
        appended = await inlet.put(stores.events(first, last), client)
        assert appended == AppendResult(last - first + 1, 0)
        commits.append(first)

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for client, first, last in (
                ("greedy", 1, 9),  # more than a commit, alone
                ("greedy", 10, 13),
                ("greedy", 14, 17),
                ("other", 18, 18),
                ("third", 19, 20),
                ("other", 21, 21),
            ):
                group.create_task(put(client, first, last))

    asyncio.run(run())
    stored = store.call(reading.after, EventType.ALERTS, 0, limit=99)
    in_order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 18, 19, 20, 10, 11, 12, 13, 21, 14, 15, 16, 17]
    assert [event.id for event in stored] == [f"e{number}" for number in in_order]
    assert sorted(commits) == [1, 10, 14, 18, 19, 21]
    assert sizes == [9, 3, 4, 1, 4]
