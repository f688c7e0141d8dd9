"""A receiver of webhooks for the tests: a real HTTP server whose URL path says how it behaves.

Run it with `python tests/support/receiver.py --ready FILE`; FILE and stdout then say the base URL.
The first segment of a path is the behaviour, its argument follows a `:`; further segments only
tell receivers apart. Every path counts its own requests.

    /ok /200 /503 ...     that status          /302, /redirect     a Location, which is recorded too
    /hang                 never answers        /slow:SECONDS       answers 200 after a while
    /held:STATUS          answers that status, or 200, after `GET /_release?path=P`
    /reset /close         cut without answer   /drip               a 200 body that never ends
    /drip-head            a head that drips    /huge:STATUS        a body without end, sent fast
    /half                 200, half its body   /half-hang          the same, then silence
    /garbage              no HTTP              /hints              103, then 200
    /big:STATUS           a body of 10,000 B   /retry-after:VALUE  503 with that Retry-After
    /bodied:STATUS,MS     a body, so late, where that status has none
    /once                 200, then a reset when the connection is used again
    /echo:STATUS,BYTES    the request's headers, in a header, a Location and after so many bytes
    /flaky:N              N times 500, then 200
    /script:500,hang,200  one after the other, the last one for ever

Only requests whose whole body came in are recorded. `GET /_requests?path=P&bodies=1` lists them;
`GET /_wait?path=P&count=N&acked=N&events=N&timeout=S` answers when so many requests, 2XX answers
and different acknowledged events are there.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import os
import resource
import socket
import ssl
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit

HEAD_LIMIT = 4 * 1024 * 1024
CHUNK = b"x" * 65536
EVERYTHING = "*"

Record = dict[str, Any]


class Exchange:
    """One request on one connection, and the ways to answer it."""

    def __init__(
        self, receiver: Receiver, record: Record, streams: tuple[Any, asyncio.StreamWriter]
    ) -> None:
        self.receiver = receiver
        self.record = record
        self.reader, self.writer = streams
        self.keep_alive = True

    async def head(
        self, status: int, *headers: str, length: int | None = 0, after: bytes = b""
    ) -> None:
        """Send a final head, and what comes with it; from now on the request is answered."""
        lines = [f"HTTP/1.1 {status} Test", *headers]
        if length is None:
            lines.append("Connection: close")
            self.keep_alive = False
        elif status not in (204, 304):
            lines.append(f"Content-Length: {length}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + after)
        self.record["status"] = status
        await self.receiver.finish(self.record)
        await self.writer.drain()

    async def answer(self, status: int, *headers: str, body: bytes | None = None) -> None:
        """Send a whole answer."""
        if body is None:
            body = b"" if status in (204, 304) else b'{"status":%d}' % status
        await self.head(status, *headers, length=len(body))
        self.writer.write(body)
        await self.writer.drain()

    async def until_closed(self) -> None:
        """Wait until the sender has given up."""
        self.keep_alive = False
        while await self.reader.read(65536):
            pass

    def cut(self, *, reset: bool) -> None:
        """End the connection here and now."""
        self.keep_alive = False
        if reset:
            linger = struct.pack("ii", 1, 0)
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


async def _hang(exchange: Exchange, _: str) -> None:
    await exchange.until_closed()


async def _slow(exchange: Exchange, seconds: str) -> None:
    await asyncio.sleep(float(seconds))
    await exchange.answer(200)


async def _held(exchange: Exchange, status: str) -> None:
    await exchange.receiver.until_released(exchange.record["path"])
    await exchange.answer(int(status or 200))


async def _reset(exchange: Exchange, _: str) -> None:
    exchange.cut(reset=True)


async def _close(exchange: Exchange, _: str) -> None:
    exchange.keep_alive = False


async def _redirect(exchange: Exchange, status: str) -> None:
    await exchange.answer(int(status or 302), "Location: /ok/redirected")


async def _drip(exchange: Exchange, _: str) -> None:
    await exchange.head(200, length=None)
    await _drip_bytes(exchange, b"x")


async def _drip_head(exchange: Exchange, _: str) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\n")
    await _drip_bytes(exchange, b"X-Drip: x\r\n")


async def _drip_bytes(exchange: Exchange, piece: bytes) -> None:
    exchange.keep_alive = False
    while True:
        exchange.writer.write(piece)
        await exchange.writer.drain()
        await asyncio.sleep(0.05)


async def _huge(exchange: Exchange, status: str) -> None:
    await exchange.head(int(status or 200), length=None)
    while True:
        exchange.writer.write(CHUNK)
        await exchange.writer.drain()


async def _half(exchange: Exchange, _: str) -> None:
    await exchange.head(200, length=100)
    exchange.writer.write(b"0123456789")
    exchange.keep_alive = False


async def _half_hang(exchange: Exchange, _: str) -> None:
    await _half(exchange, "")
    await exchange.until_closed()


async def _garbage(exchange: Exchange, _: str) -> None:
    exchange.keep_alive = False
    exchange.writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def _hints(exchange: Exchange, _: str) -> None:
    exchange.writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    await exchange.answer(200)


async def _big(exchange: Exchange, status: str) -> None:
    await exchange.answer(int(status or 200), body=b"b" * 10_000)


async def _echo(exchange: Exchange, argument: str) -> None:
    status, _, before = argument.partition(",")
    lines = [f"{name}: {value}" for name, value in exchange.record["headers"]]
    await exchange.answer(
        int(status or 500),
        f"X-Echo: {' '.join(lines)}",
        f"Location: /?{quote_plus(' '.join(lines))}",
        body=b"." * int(before or 0) + "\n".join(lines).encode(),
    )


async def _retry_after(exchange: Exchange, value: str) -> None:
    await exchange.answer(503, f"Retry-After: {value}")


async def _bodied(exchange: Exchange, argument: str) -> None:
    status, _, ms = argument.partition(",")
    body = b'{"taken":true}'
    announced = (f"Content-Length: {len(body)}",) if status == "204" else ()
    after = b"" if float(ms) else body
    await exchange.head(int(status), *announced, length=len(body), after=after)
    if float(ms):
        await asyncio.sleep(float(ms) / 1000)
        exchange.writer.write(body)


async def _once(exchange: Exchange, _: str) -> None:
    await exchange.answer(200)
    if await exchange.reader.read(1):
        exchange.cut(reset=True)


BEHAVIOURS: dict[str, Callable[[Exchange, str], Awaitable[None]]] = {
    "hang": _hang,
    "slow": _slow,
    "held": _held,
    "reset": _reset,
    "close": _close,
    "redirect": _redirect,
    "drip": _drip,
    "drip-head": _drip_head,
    "huge": _huge,
    "half": _half,
    "half-hang": _half_hang,
    "garbage": _garbage,
    "hints": _hints,
    "big": _big,
    "echo": _echo,
    "retry-after": _retry_after,
    "bodied": _bodied,
    "once": _once,
}


async def behave(exchange: Exchange, step: str) -> None:
    """Answer as a step says: a status, "ok", or a behaviour with its argument."""
    name, _, argument = step.partition(":")
    if name == "ok":
        await exchange.answer(200)
    elif name.isdigit() and 300 <= int(name) < 400:
        await _redirect(exchange, name)
    elif name.isdigit():
        await exchange.answer(int(name))
    elif name in BEHAVIOURS:
        await BEHAVIOURS[name](exchange, argument)
    else:
        await exchange.answer(404)


def step_for(path: str, number: int) -> str:
    """Return the step that request `number` (from 0) of a path meets."""
    step = unquote(path.split("/")[1])
    name, _, argument = step.partition(":")
    if name == "script":
        steps = argument.split(",")
        return steps[min(number, len(steps) - 1)]
    if name == "flaky":
        return "500" if number < int(argument) else "200"
    return step


@dataclass(slots=True)
class Tally:
    """Tally of what came in, to one path or altogether; kept up so that waiting costs nothing."""

    count: int = 0
    acked: int = 0
    events: set[str] = field(default_factory=set)


class Receiver:
    """The records of everything that came in, and who waits for them."""

    def __init__(self, *, keep_bodies: bool = True) -> None:
        self.records: list[Record] = []
        self.changed = asyncio.Condition()
        self.keep_bodies = keep_bodies
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._released: set[str] = set()
        self._connections = 0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        self._connections += 1
        number = self._connections
        try:
            while await self._request(number, reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _request(self, connection: int, reader: Any, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.split("\r\n")[:-2]
        method, target, _ = request_line.split(" ")
        headers = [(name, value.strip()) for name, _, value in (x.partition(":") for x in lines)]
        if target.startswith("/_"):
            await self._control(target, writer)
            return True
        length = next((int(v) for n, v in headers if n.lower() == "content-length"), 0)
        started_ns = time.monotonic_ns()
        body = await reader.readexactly(length)
        record = self._record(connection, method, target, headers)
        record["started_ns"] = started_ns
        fill_in(record, body, keep_body=self.keep_bodies)
        await self._notify()
        exchange = Exchange(self, record, (reader, writer))
        try:
            await behave(exchange, step_for(target, record["number"]))
        finally:
            await self.finish(record)
        return exchange.keep_alive

    def _record(
        self, connection: int, method: str, target: str, headers: list[tuple[str, str]]
    ) -> Record:
        record: Record = {
            "connection": connection,
            "method": method,
            "path": target,
            "number": self._tallies[target].count,
            "headers": headers,
            "started_ns": None,
            "ended_ns": None,
            "status": None,
            "sha256": None,
            "size": 0,
            "ids": [],
            "body": "",
        }
        for name in (target, EVERYTHING):
            self._tallies[name].count += 1
        self.records.append(record)
        return record

    async def finish(self, record: Record) -> None:
        """Note the end of a request: its head is on the way, or nothing will come."""
        if record["ended_ns"] is None:
            record["ended_ns"] = time.monotonic_ns()
            if 200 <= (record["status"] or 0) < 300:
                self._acknowledge(record)
            await self._notify()

    def _acknowledge(self, record: Record) -> None:
        for name in (record["path"], EVERYTHING):
            self._tallies[name].acked += 1
            self._tallies[name].events.update(record["ids"])

    async def until_released(self, path: str) -> None:
        """Wait until the requests of a path may be answered."""
        async with self.changed:
            await self.changed.wait_for(lambda: path in self._released)

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _control(self, target: str, writer: asyncio.StreamWriter) -> None:
        url = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        answer: Any
        if url.path == "/_requests":
            answer = self._list(query)
        elif url.path == "/_release":
            self._released.add(query["path"])
            await self._notify()
            answer = None
        else:
            answer = await self._wait(query)
        body = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    def _chosen(self, query: dict[str, str]) -> list[Record]:
        path = query.get("path")
        return [record for record in self.records if path is None or record["path"] == path]

    def _list(self, query: dict[str, str]) -> list[Record]:
        records = self._chosen(query)
        if "bodies" in query:
            return records
        return [{**record, "body": ""} for record in records]

    async def _wait(self, query: dict[str, str]) -> dict[str, Any]:
        wanted = {name: int(query.get(name, 0)) for name in ("count", "acked", "events")}

        def met() -> bool:
            counts = self._counts(query)
            return all(counts[name] >= wanted[name] for name in wanted)

        try:
            async with asyncio.timeout(float(query.get("timeout", 30))), self.changed:
                await self.changed.wait_for(met)
        except TimeoutError:
            return {"met": False, **self._counts(query)}
        return {"met": True, **self._counts(query)}

    def _counts(self, query: dict[str, str]) -> dict[str, int]:
        tally = self._tallies[query.get("path", EVERYTHING)]
        return {"count": tally.count, "acked": tally.acked, "events": len(tally.events)}


def fill_in(record: Record, body: bytes, *, keep_body: bool) -> None:
    """Complete a record with what its body holds."""
    record["sha256"] = hashlib.sha256(body).hexdigest()
    record["size"] = len(body)
    record["body"] = base64.b64encode(body).decode() if keep_body else ""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        record["ids"] = [event["id"] for event in json.loads(body)]


async def serve(options: argparse.Namespace) -> None:
    """Serve until the process is told to end, or its standard input ends if it follows that."""
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    receiver = Receiver(keep_bodies=not options.lean)
    server = await asyncio.start_server(
        receiver.connection, options.host, options.port, ssl=context, limit=HEAD_LIMIT, backlog=1024
    )
    port = server.sockets[0].getsockname()[1]
    announce(f"{'https' if context else 'http'}://{options.host}:{port}", options.ready)
    async with server:
        if options.follow_stdin:
            await asyncio.to_thread(sys.stdin.buffer.read)
            os._exit(0)  # without waiting for the requests that hang
        await server.serve_forever()


def announce(url: str, ready: Path | None) -> None:
    """Say that the receiver listens, and where."""
    if ready is not None:
        unfinished = ready.with_name(f"{ready.name}.unfinished")
        unfinished.write_text(f"{url}\n", encoding="utf-8")
        unfinished.rename(ready)
    print(url, flush=True)


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description="a receiver of webhooks for tests")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready", type=Path, help="file that gets the base URL")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("--lean", action="store_true", help="keep no bodies, only their hashes")
    parser.add_argument("--follow-stdin", action="store_true", help="end when stdin ends")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
