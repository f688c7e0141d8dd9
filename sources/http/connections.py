"""Connections of one listening socket: hypercorn speaks HTTP on each, behind our bounds.

Hypercorn's own way to serve knows no limit of connections and closes a slow head in silence, so
its `TCPServer` is used by itself, one a connection. The bounds are in `connection_limit` and
`heads`, and another server could come behind them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.typing import LifespanState
from hypercorn.utils import wrap_app

from sources.http.app import CONNECTION, App, ClientLimits, Send
from sources.http.bodies import Receive
from sources.http.connection_limit import ConnectionLimit
from sources.http.heads import BadHead, HeadReader
from sources.http.listening import BACKLOG

STOP_PATIENCE_S = 2.0
"""Seconds that requests that run when the stop comes may go on."""

_CONTINUE = b"HTTP/1.1 100 "
_BUSY = b"this server has as many clients as it may have: try again"
_SLOW = b"the head of the request took too long to come"


class Connections:
    """Serves HTTP on one socket until it is to stop."""

    def __init__(self, app: App, limits: ClientLimits, context: ssl.SSLContext | None) -> None:
        self._app = app
        self._limits = limits
        self._tls = context
        self._config = _config(limits)
        self._connection_limit = ConnectionLimit(limits.clients)
        self._connections: dict[asyncio.Task[None], _Connection] = {}

    async def serve(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Accept and answer until `stop`; then those that are being answered get some time."""
        server = await asyncio.start_server(self._connected, sock=listener, backlog=BACKLOG)
        try:
            await stop.wait()
        finally:
            server.close()
            await self._end()

    async def _end(self) -> None:
        for connection in list(self._connections.values()):
            await connection.end_when_idle()
        if self._connections:
            await asyncio.wait(self._connections, timeout=STOP_PATIENCE_S)
        left = dict(self._connections)
        for task, connection in left.items():
            connection.cut()
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self._app, reader, writer, self._limits.client_timeout_s)
        if not self._connection_limit.enter(connection):
            if self._tls is None:
                writer.write(_plain("503 Service Unavailable", _BUSY, "retry-after: 2\r\n"))
            writer.close()
            return
        task = asyncio.create_task(connection.run(self._config, self._tls))
        self._connections[task] = connection
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._connection_limit.leave(self._connections.pop(task))


class _Connection:
    """Connection as hypercorn reads from it; the head of a request has to come in time.

    Of its body no more is read than the app asks for: hypercorn would keep all of it in a queue,
    also while the app still asks the store who the client is.
    """

    def __init__(
        self, app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float
    ) -> None:
        self.address = str((writer.get_extra_info("peername") or ("",))[0])
        self.admitted = False
        self._in_request = False
        self.active_s = time.monotonic()
        self._app = app
        self._reader = reader
        self._heads = HeadReader(self._received)
        self._writer = writer
        self._answers = ContinueWriter(writer)
        self._timeout_s = timeout_s
        self._wanted = asyncio.Event()
        """Set while the app waits for more of a body, or waits for nothing any longer."""
        self._wanted.set()
        self._head_timer: asyncio.TimerHandle | None = None
        # One for each: hypercorn waits for it even when the client has closed an idle connection.
        self._context = WorkerContext(None)

    async def run(self, config: Config, tls: ssl.SSLContext | None) -> None:
        """Serve it to its end."""
        # Whatever a client does to its own connection shows in its status, or in nothing.
        with suppress(Exception):
            if tls is not None:
                await self._writer.start_tls(tls, ssl_handshake_timeout=self._timeout_s)
            await TCPServer(
                wrap_app(self.answer, 0, "asgi"),
                asyncio.get_running_loop(),
                config,
                self._context,
                LifespanState({}),
                cast("asyncio.StreamReader", self),
                cast("asyncio.StreamWriter", self._answers),
            )
        self._stop_timer()
        self.cut()

    @property
    def is_answering(self) -> bool:
        """Return whether it waits for us, and not we for more of a body."""
        return not self._wanted.is_set()

    async def end_when_idle(self) -> None:
        """Close it now, or after the request that is being answered."""
        await self._context.terminated.set()

    def cut(self) -> None:
        """Close it whatever is under way."""
        self._writer.transport.abort()

    async def read(self, count: int) -> bytes:
        """Return more bytes of the client, for hypercorn."""
        while not self._wanted.is_set():  # it may be cleared again before this has its turn
            await self._wanted.wait()
        try:
            return await self._heads.read(count)
        except BadHead as bad:
            self._refuse(f"{bad.status.value} {bad.status.phrase}", bad.reason.encode())
            return b""

    async def _received(self, count: int) -> bytes:
        data = await self._reader.read(count)
        self.active_s = time.monotonic()
        if not data:
            self._stop_timer()
            await self.end_when_idle()
        if data and not self._in_request and self._head_timer is None:
            loop = asyncio.get_running_loop()
            self._head_timer = loop.call_later(
                self._timeout_s, self._refuse, "408 Request Timeout", _SLOW
            )
        return data

    def at_eof(self) -> bool:
        """Return whether the client has closed its side."""
        return self._reader.at_eof()

    async def answer(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Let the app answer a request whose head is here; from now on it keeps the time."""
        self._stop_timer()
        self._in_request = True
        self._wanted.clear()

        async def wanted() -> Mapping[str, Any]:
            self._wanted.set()
            self._answers.want_body()
            try:
                return await receive()
            finally:
                self._wanted.clear()

        try:
            await self._app({**scope, CONNECTION: self}, wanted, send)
        except TimeoutError:
            self.cut()
        finally:
            self._in_request = False
            self.active_s = time.monotonic()
            self._answers.end_request()
            self._wanted.set()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: str, reason: bytes) -> None:
        """Answer a head that the app never sees, and close. Nothing is put into another answer."""
        self._stop_timer()
        if not self._in_request:
            self._writer.write(_plain(status, reason))
        self._writer.close()


class ContinueWriter:
    """Writer for hypercorn, which says `100 Continue` at once, whether the body is wanted or not.

    Here an answer that comes first takes its place, and the client sends no body for nothing.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._held = b""
        self._wanted = False

    def write(self, data: bytes) -> None:
        """Write it; a `100 Continue` only when the body is wanted."""
        if data.startswith(_CONTINUE) and not self._wanted:
            self._held = data
            return
        self._held = b""
        self._writer.write(data)

    def want_body(self) -> None:
        """Let the client send the body of this request."""
        self._wanted = True
        if self._held:
            self.write(self._held)

    def end_request(self) -> None:
        """End the request: what is written next is of another one."""
        self._wanted = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


def _config(limits: ClientLimits) -> Config:
    config = Config()
    config.accesslog = config.errorlog = None
    config.include_server_header = False
    # Twice the time, so that a head that is slow from the start is answered so before this closes.
    config.keep_alive_timeout = 2 * limits.client_timeout_s
    # The app takes what comes as it comes; with a bound, hypercorn waits for ever for a place in
    # the queue of a request that was answered early.
    config.max_app_queue_size = 0
    config.h2_max_concurrent_streams = 1
    return config


def _plain(status: str, reason: bytes, more: str = "") -> bytes:
    """Return an answer to what never came to be a request, as bytes."""
    body = b'{"error":"' + reason + b'"}'
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{more}connection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
