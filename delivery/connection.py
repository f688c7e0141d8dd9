"""Connection to a receiver: HTTP/1.1 over TLS or not, used again only if nothing is left over."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import h11
import httpx

T = TypeVar("T")
Headers = list[tuple[bytes, bytes]]

MOST_HEAD_BYTES = 100 * 1024
"""Bytes of the longest head of an answer."""

_READ_BYTES = 64 * 1024
_PIECE = 256 * 1024
"""Bytes that are encrypted at once."""

KEEP_ALIVE_S = 2.0
"""Seconds after an answer for which its connection may be used again."""

_NO_ANSWER = "the receiver disconnected without an answer"


class LeftOver(Exception):
    """A kept connection holds bytes that belong to no request; nothing was sent on it."""


class SocketStream:
    """Bytes to and from a connected socket, from which none is read before it is asked for."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    @property
    def address(self) -> str:
        """The address of the other end."""
        return str(self._socket.getpeername()[0])

    async def read(self, most: int) -> bytes:
        """Return some bytes, b"" at the end. Raises OSError."""
        try:
            data = self._socket.recv(most)
        except BlockingIOError:
            return await asyncio.get_running_loop().sock_recv(self._socket, most)
        await asyncio.sleep(0)  # who sends without a pause leaves the others their turn
        return data

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the system. Raises OSError."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def close(self) -> None:
        """Close the socket, at once."""
        self._socket.close()

    def holds_more(self) -> bool:
        """Return True if a byte, or the end, waits to be read."""
        return self._socket.fileno() < 0 or bool(self._poll.poll(0))


class TlsStream:
    """TLS over another stream, from which no byte is read before one is asked for here."""

    def __init__(self, below: Stream, ssl_context: ssl.SSLContext, server_name: str) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = ssl_context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name
        )

    async def handshake(self) -> None:
        """Agree on keys. Raises ssl.SSLError and other OSErrors."""
        await self._done(self._tls.do_handshake)

    async def read(self, most: int) -> bytes:
        """Return some bytes, b"" at the end. Raises OSError."""
        try:
            return await self._done(partial(self._tls.read, most))
        except ssl.SSLEOFError:  # an end without farewell, as most give it
            return b""

    async def write(self, data: bytes) -> None:
        """Hand all bytes, encrypted, to the system. Raises OSError."""
        rest = memoryview(data)
        while rest:
            rest = rest[await self._done(partial(self._tls.write, rest[:_PIECE])) :]

    def close(self) -> None:
        """Close the connection, at once."""
        self._below.close()

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
                with suppress(OSError):
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


Stream = SocketStream | TlsStream


def _can_read(tls: ssl.SSLObject) -> bool:
    """Return True if decrypted bytes, or the end, wait in TLS itself. Takes one byte of them."""
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        return True
    return True


async def encrypted(
    stream: Stream, ssl_context: ssl.SSLContext, server_name: str, limit_s: float
) -> TlsStream:
    """Return TLS over a stream. Raises OSError, and httpx.ConnectTimeout without words."""
    tls = TlsStream(stream, ssl_context, server_name)
    try:
        async with asyncio.timeout(limit_s) as limit:
            await tls.handshake()
    except TimeoutError as error:
        if limit.expired():
            raise httpx.ConnectTimeout("") from error
        raise
    return tls


class HttpConnection:
    """HTTP/1.1 over one stream: one request after the other.

    heard: a byte of the answer to the latest request has come in
    """

    def __init__(self, stream: Stream) -> None:
        self.heard = False
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)
        self._is_used = False
        self._ended = 0.0

    def is_at_rest(self) -> bool:
        """Return True if the last answer has ended and allows another request."""
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def is_old(self) -> bool:
        """Return True if the last answer is so long ago that the receiver may end it just now."""
        return time.monotonic() - self._ended > KEEP_ALIVE_S

    def left_over(self) -> bool:
        """Return True if anything, also an end of the stream, has come in after the answer."""
        return self._http.trailing_data != (b"", False) or self._stream.holds_more()

    async def exchange(
        self, method: str, target: bytes, headers: Headers, body: httpx.AsyncByteStream
    ) -> httpx.Response:
        """Send a request and return its answer, whose stream is what follows the head.

        Of a receiver that ends the connection before it has read all, a refusal is an answer, but
        a 2XX is none. Raises LeftOver if the last request left something behind, OSError, and
        httpx's errors of the protocol.
        """
        if self._is_used:
            self._http.start_next_cycle()
        try:
            request = h11.Request(method=method, target=target, headers=headers)
            head = self._http.send(request) or b""
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        try:
            async for part in body:
                await self._write(head, self._http.send(h11.Data(data=part)) or b"")
                head = b""
            await self._write(head, self._http.send(h11.EndOfMessage()) or b"")
        except ssl.SSLError:
            raise
        except OSError:
            answer = await self._refusal()
            if answer is None:
                raise
        else:
            answer = await self._answer()
        return httpx.Response(
            answer.status_code,
            headers=answer.headers.raw_items(),
            stream=_Rest(self),
            extensions={"reason_phrase": answer.reason},
        )

    async def next_part(self) -> bytes | None:
        """Return the next bytes of the answer's body, None after its end."""
        event = await self._next_event()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        self._ended = time.monotonic()
        return None

    def close(self) -> None:
        """Close the connection, at once."""
        self._stream.close()

    async def _write(self, head: bytes, data: bytes) -> None:
        """Send bytes; `head` begins a request.

        The look at what is left over is here since nothing comes between it and the sending: bytes
        that arrive later cannot be distinguished from an answer to this request.
        """
        if head:
            if self._is_used and self.left_over():
                raise LeftOver
            self._is_used, self.heard = True, False
            if len(data) <= _READ_BYTES:
                data = head + data
            else:
                await self._stream.write(head)
        if data:
            await self._stream.write(data)

    async def _answer(self) -> h11.Response:
        event = await self._next_event()
        while not isinstance(event, h11.Response):
            await asyncio.sleep(0)  # hints may come without end, thousands in one reading
            event = await self._next_event()
        return event

    async def _refusal(self) -> h11.Response | None:
        """Return what the receiver had said, other than 2XX, before the sending failed."""
        with suppress(OSError, httpx.RemoteProtocolError):
            answer = await self._answer()
            if not 200 <= answer.status_code < 300:
                return answer
        return None

    async def _next_event(self) -> Any:
        """Return what the receiver says next, as h11 reads it."""
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from error
            if event is not h11.NEED_DATA:
                return event
            data = await self._stream.read(_READ_BYTES)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError(_NO_ANSWER)
            self.heard = self.heard or bool(data)
            self._http.receive_data(data)


class _Rest(httpx.AsyncByteStream):
    """Body of an answer, as it comes."""

    def __init__(self, connection: HttpConnection) -> None:
        self._connection = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        part = await self._connection.next_part()
        if part is None:
            raise StopAsyncIteration
        return part


async def open_tunnel(stream: Stream, target: bytes) -> None:
    """Let a proxy connect the stream with "host:port". Raises OSError, and httpx's errors."""
    answer = await HttpConnection(stream).exchange(
        "CONNECT", target, [(b"Host", target), (b"Accept", b"*/*")], _NoBody()
    )
    if not answer.is_success:
        raise httpx.ProxyError(f"{answer.status_code} {answer.reason_phrase}")


class _NoBody(httpx.AsyncByteStream):
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration
