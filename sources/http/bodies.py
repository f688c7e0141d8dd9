"""Reading a request's body: bounded in size, in time, and in what all bodies hold together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from sources.http.budget import Share
from sources.http.messages import Refused, too_large

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
_DISCARD_FACTOR = 4


class ClientGone(Exception):
    """The client closed the connection; there is nobody to answer."""


class Body:
    """The body of one request as it comes."""

    def __init__(self, receive: Receive, share: Share, timeout_s: float) -> None:
        self.ended = False
        self._receive = receive
        self._share = share
        self._deadline = asyncio.get_running_loop().time() + timeout_s

    async def read(self, limit: int, announced: str) -> bytes:
        """The whole body; `announced` is its Content-Length. Raises Refused, ClientGone."""
        if announced.isdigit() and int(announced) > limit:
            raise too_large(limit)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout_at(self._deadline):
                while part := await self._part():
                    size += len(part)
                    if size > limit:
                        raise too_large(limit)
                    self._share.take(len(part))
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
