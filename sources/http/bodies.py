"""Bodies of requests: bounded in size, in time, and in what all of them hold together.

A body that is packed is unpacked in a thread, and counts as it grows.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus

from sources.http.messages import ClientConnection, ClientGone, RequestRefused, not_now
from sources.limits import MOST_BYTES, MemoryBudget, MemoryFull
from sources.turns import FairLock

PIECE_BYTES = 256 * 1024
"""Bytes that are unpacked at a time; before each it is checked that there is room for more."""

_SLICE_BYTES = 4 * 1024
"""Bytes that zlib gets at a time: it copies what it leaves at every end of a member."""

_WITH_HEADER = 31  # zlib's number for the gzip format
_DISCARD_FACTOR = 4


class Budget:
    """Memory for the bodies of all requests.

    Bytes are taken as they come, so who only announces a body takes nothing from others. The body
    that first finds too few left goes on beyond them, bounded by its own limit alone: of several
    large ones that come together, each would else be in the way of the others.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.memory = MemoryBudget(most)
        self.beyond: Share | None = None


class Share:
    """Share of the budget: the bytes that one request holds."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0
        self._beyond = 0

    def take(self, count: int) -> None:
        """Hold so many bytes more. Raises RequestRefused where they are not left."""
        try:
            self._budget.memory.take(count)
            self._held += count
        except MemoryFull as full:
            if self._budget.beyond not in (None, self):
                raise not_now(str(full), full.retry_after_s) from None
            self._budget.beyond = self
            self._beyond += count

    def give(self, count: int) -> None:
        """Give back so many of those that were taken."""
        beyond = min(count, self._beyond)
        self._beyond -= beyond
        self._held -= count - beyond
        self._budget.memory.give(count - beyond)

    def close(self) -> None:
        """Give all back."""
        self.give(self._held + self._beyond)
        if self._budget.beyond is self:
            self._budget.beyond = None


class Body:
    """Body of one request as it comes."""

    def __init__(self, connection: ClientConnection, share: Share, timeout_s: float) -> None:
        self.share = share
        self._connection = connection
        self._until_s = asyncio.get_running_loop().time() + timeout_s

    async def read(self, limit: int, announced: str) -> bytes:
        """Read it whole; `announced` is its Content-Length. Raises RequestRefused, ClientGone."""
        if announced and int(announced) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        size = 0
        try:
            while part := await self._connection.read(self._until_s):
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                self.share.take(len(part))
                parts.append(part)
        except TimeoutError:
            raise RequestRefused(
                HTTPStatus.REQUEST_TIMEOUT,
                "the body took too long to come: send it faster, or in smaller parts",
            ) from None
        return b"".join(parts)

    async def discard(self, limit: int) -> None:
        """Read on after an early answer, since many clients read it only when all was sent."""
        size = 0
        with suppress(TimeoutError, ClientGone, RequestRefused):
            while part := await self._connection.read(self._until_s):
                size += len(part)
                if size > limit * _DISCARD_FACTOR:
                    break


class Unpacker:
    """Unpacks bodies in a thread, so that others get their turn, and one at a time."""

    def __init__(self) -> None:
        self._turns = FairLock()

    async def unpack(
        self, data: bytes, encoding: str, limit: int, share: Share, caller: str
    ) -> bytes:
        """Return the body as it was before it was packed, of at most `limit` bytes.

        What it takes more than `data` is taken from the share. Raises RequestRefused.
        """
        match encoding.strip().lower():
            case "" | "identity":
                return data
            case "gzip" | "x-gzip":
                async with self._turns.turn(caller):
                    unpacked = await _gunzip(data, limit, share)
                share.give(len(data))
                return unpacked
        raise RequestRefused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "this Content-Encoding is not known: use gzip or none",
            headers=(("accept-encoding", "gzip, identity"),),
        )


async def _gunzip(data: bytes, limit: int, share: Share) -> bytes:
    source = gzip_pieces(data)
    pieces: list[bytes] = []
    size = 0
    while True:
        share.take(PIECE_BYTES)
        piece = await asyncio.to_thread(next, source, b"")
        share.give(PIECE_BYTES - len(piece))
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > limit:
            raise _too_large(limit, "unpacked ")
        pieces.append(piece)


def gzip_pieces(data: bytes) -> Iterator[bytes]:
    """Unpack gzip members into pieces of PIECE_BYTES and a last one. Raises RequestRefused."""
    unpacker = zlib.decompressobj(_WITH_HEADER)
    piece = bytearray()
    for start in range(0, len(data), _SLICE_BYTES):
        packed = data[start : start + _SLICE_BYTES]
        while packed:
            if unpacker.eof:
                unpacker = zlib.decompressobj(_WITH_HEADER)
            try:
                piece += unpacker.decompress(packed, PIECE_BYTES - len(piece))
            except zlib.error:
                raise _bad("the body is not the gzip data that Content-Encoding says") from None
            packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            if len(piece) == PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
    if data and not unpacker.eof:
        raise _bad("the gzip data ends too early")
    if piece:
        yield bytes(piece)


def _bad(reason: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.BAD_REQUEST, reason, place="body")


def _too_large(limit: int, how: str = "") -> RequestRefused:
    """Refuse a body of more than `limit` bytes; `how` is "unpacked " where that is meant."""
    return RequestRefused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the {how}body is larger than {limit:,} bytes: send fewer events in one request",
        place="body",
    )
