"""Server of the Unix socket: JSON lines in, an answer for each."""

from __future__ import annotations

import asyncio
import pwd
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from domain.actors import Actor
from sources.intake import Intake, NotNow, Refusal
from sources.limits import HourlyLimit, MemoryBudget, MemoryFull
from sources.socket.path import BACKLOG, listening, socket_beside
from store import audit
from store.errors import StoreError

if TYPE_CHECKING:
    from sources.intake import Inlet

LINE_LIMIT = 16 << 20
MOST_LINES = 100
TOGETHER_BYTES = 256 << 10
"""Short lines that are there at once are handled together: one commit serves them all."""

_READ_BYTES = 256 << 10
_BLANKS = b" \t\r"

_CREDENTIALS = struct.Struct("3i")
STOP_PATIENCE_S = 2.0
BUSY_RETRY_S = 2
_TOO_MANY = "this socket has as many clients as it may have"


class BadLine(Exception):
    """The client cannot go on, with the reason for its last answer."""


class LineReader:
    """Reader of a client's lines: limited in length, in time, and in the memory of all clients."""

    def __init__(
        self, reader: asyncio.StreamReader, memory: MemoryBudget, timeout_s: float
    ) -> None:
        self._reader = reader
        self._memory = memory
        self._timeout_s = timeout_s
        self._whole: deque[bytes] = deque()
        self._parts: list[bytes] = []
        self._size = 0
        self._given = 0
        self._held = 0
        self._ended = False

    async def next(self) -> list[bytes]:
        """Return the lines that have come, at least one unless the client has ended; no blank ones.

        Raises BadLine where one is too long or too slow, MemoryFull.
        """
        while not self._whole and not self._ended:
            await self._read()
        lines: list[bytes] = []
        size = 0
        while self._whole and len(lines) < MOST_LINES:
            size += len(self._whole[0])
            if lines and size > TOGETHER_BYTES:
                break
            lines.append(self._whole.popleft())
        self._given += sum(map(len, lines))
        return lines

    def free(self) -> None:
        """Free the memory of the returned lines."""
        self._give_back(self._given)
        self._given = 0

    def close(self) -> None:
        """Free all memory."""
        self._give_back(self._held)

    def _give_back(self, count: int) -> None:
        self._memory.give(count)
        self._held -= count

    async def _read(self) -> None:
        """Read on until a line has ended. A line that has begun must come in time."""
        chunk = b"" if self._size else await self._reader.read(_READ_BYTES)
        if chunk and self._take(chunk):
            return
        if self._size:
            try:
                async with asyncio.timeout(self._timeout_s):
                    while chunk := await self._reader.read(_READ_BYTES):
                        if self._take(chunk):
                            return
            except TimeoutError:
                raise BadLine("the line took too long to come") from None
        self._ended = True
        self._end_line(b"")

    def _take(self, chunk: bytes) -> bool:
        """Take a chunk; return whether lines ended in it, or no line is begun."""
        self._memory.take(len(chunk))
        self._held += len(chunk)
        self._cut(chunk)
        # Blank lines and the ends of lines are not kept.
        kept = sum(map(len, self._whole)) + self._size + self._given
        self._give_back(self._held - kept)
        return bool(self._whole) or not self._size

    def _cut(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        if not others:
            self._begin(first)
            return
        self._end_line(first)
        *whole, rest = others
        self._whole.extend(line for line in whole if line.strip(_BLANKS))
        self._begin(rest)

    def _begin(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > LINE_LIMIT:
            raise BadLine(
                f"the line is longer than {LINE_LIMIT:,} bytes: hand in fewer events in one line"
            )

    def _end_line(self, last: bytes) -> None:
        self._begin(last)
        line = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        if line.strip(_BLANKS):
            self._whole.append(line)


class PeerProcess(msgspec.Struct, frozen=True):
    """Process and user of a client; `pid` is None where the system does not know it."""

    user: str
    pid: int | None = None


def peer_process(connection: socket.socket) -> PeerProcess:
    """Return the process that opened the connection."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return PeerProcess("unknown")
    pid, uid, _ = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    )
    return PeerProcess(_user(uid), pid)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


SocketAnswer = dict[str, Any]


class SocketTerms(msgspec.Struct, frozen=True):
    """Options of a source of this kind; `path` is None for the default path."""

    path: Path | None
    group: str
    clients: int
    client_timeout_s: float


class SocketService:
    """Service of a Unix socket."""

    def __init__(self, name: str, terms: SocketTerms, *, random64: Callable[[], int]) -> None:
        self.name = name
        self._terms = terms
        self._random64 = random64

    async def serve(self, inlet: Inlet, stop: asyncio.Event) -> None:
        """Answer until `stop`. Raises SourceError where it cannot listen."""
        path = self._terms.path or socket_beside(inlet.store.path)
        with listening(path, self._terms.group) as listener:
            clients = _Clients(self._terms, inlet, Intake(inlet, self._random64), stop)
            server = await asyncio.start_unix_server(
                clients.connected, sock=listener, backlog=BACKLOG
            )
            try:
                await inlet.note_own_success()
                await stop.wait()
            finally:
                server.close()
                await clients.end()


class _Clients:
    """All connections of a socket."""

    def __init__(
        self, terms: SocketTerms, inlet: Inlet, intake: Intake, stop: asyncio.Event
    ) -> None:
        self._terms = terms
        self._inlet = inlet
        self._intake = intake
        self._stop = stop
        self._memory = MemoryBudget()
        self._noted = HourlyLimit(inlet.clock)
        self._clients: dict[asyncio.Task[None], _Client] = {}

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin to serve a client, or send it away."""
        if len(self._clients) >= self._terms.clients:
            writer.write(_line({"error": _TOO_MANY, "retry_after": BUSY_RETRY_S}))
            writer.close()
            return
        lines = LineReader(reader, self._memory, self._terms.client_timeout_s)
        note_peer = partial(_note_peer, self._inlet, self._noted, writer.get_extra_info("socket"))
        client = _Client(lines, writer, self._intake, note_peer, self._terms.client_timeout_s)
        task = asyncio.create_task(client.serve(self._stop))
        self._clients[task] = client
        task.add_done_callback(self._clients.pop)

    async def end(self) -> None:
        """Let clients that wait for an answer get it; cut off the others."""
        for task, client in self._clients.items():
            if not client.busy:
                task.cancel()
        if self._clients:
            await asyncio.wait(self._clients, timeout=STOP_PATIENCE_S)
        left = dict(self._clients)
        for task, client in left.items():
            client.cut()
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class _Client:
    """Connection of one client."""

    def __init__(
        self,
        lines: LineReader,
        writer: asyncio.StreamWriter,
        intake: Intake,
        note_peer: Callable[[], Awaitable[None]],
        timeout_s: float,
    ) -> None:
        self.busy = False
        self._lines = lines
        self._writer = writer
        self._intake = intake
        self._note_peer = note_peer
        self._timeout_s = timeout_s
        self._noted = False

    async def serve(self, stop: asyncio.Event) -> None:
        """Answer line by line, in their order."""
        try:
            # A client that goes away, or takes no answer, is its own concern.
            with suppress(OSError, TimeoutError):
                while not stop.is_set() and (lines := await self._next()):
                    self.busy = True
                    await self._send(await self._answers(lines))
                    self._lines.free()
                    self.busy = False
        finally:
            self._lines.close()
            await self._close()

    def cut(self) -> None:
        """Close the connection whatever is under way."""
        self._writer.transport.abort()

    async def _close(self) -> None:
        """Close the connection after a limited wait for the bytes that are not sent yet."""
        self._writer.close()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            pass
        finally:
            self.cut()

    async def _next(self) -> list[bytes]:
        try:
            return await self._lines.next()
        except BadLine as bad:
            await self._send([{"error": str(bad)}])
        except MemoryFull as full:
            await self._send([{"error": str(full), "retry_after": full.retry_after_s}])
        return []

    async def _answers(self, lines: list[bytes]) -> list[SocketAnswer]:
        try:
            if not self._noted:
                await self._note_peer()
                self._noted = True
        except StoreError:
            busy = {"error": "the store cannot be written now", "retry_after": BUSY_RETRY_S}
            return [busy] * len(lines)
        if len(lines) == 1:
            return [await self._answer(lines[0])]
        # They are begun in their order, so they are committed in it.
        return await asyncio.gather(*map(self._answer, lines))

    async def _answer(self, line: bytes) -> SocketAnswer:
        try:
            return (await self._intake.take(line, self)).answer()
        except Refusal as refusal:
            return {"error": refusal.reason, "place": refusal.place}
        except NotNow as error:
            return {"error": str(error), "retry_after": error.retry_after_s}

    async def _send(self, answers: list[SocketAnswer]) -> None:
        self._writer.write(b"".join(map(_line, answers)))
        if not self._writer.transport.get_write_buffer_size():
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._writer.drain()
        except TimeoutError:
            self.cut()
            raise


async def _note_peer(inlet: Inlet, noted: HourlyLimit, connection: socket.socket) -> None:
    """Record a client's user in the audit trail, once an hour for each. Raises StoreError."""
    peer = peer_process(connection)
    if not noted.is_due(peer.user):
        return
    try:
        await inlet.store.run(
            audit.note_alone,
            Actor(peer.user),
            "source.connect",
            inlet.clock(),
            source=inlet.name,
            pid=peer.pid,
        )
    except StoreError:
        noted.forget(peer.user)
        raise


def _line(answer: SocketAnswer) -> bytes:
    return msgspec.json.encode(answer) + b"\n"
