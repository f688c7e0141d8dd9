"""The socket: what programs hand in, who they are, and what bad ones do."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import select
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from domain.event_types import EventType
from sources.base import SourceError
from sources.intake import Inlet
from sources.limits import HOUR_MS
from sources.socket import server as line_rules
from sources.socket.path import socket_beside
from sources.socket.server import SocketService, SocketTerms
from store import audit, sources
from store.database import Store
from store.events import reading
from store.records import AuditEntry
from tests.support.stores import ACTOR

NOW_MS = 1_795_502_130_500
EVENT = {"type": "alerts", "id": "a1", "attributes": {"created": "2026-11-24T08:00:00Z"}}


class Client:
    """A program at the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *values: object) -> None:
        for value in values:
            data = value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"
            self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Any:
        async with asyncio.timeout(20):
            return json.loads(await self.reader.readline())

    async def ask(self, value: object) -> Any:
        await self.send(value)
        return await self.answer()

    async def is_closed(self) -> bool:
        async with asyncio.timeout(20):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


class Served:
    """A running source."""

    def __init__(self, path: Path, store: Store, stop: asyncio.Event) -> None:
        self.path = path
        self.store = store
        self.stop = stop
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        reader, writer = await asyncio.open_unix_connection(self.path)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def ids(self) -> list[str]:
        found = await self.store.run(reading.after, EventType.ALERTS, 0, limit=10_000)
        return [one.id for one in found]


@asynccontextmanager
async def serving(
    store: Store,
    *,
    clients: int = 10,
    timeout_s: float = 20.0,
    least_free: int = 0,
    now: Callable[[], int] = lambda: NOW_MS,
) -> AsyncIterator[Served]:
    path = socket_beside(store.path)
    if "socket" not in {one.name for one in await store.run(sources.load_all)}:
        await store.run(sources.add, "socket", "socket", {}, ACTOR, NOW_MS)
    dice = iter(range(1, 1_000_000))
    service = SocketService(
        "socket", SocketTerms(None, "", clients, timeout_s), random64=lambda: next(dice)
    )
    begun = asyncio.Event()

    def clock() -> int:
        begun.set()
        return now()

    inlet = Inlet("socket", store, clock, on_appended=lambda: None, min_free_disk_bytes=least_free)
    stop = asyncio.Event()
    task = asyncio.create_task(service.serve(inlet, stop))
    served = Served(path, store, stop)
    try:
        await asyncio.wait({task, asyncio.create_task(begun.wait())}, return_when="FIRST_COMPLETED")
        yield served
    finally:
        stop.set()
        for client in served.clients:
            client.writer.close()
        await task


def counts(accepted: int, repeated: int) -> dict[str, int]:
    return {"accepted": accepted, "repeated": repeated}


def test_lines_and_lists_are_answered_after_the_commit(store: Store) -> None:
    async def run() -> None:
        async with serving(store) as served:
            client = await served.connect()
            assert await client.ask(EVENT) == counts(1, 0)
            assert await served.ids() == ["a1"]
            assert await client.ask([EVENT, EVENT | {"id": "a2"}]) == counts(1, 1)
            assert await client.ask([]) == counts(0, 0)
            assert await served.ids() == ["a1", "a2"]

    asyncio.run(run())


def test_many_lines_at_once_keep_their_order(store: Store) -> None:
    async def run() -> None:
        async with serving(store) as served:
            client = await served.connect()
            ids = [f"a{number}" for number in range(500)]
            await client.send(*(EVENT | {"id": id_} for id_ in ids))
            assert [await client.answer() for _ in ids] == [counts(1, 0)] * 500
            assert await served.ids() == ids

    asyncio.run(run())


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (b"nonsense\n", "byte 0"),
        (b'{"a":' + b"9" * 5_000 + b"x\n", "byte 5005"),
        ({"type": "alarms", "attributes": {}}, "type"),
        ([EVENT, {"type": "alerts"}], "event 2 of 2, attributes"),
    ],
    ids=["nonsense", "digits", "type", "array"],
)
def test_a_refusal_says_where_and_takes_nothing(store: Store, value: object, place: str) -> None:
    async def run() -> None:
        async with serving(store) as served:
            client = await served.connect()
            answer = await client.ask(value)
            assert answer["place"] == place
            assert answer["error"]
            assert await served.ids() == []
            assert await client.ask(EVENT) == counts(1, 0)

    asyncio.run(run())


def test_of_a_list_each_event_is_taken_that_stands_alone(store: Store) -> None:
    async def run() -> None:
        async with serving(store) as served:
            client = await served.connect()
            other = EVENT | {"attributes": {"created": "2026-11-24T08:00:00Z", "other": 1}}
            sent = [EVENT, other, EVENT | {"id": "a2"}]
            for accepted, repeated in ((2, 0), (0, 2)):
                answer = await client.ask(sent)
                assert answer.pop("error").startswith("refused 1 of 3 events, ")
                [refused] = answer.pop("refused")
                assert answer == counts(accepted, repeated)
                assert (refused["place"], refused["id"]) == ("event 2 of 3", "a1")
                assert refused["reason"].startswith("its id is known already with another body")
            assert await served.ids() == ["a1", "a2"]

    asyncio.run(run())


def test_the_last_line_needs_no_end(store: Store) -> None:
    async def run() -> None:
        async with serving(store) as served:
            client = await served.connect()
            await client.send(json.dumps(EVENT).encode())
            client.writer.write_eof()
            assert await client.answer() == counts(1, 0)
            assert await client.is_closed()

    asyncio.run(run())


def test_the_audit_tells_who_hands_in_once_an_hour(store: Store) -> None:
    times = [NOW_MS]

    async def run() -> None:
        async with serving(store, now=lambda: times[-1]) as served:
            await served.connect()  # hands nothing in

            async def hand_in() -> list[AuditEntry]:
                client = await served.connect()
                for _ in range(2):
                    assert "error" not in await client.ask(EVENT)
                changes = await store.run(audit.changes)
                return [change for change in changes if change.action == "source.connect"]

            [noted] = await hand_in()
            assert noted.user == pwd.getpwuid(os.getuid()).pw_name
            assert noted.detail == {"source": "socket", "pid": os.getpid()}
            assert len(await hand_in()) == 1
            times.append(NOW_MS + HOUR_MS)
            assert len(await hand_in()) == 2

    asyncio.run(run())


def test_the_file_is_for_owner_and_group_and_goes(store: Store) -> None:
    async def run() -> Path:
        async with serving(store) as served:
            mode = served.path.stat().st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o660
            return served.path

    assert not asyncio.run(run()).exists()


def test_what_an_ended_process_left_is_replaced(store: Store) -> None:
    path = socket_beside(store.path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    async def run() -> None:
        async with serving(store) as served:
            assert await (await served.connect()).ask(EVENT) == counts(1, 0)

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["file", "listener", "long", "folder", "group"])
def test_where_it_cannot_listen_it_says_why(store: Store, kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120 if kind == "long" else "no/s" if kind == "folder" else "s")
    other = socket.socket(socket.AF_UNIX)
    if kind == "file":
        path.write_text("mine")
    if kind == "listener":
        other.bind(str(path))
        other.listen()
    terms = SocketTerms(path, "no-such-group" if kind == "group" else "", 1, 1.0)
    inlet = Inlet("socket", store, lambda: NOW_MS, on_appended=lambda: None)
    service = SocketService("socket", terms, random64=lambda: 1)
    with other, pytest.raises(SourceError, match=r"there|longer|another program"):
        asyncio.run(service.serve(inlet, asyncio.Event()))
    assert kind != "file" or path.read_text() == "mine"


def test_more_clients_than_allowed_are_sent_away(store: Store) -> None:
    async def run() -> None:
        async with serving(store, clients=2) as served:
            inside = [await served.connect() for _ in range(2)]
            for client in inside:
                await client.ask(EVENT)
            turned_away = await served.connect()
            assert (await turned_away.answer())["retry_after"] > 0
            assert await turned_away.is_closed()
            assert await inside[0].ask(EVENT) == counts(0, 1)

    asyncio.run(run())


def test_a_slow_client_is_told_so_and_an_idle_one_stays(store: Store) -> None:
    async def run() -> None:
        async with serving(store, timeout_s=0.1) as served:
            idle = await served.connect()
            slow = await served.connect()
            await slow.send(b'{"type":')
            assert "too long to come" in (await slow.answer())["error"]
            assert await slow.is_closed()
            assert await idle.ask(EVENT) == counts(1, 0)

    asyncio.run(run())


def test_a_line_over_the_limit_is_told_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_rules, "LINE_LIMIT", 1000)

    async def run() -> None:
        async with serving(store) as served:
            client = await served.connect()
            await client.send(b"[" + b" " * 1000)
            assert "longer than" in (await client.answer())["error"]
            assert await client.is_closed()

    asyncio.run(run())


def test_clients_that_vanish_harm_nobody(store: Store) -> None:
    async def run() -> None:
        async with serving(store, clients=3) as served:
            for _ in range(20):
                client = await served.connect()
                await client.send(EVENT, b"[{")
                client.writer.transport.abort()
            async with asyncio.timeout(20):
                while await (await served.connect()).ask(EVENT) != counts(0, 1):
                    pass

    asyncio.run(run())


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[socket.socket]:
    """A program at the socket that reads nothing by itself."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as program:
        program.setblocking(False)
        await loop.sock_connect(program, str(path))
        yield program


async def send_until_cut(program: socket.socket, *, within_s: float = 20) -> None:
    """Ends when the other side has closed the connection, or raises TimeoutError."""
    async with asyncio.timeout(within_s):
        with suppress(BrokenPipeError, ConnectionResetError):
            while True:
                await asyncio.get_running_loop().sock_sendall(program, b"x\n" * 4_000)


async def another_may_come(served: Served) -> None:
    async with asyncio.timeout(20):
        while "retry_after" in await (await served.connect()).ask(EVENT):
            pass


def test_a_client_that_takes_no_answer_is_cut_off(store: Store) -> None:
    async def run() -> None:
        async with (
            serving(store, clients=1, timeout_s=0.2) as served,
            connected(served.path) as program,
        ):
            await send_until_cut(program)
            await another_may_come(served)

    asyncio.run(run())


def is_cut(program: socket.socket) -> bool:
    """Return True if the other side has closed the connection, be there more to read or not."""
    poll = select.poll()
    poll.register(program, 0)
    return bool(poll.poll(0))


@pytest.mark.parametrize("lines", [5_000, 5_500])
def test_a_client_that_ends_counts_until_its_answers_are_sent_or_cut(
    store: Store, lines: int
) -> None:
    """With some of these numbers the system keeps most of the answers, and the writer the rest."""

    async def run() -> None:
        async with (
            serving(store, clients=1, timeout_s=0.2) as served,
            connected(served.path) as program,
        ):
            await asyncio.get_running_loop().sock_sendall(program, b"x\n" * lines)
            program.shutdown(socket.SHUT_WR)
            await another_may_come(served)
            assert is_cut(program)

    asyncio.run(run())


def test_a_stop_waits_for_no_client_that_takes_no_answer(store: Store) -> None:
    async def run() -> None:
        async with (
            serving(store, timeout_s=3600) as served,
            connected(served.path) as program,
        ):
            with suppress(TimeoutError):
                await send_until_cut(program, within_s=0.5)
            served.stop.set()
            await send_until_cut(program)

    asyncio.run(run())


def test_a_short_disk_says_when_to_come_again(store: Store) -> None:
    async def run() -> None:
        async with serving(store, least_free=1 << 60) as served:
            client = await served.connect()
            answer = await client.ask(EVENT)
            assert answer["retry_after"] > 0
            assert "min_free_disk" in answer["error"]
            assert await served.ids() == []
            assert await client.ask(EVENT | {"type": "log_authn"}) == counts(1, 0)

    asyncio.run(run())


def test_a_stop_closes_idle_connections(store: Store) -> None:
    async def run() -> None:
        async with serving(store) as served:
            client = await served.connect()
            await client.ask(EVENT)
            served.stop.set()
            assert await client.is_closed()

    asyncio.run(run())
