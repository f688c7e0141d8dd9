"""Connections of one listening socket: HTTP on each of them, one request after the other.

A head has to come in time, and of a body no more is read than the app asks for. The bounds of all
connections together are in `connection_limit`, those of a head in `heads`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from http import HTTPStatus
from typing import cast

from sources.http.app import App, ClientLimits
from sources.http.connection_limit import ConnectionLimit
from sources.http.heads import RequestReader
from sources.http.listening import BACKLOG
from sources.http.messages import ClientGone, Head, RequestRefused, not_now

STOP_PATIENCE_S = 2.0
"""Seconds that requests that run when the stop comes may go on."""

READ_BYTES = 64 * 1024
"""Bytes that are read of a client at a time.

Until the app asks for the body, one more piece is read after that in which the head ended.
"""

_UNSENT = 1, 0
"""Bytes that the client has not taken, above which an answer counts as not sent, and as sent; where
the first is 0, TLS of asyncio waits though nothing is left."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BUSY = not_now("this server has as many clients as it may have: try again", 2).answer
_SLOW = RequestRefused(
    HTTPStatus.REQUEST_TIMEOUT, "the head of the request took too long to come"
).answer


class Connections:
    """Serves HTTP on one socket until it is to stop."""

    def __init__(self, app: App, limits: ClientLimits, context: ssl.SSLContext | None) -> None:
        self.app = app
        self.tls = context
        self.timeout_s = limits.client_timeout_s
        self.limit = ConnectionLimit(limits.clients)
        self.open: set[_Connection] = set()
        # One for all: what was read into it is taken out at once.
        self.buffer = memoryview(bytearray(READ_BYTES))

    async def serve(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Accept and answer until `stop`; then those that are being answered get some time."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _Connection(self, loop), sock=listener, backlog=BACKLOG
        )
        try:
            await stop.wait()
        finally:
            server.close()
            await self._end()

    async def _end(self) -> None:
        for connection in list(self.open):
            connection.end_when_idle()
        if self.open:
            await asyncio.wait({one.closed for one in self.open}, timeout=STOP_PATIENCE_S)
        left = list(self.open)
        for connection in left:
            connection.cut()
        tasks = [one.task for one in left if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Connection(asyncio.BufferedProtocol):
    """Connection of one client; a task answers its requests, one at a time."""

    def __init__(self, server: Connections, loop: asyncio.AbstractEventLoop) -> None:
        self.address = ""
        self.admitted = False
        self.ends = False
        self.active_s = loop.time()
        self.task: asyncio.Task[None] | None = None
        """Its request that is being answered, or before the first the handshake of TLS."""
        self.closed: asyncio.Future[None] = loop.create_future()
        """Done when the connection is closed and nothing is under way for it."""
        self._server = server
        self._loop = loop
        self._transport: asyncio.Transport
        self._requests = RequestReader()
        self._is_gone = False
        self._has_ended = False
        self._is_encrypting = server.tls is not None
        self._head_since_s: float | None = None
        self._has_to_say_continue = False
        self._more: asyncio.Future[None] | None = None
        """Done when more of the body that the app waits for has come, or none will."""
        self._drained: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve it, or send it away."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(*_UNSENT)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        server = self._server
        if not server.limit.enter(self):
            if server.tls is None:
                self._transport.write(_BUSY.encode(ends=True))
            self._transport.close()
            return
        server.open.add(self)
        self._check_at(self.active_s + 2 * server.timeout_s)
        if server.tls is not None:
            self.task = self._loop.create_task(self._encrypt(server.tls))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let what waits for the client end."""
        self._is_gone = True
        _wake(self._more)
        _wake(self._drained)
        if self.task is None:
            self._forget()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the place for what the client sends."""
        return self._server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what the client has sent."""
        self.active_s = self._loop.time()
        self._requests.feed(bytes(self._server.buffer[:nbytes]))
        if self.task is None:
            self._go_on()
        elif self._more is not None and not self._more.done():
            self._more.set_result(None)
        elif not self._is_encrypting:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Answer what is under way; return False to close it where nothing is, or with TLS."""
        self.ends = self._has_ended = True
        _wake(self._more)
        return self.task is not None and self._server.tls is None

    def pause_writing(self) -> None:
        """Let who sends wait until the client has taken it."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let who sends go on."""
        _wake(self._drained)
        self._drained = None

    @property
    def is_answering(self) -> bool:
        """Return whether it waits for us, and not we for more of a body."""
        return self.task is not None and self._more is None and not self._is_encrypting

    @property
    def body_ended(self) -> bool:
        """Return whether the whole body of the request was read."""
        return self._requests.body_ended

    async def read(self, until_s: float) -> bytes:
        """Return more of the body, b"" at its end; only now more of it may come.

        Raises TimeoutError, ClientGone, RequestRefused.
        """
        while not (part := self._requests.part()) and not self._requests.body_ended:
            if self._is_gone or self._has_ended:
                raise ClientGone
            if self._has_to_say_continue:
                self._has_to_say_continue = False
                self._transport.write(_CONTINUE)
            self._more = self._loop.create_future()
            self._transport.resume_reading()
            try:
                async with asyncio.timeout_at(until_s):
                    await self._more
            finally:
                self._more = None
        return part

    async def send(self, data: bytes) -> None:
        """Send all of an answer. Raises TimeoutError, ClientGone."""
        self._has_to_say_continue = False  # the answer takes its place
        if not self._is_gone:
            self._transport.write(data)
            if self._drained is not None:
                async with asyncio.timeout(2 * self._server.timeout_s):
                    await self._drained
        if self._is_gone:
            raise ClientGone

    def end_when_idle(self) -> None:
        """Close it now, or after the request that is being answered."""
        self.ends = True
        if self.task is None:
            self._transport.close()

    def cut(self) -> None:
        """Close it whatever is under way."""
        self._transport.abort()

    async def _encrypt(self, tls: ssl.SSLContext) -> None:
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                tls,
                server_side=True,
                ssl_handshake_timeout=self._server.timeout_s,
                ssl_shutdown_timeout=self._server.timeout_s,
            )
            self._transport = cast("asyncio.Transport", transport)
            self._transport.set_write_buffer_limits(*_UNSENT)
            self._is_encrypting = False
        except Exception:  # such as no TLS at all: then nothing else tells that it is lost
            self._is_gone = True
            self.cut()
        finally:
            self._end_task()

    async def _answer(self, head: Head) -> None:
        try:
            await self._server.app(head, self)
        except Exception:  # above all that the client takes no answer; bugs are met in the app
            self.cut()
        finally:
            self._end_task()

    def _end_task(self) -> None:
        self.task = None
        self.active_s = self._loop.time()
        if self._is_gone:
            self._forget()
        elif self.ends:
            self._transport.close()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Begin with the next request, if its head is here."""
        try:
            head = self._requests.head()
        except RequestRefused as refused:
            self._transport.write(refused.answer.encode(ends=True))
            self._transport.close()
            return
        if head is not None:
            self._head_since_s = None
            self._has_to_say_continue = head.headers.get("expect", "").lower() == "100-continue"
            self.task = self._loop.create_task(self._answer(head))
            return
        if self._requests.has_more and self._head_since_s is None:
            self._head_since_s = self._loop.time()
            self._check_at(self._head_since_s + self._server.timeout_s)
        self._transport.resume_reading()

    def _check_time(self) -> None:
        """Close it if its client has let us wait for too long; else look again when that is due."""
        most_s = self._server.timeout_s
        if self._transport.is_closing():
            self.cut()
            return
        now_s = due_s = self._loop.time()
        if self.task is not None:  # the app keeps the time
            due_s += most_s
        elif self._head_since_s is not None:
            due_s = self._head_since_s + most_s
        else:
            due_s = self.active_s + 2 * most_s
        if due_s <= now_s:
            if self._head_since_s is not None:
                self._transport.write(_SLOW.encode(ends=True))
            self._transport.close()
            due_s = now_s + most_s
        self._check_at(due_s)

    def _check_at(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due_s, self._check_time)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._server.open.discard(self)
        self._server.limit.leave(self)
        if not self.closed.done():
            self.closed.set_result(None)


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
