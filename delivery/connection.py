"""Connection to a receiver, used again only if nothing at all is left over on it."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import httpcore

T = TypeVar("T")

_PIECE = 256 * 1024
"""Bytes that are read or encrypted at once."""


class LeftOver(Exception):
    """A kept connection holds bytes that belong to no request; nothing was sent on it."""


class SocketStream(httpcore.AsyncNetworkStream):
    """Stream over a connected socket, from which no byte is read before it is asked for.

    The time-outs of httpcore have no part in it: one deadline covers a whole attempt.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        try:
            data = self._socket.recv(max_bytes)
        except BlockingIOError:
            return await self._read_later(max_bytes)
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        await asyncio.sleep(0)  # who sends without a pause leaves the others their turn
        return data

    async def _read_later(self, max_bytes: int) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, max_bytes)
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, buffer)
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self._socket.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> TlsStream:
        return await encrypted(self, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._socket.getpeername() if info == "server_addr" else None

    def holds_more(self) -> bool:
        """Return True if a byte, or the end, waits to be read."""
        return self._socket.fileno() < 0 or bool(self._poll.poll(0))


class TlsStream(httpcore.AsyncNetworkStream):
    """TLS over another stream, of which it reads no more than it is asked for, in whole reads."""

    def __init__(
        self,
        below: SocketStream | TlsStream,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None,
    ) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = ssl_context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname
        )

    async def handshake(self) -> None:
        """Agree on keys. Raises ssl.SSLError."""
        await self._done(self._tls.do_handshake)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        try:
            return await self._done(partial(self._tls.read, max_bytes))
        except ssl.SSLEOFError:  # an end without farewell, as most give it
            return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        rest = memoryview(buffer)
        while rest:
            rest = rest[await self._done(partial(self._tls.write, rest[:_PIECE])) :]

    async def aclose(self) -> None:
        await self._below.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> TlsStream:
        return await encrypted(self, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._tls if info == "ssl_object" else self._below.get_extra_info(info)

    def holds_more(self) -> bool:
        """Return True if encrypted or decrypted bytes, or the end, wait here or below.

        Takes one of the decrypted bytes.
        """
        return bool(self._incoming.pending) or _can_read(self._tls) or self._below.holds_more()

    async def _done(self, step: Callable[[], T]) -> T:
        """Take a step of TLS; send what it has to say, and read what it lacks."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                with suppress(httpcore.WriteError):
                    await self._flush()  # the alert that says why
                raise
            else:
                await self._flush()
                return result
            await self._flush()
            if data := await self._below.read(_PIECE):
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._below.write(self._outgoing.read())


async def encrypted(
    stream: SocketStream | TlsStream,
    ssl_context: ssl.SSLContext,
    server_hostname: str | None,
    limit: float | None,
) -> TlsStream:
    """Return TLS over a stream, which is closed if the handshake fails or takes too long.

    Raises httpcore.ConnectError and ConnectTimeout.
    """
    try:
        tls = TlsStream(stream, ssl_context, server_hostname)
        async with asyncio.timeout(limit):
            await tls.handshake()
        return tls
    except BaseException as error:
        await stream.aclose()
        if isinstance(error, TimeoutError):
            raise httpcore.ConnectTimeout from error
        if isinstance(error, ssl.SSLError | httpcore.NetworkError):
            raise httpcore.ConnectError(str(error)) from error
        raise


class WatchedStream(httpcore.AsyncNetworkStream):
    """Stream that knows whether all incoming bytes were part of an answer.

    The last byte of each read is handed on by itself. A parser reads on exactly if the answer is
    not complete without it; if it does not, the answer had ended before that byte.

    heard: a byte of the answer to the latest request has come in
    """

    def __init__(self, stream: SocketStream) -> None:
        self.heard = False
        self._stream: SocketStream | TlsStream = stream
        self._last_byte = b""
        self._writing = False
        self._used = False
        self._broken: httpcore.WriteError | None = None

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> bytes:
        if self._broken is not None:  # what may have come is no answer to the whole request
            raise httpcore.ReadError(str(self._broken)) from self._broken
        self._writing = False
        if self._last_byte:
            data, self._last_byte = self._last_byte, b""
            return data
        data = await self._stream.read(max_bytes, timeout)
        self.heard = self.heard or bool(data)
        if len(data) > 1:
            data, self._last_byte = data[:-1], data[-1:]
        return data

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> None:
        """Send bytes. Raises LeftOver for a new request if the last one left something behind.

        The check is here since nothing comes between it and the sending: bytes that arrive later
        cannot be distinguished from an answer to this request.
        """
        if not self._writing:
            if self._used and self.left_over():
                raise LeftOver
            self._writing, self._used, self.heard = True, True, False
        try:
            await self._stream.write(buffer, timeout)
        except httpcore.WriteError as error:
            self._broken = error
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> WatchedStream:
        """Encrypt from now on; bytes that came before, as from a proxy, count no more."""
        self._last_byte, self._used = b"", False
        self._stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self.left_over() if info == "is_readable" else self._stream.get_extra_info(info)

    def left_over(self) -> bool:
        """Return True if anything, also an end of the stream, has come in after the answer."""
        return bool(self._last_byte) or self._stream.holds_more()


class OneConnection:
    """Connection pool of a single connection, with the parts of a pool that httpx's transport uses.

    was_spoiled: something was left over on a kept connection, or it ended
    was_lost:    a kept connection ended before a byte of the answer to the latest request came in
    """

    def __init__(
        self,
        create: Callable[[httpcore.Origin], httpcore.AsyncConnectionInterface],
        stream: Callable[[], WatchedStream | None],
    ) -> None:
        self.was_spoiled = False
        self.was_lost = False
        self._create = create
        self._stream = stream
        self._connection: httpcore.AsyncConnectionInterface | None = None

    def is_reusable(self) -> bool:
        """Return True if the connection stands and nothing is left over on it."""
        kept, stream = self._connection, self._stream()
        if kept is None or stream is None or not kept.is_available():
            return False
        self.was_spoiled = self.was_spoiled or stream.left_over()
        return not self.was_spoiled and not kept.has_expired()

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request on the kept connection, or on a new one if that cannot be used again."""
        kept, origin = self._connection, request.url.origin
        if kept is not None and kept.can_handle_request(origin) and self.is_reusable():
            try:
                return await self._send_on(kept, request)
            except LeftOver:  # it came in after the look above; nothing was sent
                self.was_spoiled = True
        await self.aclose()
        self._connection = self._create(origin)
        return await self._connection.handle_async_request(request)

    async def aclose(self) -> None:
        kept, self._connection = self._connection, None
        if kept is not None:
            await kept.aclose()

    async def _send_on(
        self, kept: httpcore.AsyncConnectionInterface, request: httpcore.Request
    ) -> httpcore.Response:
        try:
            return await kept.handle_async_request(request)
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            stream = self._stream()
            self.was_lost = stream is not None and not stream.heard
            raise


def _can_read(tls: ssl.SSLObject) -> bool:
    """Return True if decrypted bytes, or the end, wait in TLS itself. Takes one byte of them."""
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        return True
    return True
