"""A server in the loop of a test, and raw requests to it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sources.http.app import App, ClientLimits, Route
from sources.http.connections import Connections
from sources.http.listening import open_listener


@dataclass(slots=True)
class Served:
    """A running server: where it is and the bugs that it met."""

    port: int
    bugs: list[Exception]
    stop: asyncio.Event
    task: asyncio.Task[None]
    opened: list[Connection] = field(default_factory=list)

    async def connect(self, tls: ssl.SSLContext | None = None) -> Connection:
        """A connection, which is closed at the end of the test if not before."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls)
        self.opened.append(Connection(reader, writer))
        return self.opened[-1]

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """One request on a connection of its own."""
        connection = await self.connect()
        try:
            await connection.send(head(method, path, body, headers) + body)
            return await connection.reply()
        finally:
            connection.close()

    async def close_all(self) -> None:
        """Close what the test opened."""
        for connection in self.opened:
            connection.writer.transport.abort()
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer of the server."""

    status: int
    headers: Mapping[str, str]
    content: Any


@dataclass(slots=True)
class Connection:
    """A connection on which bytes are sent as they are."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> Reply:
        async with asyncio.timeout(20):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = text.strip().split("\r\n")
            pairs = (line.partition(": ") for line in lines)
            headers = {name.lower(): value for name, _, value in pairs}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Reply(int(first.split()[1]), headers, json.loads(body) if body else None)

    async def is_closed(self) -> bool:
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                await self.reader.read()
            return self.reader.at_eof() or self.writer.transport.is_closing()

    def close(self) -> None:
        self.writer.close()


def head(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def limits(
    max_body: int = 1_000_000, clients: int = 20, client_timeout_s: float = 20.0
) -> ClientLimits:
    return ClientLimits(max_body, clients, client_timeout_s)


@asynccontextmanager
async def serving(
    routes: Iterable[Route],
    *,
    bounds: ClientLimits | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Served]:
    """Serve these routes."""
    bounds = bounds or limits()
    bugs: list[Exception] = []
    connections = Connections(App(routes, bounds, bugs.append), bounds, tls)
    stop = asyncio.Event()
    with open_listener("127.0.0.1:0", encrypted=tls is not None) as listener:
        task = asyncio.create_task(connections.serve(listener, stop))
        served = Served(listener.getsockname()[1], bugs, stop, task)
        try:
            yield served
        finally:
            stop.set()
            await task
            await served.close_all()
