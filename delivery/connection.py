"""Connection to a receiver, used again only if nothing at all is left over on it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import httpcore


class LeftOver(Exception):
    """A kept connection holds bytes that belong to no request; nothing was sent on it."""


class WatchedStream(httpcore.AsyncNetworkStream):
    """Stream that knows whether all incoming bytes were part of an answer.

    The last byte of each read is handed on by itself. A parser reads on exactly if the answer is
    not complete without it; if it does not, the answer had ended before that byte.

    heard: a byte of the answer to the latest request has come in
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self.heard = False
        self._stream = stream
        self._last_byte = b""
        self._was_full = False
        self._writing = False
        self._used = False

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> bytes:
        self._writing = False
        if self._last_byte:
            data, self._last_byte = self._last_byte, b""
            return data
        data = await self._stream.read(max_bytes, timeout)
        self.heard = self.heard or bool(data)
        self._was_full = len(data) >= max_bytes
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
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> WatchedStream:
        """Encrypt from now on; bytes that came before, as from a proxy, count no more."""
        self._last_byte, self._was_full, self._used = b"", False, False
        self._stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self.left_over() if info == "is_readable" else self._stream.get_extra_info(info)

    def left_over(self) -> bool:
        """Return True if anything, also an end of the stream, has come in after the answer."""
        if self._last_byte or self._was_full:
            return True
        encrypted = self._stream.get_extra_info("ssl_object")
        if encrypted is not None and _holds_more(encrypted):
            return True
        return bool(self._stream.get_extra_info("is_readable"))


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


def _holds_more(encrypted: ssl.SSLObject) -> bool:
    """Return True if decrypted bytes, or the end, wait above the socket. Takes one byte of them."""
    try:
        encrypted.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        return True
    return True
