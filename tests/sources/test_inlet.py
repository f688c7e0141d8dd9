"""The door of a source: lists that come together are committed together."""

from __future__ import annotations

import asyncio

import pytest

from domain.event_types import EventType
from sources.inlet import Inlet
from store import events, sources
from store.database import Store
from store.records import Appended
from tests.store import helpers
from tests.store.helpers import ACTOR, NOW


def test_who_gives_up_waiting_takes_nothing_from_those_who_wait(store: Store) -> None:
    store.call(sources.add, "socket", "socket", {}, ACTOR, NOW)
    inlet = Inlet("socket", store, lambda: NOW, on_appended=lambda: None)

    async def run() -> None:
        impatient, *patient = [
            asyncio.create_task(inlet.put(helpers.events(number, number))) for number in range(1, 4)
        ]
        await asyncio.sleep(0)  # all of them are waiting now
        impatient.cancel()
        async with asyncio.timeout(20):
            assert await asyncio.gather(*patient) == [Appended(1, 0)] * 2
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert await inlet.put(helpers.events(4, 4)) == Appended(1, 0)

    asyncio.run(run())
    assert len(store.call(events.after, EventType.ALERTS, 0, limit=9)) == 4
