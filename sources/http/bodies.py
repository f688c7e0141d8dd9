"""Reading a request's body: bounded in size, in time, and in what all bodies hold together."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from sources.http.messages import Refused, not_now
from sources.memory import Memory, MemoryFull

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
IN_THREAD_BYTES = 64 * 1024
"""A packed body that is larger is unpacked in a thread, so that others get their turn."""

_DISCARD_FACTOR = 4
_WITH_HEADER = 31  # zlib's number for the gzip format


class ClientGone(Exception):
    """The client closed the connection; there is nobody to answer."""


class Body:
    """The body of one request as it comes."""

    def __init__(self, receive: Receive, memory: Memory, timeout_s: float) -> None:
        self.ended = False
        self._receive = receive
        self._memory = memory
        self._deadline = asyncio.get_running_loop().time() + timeout_s
        self._held = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Gives back the memory that was taken for it."""
        try:
            yield
        finally:
            self._memory.give(self._held)
            self._held = 0

    async def read(self, limit: int, announced: str) -> bytes:
        """The whole body; `announced` is its Content-Length. Raises Refused, ClientGone."""
        known = announced.isdigit()
        if known:
            if int(announced) > limit:
                raise _too_large(limit)
            # At once: if many large bodies came together, else none of them would have room.
            self._hold(int(announced))
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout_at(self._deadline):
                while part := await self._part():
                    size += len(part)
                    if size > limit:
                        raise _too_large(limit)
                    if not known:
                        self._hold(len(part))
                    parts.append(part)
        except TimeoutError:
            raise Refused(
                HTTPStatus.REQUEST_TIMEOUT,
                "the body took too long to come: send it faster, or in smaller parts",
                headers=(("connection", "close"),),
            ) from None
        return b"".join(parts)

    async def discard(self, limit: int) -> None:
        """Read on after an early answer, since many clients read it only when all was sent."""
        size = 0
        with suppress(TimeoutError, ClientGone):
            async with asyncio.timeout_at(self._deadline):
                while size <= limit * _DISCARD_FACTOR and (part := await self._part()):
                    size += len(part)

    def _hold(self, count: int) -> None:
        try:
            self._memory.take(count)
        except MemoryFull as full:
            raise not_now(str(full), full.retry_after_s) from None
        self._held += count

    async def _part(self) -> bytes:
        """The next bytes, b"" at the end."""
        while not self.ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.ended = True
                raise ClientGone
            self.ended = not message.get("more_body", False)
            if part := message.get("body", b""):
                return bytes(part)
        return b""


class Unpacker:
    """Takes the Content-Encoding off bodies; of the large ones, off one at a time."""

    def __init__(self) -> None:
        self._large = asyncio.Lock()

    async def unpacked(self, data: bytes, encoding: str, limit: int) -> bytes:
        """The body as it was packed, of at most `limit` bytes. Raises Refused."""
        match encoding.strip().lower():
            case "" | "identity":
                return data
            case "gzip" | "x-gzip":
                if len(data) < IN_THREAD_BYTES:
                    return _gunzipped(data, limit)
                async with self._large:
                    return await asyncio.to_thread(_gunzipped, data, limit)
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "this Content-Encoding is not known: use gzip or none",
            headers=(("accept-encoding", "gzip, identity"),),
        )


def _gunzipped(data: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while data:
        unpacker = zlib.decompressobj(_WITH_HEADER)
        try:
            parts.append(unpacker.decompress(data, limit - size + 1))
        except zlib.error:
            raise _bad("the body is not the gzip data that Content-Encoding says") from None
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit, "unpacked ")
        if not unpacker.eof:
            raise _bad("the gzip data ends too early")
        data = unpacker.unused_data
    return b"".join(parts)


def _bad(reason: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, reason, place="body")


def _too_large(limit: int, how: str = "") -> Refused:
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the {how}body is larger than {limit:,} bytes: send fewer events in one request",
        place="body",
    )
