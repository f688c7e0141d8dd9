"""Pulling from another Tocsin, whose answers are lost on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from domain.clients import BROKER
from sources.procustodibus.api import Api, Exchange, set_up
from sources.procustodibus.pull import ProCustodibusSource
from store.database import Store
from store.events import adding
from tests.sources.procustodibus.custodians import CODE, NOW, add_client, centre
from tests.store.conftest import store, store_path
from tests.support.stores import events

__all__ = ["store", "store_path"]

TYPES = ("alerts", "log_authn")
MINUTE_MS = 60_000


@dataclass(slots=True)
class Road:
    """Road between two Tocsins, which loses answers with alerts, or cuts long ones."""

    port: int
    to_lose: int = 0
    longest: int = 10_000
    asked: list[str] = field(default_factory=list)

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split()[1].decode()
        self.asked.append(path)
        there_writer.write(request + await reader.readexactly(length_of(request)))
        head = await there_reader.readuntil(b"\r\n\r\n")
        answer = head + await there_reader.readexactly(length_of(head))
        there_writer.close()
        if path != "/queues/alerts/next":
            writer.write(answer)
        elif self.to_lose:
            self.to_lose -= 1
        else:
            writer.write(answer[: len(head) + self.longest])
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()


def length_of(head: bytes) -> int:
    [length] = re.findall(rb"content-length: (\d+)", head.lower()) or [b"0"]
    return int(length)


@dataclass(slots=True)
class Pulling:
    """A source that pulls from the other one over that road."""

    road: Road
    url: str
    user: str
    secret: str
    source: ProCustodibusSource = field(init=False)
    state: bytes | None = None
    now_ms: int = NOW

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """As a new process does, which remembers nothing but the state."""
        api = Api(Exchange(self.url), self.user, lambda: self.secret)
        self.source = ProCustodibusSource(api, name="pc", types=TYPES, most=2, random64=lambda: 1)

    async def round(self) -> list[str]:
        """The ids that come in a round, some minutes after the last one."""
        self.now_ms += 5 * MINUTE_MS
        found: list[str] = []
        more = True
        while more:
            batch = await asyncio.to_thread(self.source.poll, self.now_ms, self.state)
            self.state, more = batch.state, batch.more
            found += [one.id for one in batch.events]
        return found


@asynccontextmanager
async def pulling(store: Store) -> AsyncIterator[Pulling]:
    async with centre(store) as there:
        road = Road(there.served.port)
        server = await asyncio.start_server(road.pass_on, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        user = add_client(store, BROKER, "edge").user_id
        secret = await set_up(Exchange(url), user, CODE)
        async with server:
            yield Pulling(road, url, user, secret)


def in_loop(store: Store, work: Callable[[Pulling], Awaitable[None]]) -> None:
    async def run() -> None:
        async with pulling(store) as puller:
            await work(puller)

    asyncio.run(run())


def append(store: Store, first: int, last: int) -> None:
    store.call(adding.append, events(first, last), NOW)


def hellos(road: Road) -> int:
    return sum(path.endswith("/hello") for path in road.asked)


def test_an_answer_that_never_came_is_given_again(store: Store) -> None:
    async def work(puller: Pulling) -> None:
        append(store, 1, 3)
        puller.road.to_lose = 1
        assert await puller.round() == []
        assert await puller.round() == ["e1", "e2", "e3"]
        assert await puller.round() == []

    in_loop(store, work)


def test_of_a_road_that_cuts_every_long_answer_all_comes_in_short_ones(store: Store) -> None:
    async def work(puller: Pulling) -> None:
        append(store, 1, 3)
        puller.road.longest = 100
        found = [await puller.round() for _ in range(5)]
        assert found == [["e1"], ["e1"], ["e2"], ["e2"], ["e3"]]

    in_loop(store, work)


def test_what_a_process_before_did_not_save_is_given_again(store: Store) -> None:
    async def work(puller: Pulling) -> None:
        append(store, 1, 1)
        assert await puller.round() == ["e1"]
        puller.state = None
        puller.start()
        assert await puller.round() == ["e1"]

    in_loop(store, work)


def test_hello_is_said_no_more_often_than_something_may_be_lost(store: Store) -> None:
    async def work(puller: Pulling) -> None:
        for _ in range(3):
            await puller.round()
        assert hellos(puller.road) == 1
        puller.road.to_lose = 1
        await puller.round()
        assert hellos(puller.road) == 1
        append(store, 1, 1)
        assert await puller.round() == ["e1"]
        assert hellos(puller.road) == 2

    in_loop(store, work)
