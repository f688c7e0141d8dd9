"""Brokers that read the queues: nothing is passed over, and repeats have the same ids."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.clients import BROKER
from domain.event_types import EventType
from domain.events import Event
from sources.procustodibus import brokers
from store import clients
from store.database import Store
from store.events import adding, reading
from store.maintenance import health, prune
from store.queue import broker_cursors
from tests.sources.procustodibus.custodians import NOW, Centre, Custodian, centre
from tests.support.stores import ACTOR, ALERTS, DAY, event, events

STATS = EventType.ENDPOINT_STATS


def in_centre(store: Store, work: Callable[[Centre], Awaitable[None]]) -> None:
    async def run() -> None:
        async with centre(store) as here:
            await work(here)

    asyncio.run(run())


def append(store: Store, *batch: Event) -> None:
    store.call(adding.append, batch, NOW)


def queued(store: Store, name: str = "siem") -> dict[EventType, int]:
    found = store.call(broker_cursors.queued)[name]
    return {type_: count for type_, count in found.items() if count}


async def numbers(broker: Custodian, most: int = 100, type_: str = "alerts") -> list[int]:
    return [int(one["id"].removeprefix("e")) for one in await broker.next(type_, most)]


def test_a_broker_reads_from_where_it_was_added_in_order(store: Store) -> None:
    async def work(here: Centre) -> None:
        append(store, *events(1, 2))
        broker = await here.broker()
        append(store, *events(3, 7))
        assert await numbers(broker, 2) == [3, 4]
        assert await numbers(broker, 2) == [5, 6]
        assert await numbers(broker) == [7]
        assert await numbers(broker) == []
        append(store, event(8))
        assert await numbers(broker) == [8]

    in_centre(store, work)


def test_events_are_given_as_they_are_kept(store: Store) -> None:
    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, event(1, text='a "quoted" é'))
        [found] = await broker.next("alerts")
        assert found == {"type": "alerts", "id": "e1", "attributes": {"text": 'a "quoted" é'}}

    in_centre(store, work)


def test_types_have_places_of_their_own_and_unknown_ones_are_empty(store: Store) -> None:
    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, *events(1, 2), *events(1, 3, STATS))
        assert await numbers(broker) == [1, 2]
        assert await numbers(broker, type_="log_errors") == []
        assert await numbers(broker, type_="endpoint_stats") == [1, 2, 3]
        assert await numbers(broker) == []
        assert queued(store) == {STATS: 3}

    in_centre(store, work)


def test_an_answer_counts_as_read_at_the_next_request_of_its_type(store: Store) -> None:
    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, *events(1, 5))
        assert queued(store) == {ALERTS: 5}
        await numbers(broker, 2)
        assert queued(store) == {ALERTS: 5}
        await numbers(broker, 2)
        assert queued(store) == {ALERTS: 3}

    in_centre(store, work)


def test_hello_after_a_round_that_failed_gives_the_round_again(store: Store) -> None:
    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, *events(1, 3), *events(1, 2, STATS))
        assert await numbers(broker, 2) == [1, 2]
        assert await numbers(broker, 2) == [3]
        assert await numbers(broker, type_="endpoint_stats") == [1, 2]
        await broker.hello()
        assert await numbers(broker) == [3]
        assert await numbers(broker, type_="endpoint_stats") == [1, 2]

    in_centre(store, work)


def test_a_request_that_fails_here_gives_the_round_again(store: Store) -> None:
    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, *events(1, 2))
        assert await numbers(broker) == [1, 2]
        assert (await broker.ask("POST", "/queues/log_authn/next", b"[]")).status == 400
        assert await numbers(broker) == [1, 2]
        assert await numbers(broker) == []

    in_centre(store, work)


def test_a_new_start_of_the_server_gives_again_what_was_not_known_as_read(store: Store) -> None:
    async def before(here: Centre) -> None:
        broker = await here.broker()
        append(store, *events(1, 4))
        assert await numbers(broker, 2) == [1, 2]
        assert await numbers(broker, 2) == [3, 4]

    async def after(here: Centre) -> None:
        store.call(clients.renew, BROKER, "siem", "again", ACTOR, NOW)
        client = store.call(clients.find, BROKER, "siem")
        broker = Custodian(here.served, client.user_id, kind=BROKER)
        await broker.set_up("again")
        await broker.sign_in()
        assert await numbers(broker) == [3, 4]
        assert await numbers(broker) == []

    in_centre(store, before)
    in_centre(store, after)


def test_a_new_session_in_the_middle_moves_nothing(store: Store) -> None:
    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, *events(1, 3))
        assert await numbers(broker, 1) == [1]
        await broker.sign_in()
        assert await numbers(broker, 1) == [2]
        broker.session = "lost"
        assert (await broker.ask("POST", "/queues/alerts/next", b"{}")).status == 401
        await broker.sign_in()
        assert await numbers(broker, 1) == [3]

    in_centre(store, work)


def test_brokers_do_not_take_from_each_other(store: Store) -> None:
    async def work(here: Centre) -> None:
        first, second = await here.broker("first"), await here.broker("second")
        append(store, *events(1, 3))
        assert await numbers(first) == [1, 2, 3]
        assert await numbers(first) == []
        assert await numbers(second) == [1, 2, 3]

    in_centre(store, work)


@pytest.mark.parametrize(
    ("body", "count"), [(b"", 10), (b"{}", 10), (b'{"max":-5}', 1), (b'{"max":99999}', 1000)]
)
def test_how_many_are_wanted_is_bounded(store: Store, body: bytes, count: int) -> None:
    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, *events(1, 1_100))
        reply = await broker.ask("POST", "/queues/alerts/next", body)
        assert len(reply.content["data"]) == count

    in_centre(store, work)


def test_an_answer_is_bounded_in_bytes_but_never_empty_for_that(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "MOST_BYTES", 250)

    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, event(1, text="x" * 300), event(2, text="x" * 20), event(3, text="x" * 20))
        append(store, event(4, text="x" * 200))
        assert await numbers(broker) == [1]
        assert await numbers(broker) == [2, 3]
        assert await numbers(broker) == [4]

    in_centre(store, work)


def test_what_a_broker_has_yet_to_read_is_not_pruned(store: Store) -> None:
    retention = prune.Retention(keep_events_ms=7 * DAY, keep_deliveries_ms=400 * DAY)

    async def work(here: Centre) -> None:
        broker = await here.broker()
        append(store, *events(1, 4))
        await numbers(broker, 2)
        await numbers(broker, 2)
        store.call(prune.Pruning(retention, NOW + 30 * DAY).step)
        assert [one.seq for one in store.call(reading.after, ALERTS, 0, limit=9)] == [3, 4]
        assert store.call(health.problems, store.vault) == []
        await broker.hello()
        assert await numbers(broker) == [3, 4]
        store.call(clients.delete, BROKER, "siem", ACTOR, NOW)
        store.call(prune.Pruning(retention, NOW + 30 * DAY).step)
        assert store.call(reading.after, ALERTS, 0, limit=9) == []

    in_centre(store, work)
