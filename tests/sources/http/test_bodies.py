"""Bounds of bodies together, packed and unpacked; nobody is shut out by others'."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.http import app, bodies, connections
from sources.http.app import Route
from sources.http.bodies import PIECE_BYTES, Budget, Share, gzip_pieces
from sources.http.connections import READ_BYTES
from sources.http.messages import JsonAnswer, Request, RequestRefused
from tests.sources.http.serving import Connection, Served, head, limits, serving

MAX_BODY = 1_000_000


@pytest.fixture(autouse=True)
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for two of the largest bodies."""
    monkeypatch.setattr(app, "MOST_BYTES", 0)


async def _size(request: Request) -> JsonAnswer:
    return JsonAnswer(len(request.body))


def test_one_goes_on_where_the_budget_is_full_and_others_have_to_wait() -> None:
    budget = Budget(100)
    first, second, third = (Share(budget) for _ in range(3))
    first.take(60)
    second.take(60)
    with pytest.raises(RequestRefused) as refused:
        third.take(60)
    assert refused.value.answer.status == 503
    second.take(1000)
    second.close()
    third.take(60)
    first.give(30)
    third.close()
    first.take(70)
    first.close()
    budget.memory.take(100)


def test_what_is_only_announced_shuts_nobody_out() -> None:
    admitted = asyncio.Semaphore(0)

    async def admit(_: Request) -> str:
        admitted.release()
        return ""

    async def run() -> None:
        async with serving([Route("POST", "/", _size, admit)], bounds=limits(MAX_BODY)) as served:
            for _ in range(4):
                connection = await served.connect()
                await connection.send(head("POST", "/", b"x" * MAX_BODY, {}))
                await asyncio.wait_for(admitted.acquire(), 20)
            assert (await served.ask("POST", "/", b"x" * MAX_BODY)).content == MAX_BODY

    asyncio.run(run())


def test_nothing_of_a_body_is_read_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the store's slowest moment is that in which strangers fill the memory."""
    admitted, go_on = asyncio.Event(), asyncio.Event()
    read: list[int] = []
    taken = connections._Connection.buffer_updated

    def counted(self: connections._Connection, nbytes: int) -> None:
        read.append(nbytes)
        taken(self, nbytes)

    async def admit(_: Request) -> str:
        admitted.set()
        await go_on.wait()
        return ""

    async def run() -> None:
        body = b"x" * (32 * MAX_BODY)
        bounds = limits(len(body))
        async with serving([Route("POST", "/", _size, admit)], bounds=bounds) as served:
            asking = asyncio.create_task(served.ask("POST", "/", body))
            await asyncio.wait_for(admitted.wait(), 20)
            for _ in range(500):
                await asyncio.sleep(0)
            assert sum(read) <= 2 * READ_BYTES, "what comes with the head, and once more"
            go_on.set()
            assert (await asking).content == len(body)

    monkeypatch.setattr(connections._Connection, "buffer_updated", counted)
    asyncio.run(run())


def test_a_refused_body_holds_nothing_while_it_goes_on_coming() -> None:
    chunk = b"%x\r\n%b\r\n" % (MAX_BODY // 2 + 1, b"x" * (MAX_BODY // 2 + 1))

    async def refused(served: Served) -> Connection:
        connection = await served.connect()
        await connection.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        await connection.send(chunk * 2)
        return connection

    async def run() -> None:
        async with serving([Route("POST", "/", _size)], bounds=limits(MAX_BODY)) as served:
            for _ in range(6):
                assert (await (await refused(served)).reply()).status == 413
            assert (await served.ask("POST", "/", b"x" * MAX_BODY)).content == MAX_BODY

    asyncio.run(run())


def test_what_is_unpacked_counts() -> None:
    """Else a few bytes of each client become all the memory that there is."""
    packed = gzip.compress(bytes(MAX_BODY))
    inside: list[int] = []
    settled, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def hold(request: Request) -> JsonAnswer:
        inside.append(len(request.body))
        settled.release()
        await go_on.wait()
        return JsonAnswer(len(request.body))

    async def ask(served: Served) -> int:
        reply = await served.ask("POST", "/", packed, content_encoding="gzip")
        settled.release()
        return reply.status

    async def run() -> None:
        async with serving([Route("POST", "/", hold)], bounds=limits(MAX_BODY)) as served:
            asking = [asyncio.create_task(ask(served)) for _ in range(8)]
            async with asyncio.timeout(20):
                for _ in asking:
                    await settled.acquire()
            assert len(inside) in (1, 2, 3)
            go_on.set()
            statuses = await asyncio.gather(*asking)
            assert statuses.count(200) == len(inside)
            assert statuses.count(503) == len(asking) - len(inside)
            assert await ask(served) == 200  # what they held was given back
            assert inside == [MAX_BODY] * len(inside)

    asyncio.run(run())


def test_bodies_are_unpacked_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()

    def noted(data: bytes) -> Iterator[bytes]:
        threads.add(threading.get_ident())
        yield from gzip_pieces(data)

    monkeypatch.setattr(bodies, "gzip_pieces", noted)

    async def run() -> None:
        async with serving([Route("POST", "/", _size)], bounds=limits(MAX_BODY)) as served:
            packed = gzip.compress(b"12345")
            assert (await served.ask("POST", "/", packed, content_encoding="gzip")).content == 5

    asyncio.run(run())
    assert threads
    assert threading.get_ident() not in threads


@given(
    st.lists(
        st.builds(
            lambda start, times: start * times, st.binary(max_size=50), st.integers(1, 20_000)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_pieces_are_what_was_packed(texts: list[bytes]) -> None:
    pieces = list(gzip_pieces(b"".join(map(gzip.compress, texts))))
    assert b"".join(pieces) == b"".join(texts)
    assert all(len(piece) == PIECE_BYTES for piece in pieces[:-1])
