"""Whatever fails between us and a broker that loops: it writes every event, in order."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from domain.clients import BROKER
from domain.event_types import EventType
from sources.http.messages import Request, RequestRefused
from sources.intake import Inlet
from sources.procustodibus.brokers import Brokers
from sources.procustodibus.sign_in import Sessions
from store.database import Store
from store.events import adding
from tests.sources.procustodibus.custodians import NOW, add_client
from tests.support.stores import events, new_store

TYPES = (EventType.ALERTS, EventType.LOG_CHANGES)


async def ignore(*_: object) -> None:
    """Report nothing."""


@dataclass
class Broker:
    """As the real one does it: a round is written when all of its brokers were answered."""

    store: Store
    brokers: Brokers = field(init=False)
    written: dict[EventType, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start_server()

    def start_server(self) -> None:
        """A new process of ours, which remembers only what is in the store."""
        inlet = Inlet("http", self.store, lambda: NOW, on_appended=lambda: None)
        self.brokers = Brokers(
            inlet, Sessions(self.store, inlet.clock, ignore, note_refused=ignore)
        )

    async def round(self, most: int, fails_at: int | None, *, by_us: bool) -> None:
        """One round, in which the answer to one request may not come."""
        found: dict[EventType, list[int]] = {}
        for place, type_ in enumerate(TYPES):
            if place == fails_at:
                await self._fail(type_, most, by_us=by_us)
                await self.brokers.hello(Request("GET", "", {}, "", caller="siem"))
                return
            found[type_] = await self._next(type_, json.dumps({"max": most}).encode())
        for type_, numbers in found.items():
            self.written.setdefault(type_, []).extend(numbers)

    async def _fail(self, type_: EventType, most: int, *, by_us: bool) -> None:
        """We refuse the request, or our answer is lost on the way."""
        try:
            await self._next(type_, b"[" if by_us else json.dumps({"max": most}).encode())
        except RequestRefused:
            assert by_us

    async def _next(self, type_: EventType, body: bytes) -> list[int]:
        values = {"type": type_.value}
        request = Request("POST", "", {}, "", body=body, values=values, caller="siem")
        answer = await self.brokers.next(request)
        return [int(one["id"].removeprefix("e")) for one in json.loads(answer.body)["data"]]


_rounds = st.tuples(
    st.integers(0, 4),  # events that come before the round
    st.integers(1, 3),  # how many the broker wants
    st.none() | st.integers(0, len(TYPES) - 1),  # the request that fails
    st.booleans(),  # by us, or on the way
    st.booleans(),  # whether our process starts anew after it
)


async def play(store: Store, rounds: list[tuple[int, int, int | None, bool, bool]]) -> None:
    broker = Broker(store)
    accepted = 0
    for count, most, fails_at, by_us, restarts in rounds:
        for type_ in TYPES:
            await store.run(adding.append, events(accepted + 1, accepted + count, type_), NOW)
        accepted += count
        await broker.round(most, fails_at, by_us=by_us)
        if restarts:
            broker.start_server()
    for _ in range(accepted + 2):
        await broker.round(3, None, by_us=False)
    # Each hello, and each new process, may have the last answer of a type given once more.
    again = sum((fails_at is not None) + restarts for _, _, fails_at, _, restarts in rounds)
    for type_ in TYPES:
        written = broker.written.get(type_, [])
        assert list(dict.fromkeys(written)) == list(range(1, accepted + 1))
        assert len(written) <= accepted + 3 * again


@given(st.lists(_rounds, max_size=8))
def test_a_broker_that_loops_writes_everything_in_order(
    rounds: list[tuple[int, int, int | None, bool, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        store = new_store(Path(folder) / "tocsin.db")
        try:
            add_client(store, BROKER, "siem")
            asyncio.run(play(store, rounds))
        finally:
            store.close()
