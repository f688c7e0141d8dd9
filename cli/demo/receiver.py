"""Receiver of the demo: answers, refuses, cuts off or hangs, by the path of the URL.

Run as `python -m cli.demo.receiver`, in a process of its own. It makes the demo's folder, prints
its port and that folder, and removes the folder when stdin ends, however the demo dies.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

HANG_S = 3600.0


class Answer(msgspec.Struct, frozen=True):
    """Answer, sent after `after_s`. Status 0 closes the connection without an answer."""

    status: int
    reason: str = "OK"
    body: str = ""
    headers: tuple[str, ...] = ()
    after_s: float = 0.02

    def encoded(self) -> bytes:
        """The answer as HTTP/1.1 sends it."""
        lines = (
            f"HTTP/1.1 {self.status} {self.reason}",
            "Content-Type: application/json",
            f"Content-Length: {len(self.body)}",
            *self.headers,
            "",
            self.body,
        )
        return "\r\n".join(lines).encode()


OK = Answer(200, body='{"ok":true}')
SLOW = Answer(200, body='{"ok":true}', after_s=1.2)
BUSY = Answer(503, "Service Unavailable", '{"text":"Server is busy","code":9}', after_s=0.15)
BROKEN = Answer(500, "Internal Server Error", '{"error":"worker pool exhausted"}', after_s=0.4)
MAINTENANCE = Answer(503, "Service Unavailable", '{"error":"down for maintenance"}')
CUT_OFF = Answer(0, after_s=0.1)
HANGS = Answer(200, after_s=HANG_S)


@dataclass
class Behaviour:
    """Chooser of answers by path, number of requests there and number of tries of the delivery."""

    seen: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)

    def answer(self, path: str, delivery_id: str) -> Answer:
        """The answer to one request."""
        self.seen[path] += 1
        self.tries[delivery_id] += 1
        choose = _PATHS.get(path)
        if choose is None:
            return Answer(404, "Not Found", '{"error":"no such hook"}')
        return choose(self.seen[path], self.tries[delivery_id])


def _siem(count: int, tries: int) -> Answer:
    return OK


def _collector(count: int, tries: int) -> Answer:
    if tries == 1 and count % 3 == 0:
        return BUSY
    return SLOW if count % 2 else OK


def _changes(count: int, tries: int) -> Answer:
    if tries == 1 and count % 4 == 2:
        return HANGS
    return OK


def _sign_ins(count: int, tries: int) -> Answer:
    if tries == 1 and count % 3 == 1:
        return CUT_OFF
    return BROKEN if tries == 2 else OK


def _pager(count: int, tries: int) -> Answer:
    """Refuse the same POST six times, then take it."""
    return OK if tries > 6 else MAINTENANCE


_PATHS: dict[str, Callable[[int, int], Answer]] = {
    "/siem": _siem,
    "/collector": _collector,
    "/changes": _changes,
    "/sign-ins": _sign_ins,
    "/pager": _pager,
    "/archive": _siem,
}


async def handle(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behaviour: Behaviour
) -> None:
    """Answer the requests of one connection."""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            path, headers = _parsed(await reader.readuntil(b"\r\n\r\n"))
            await reader.readexactly(int(headers.get("content-length", "0")))
            answer = behaviour.answer(path, headers.get("webhook-id", ""))
            await asyncio.sleep(answer.after_s)
            if not answer.status:
                break
            writer.write(answer.encoded())
            await writer.drain()
    writer.close()


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}


async def serve(folder: str) -> None:
    """Serve on a free port of this machine until stdin ends."""
    behaviour = Behaviour()
    server = await asyncio.start_server(lambda r, w: handle(r, w, behaviour), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], folder, flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    server.close()


def main() -> None:
    """Serve, then remove the folder."""
    folder = tempfile.mkdtemp(prefix="tocsin-demo-")
    try:
        asyncio.run(serve(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
