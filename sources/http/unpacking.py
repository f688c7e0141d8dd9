"""Taking the Content-Encoding off bodies."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from http import HTTPStatus

from sources.http.budget import Share
from sources.http.messages import Refused, too_large
from sources.turns import Turns

PIECE_BYTES = 256 * 1024
"""So much is unpacked before it is looked again whether there is room for more."""

_SLICE_BYTES = 4 * 1024
"""So much is handed to zlib at a time, which copies what it leaves at every end of a member."""

_WITH_HEADER = 31  # zlib's number for the gzip format


class Unpacker:
    """Unpacks bodies in a thread, so that others get their turn, and one at a time."""

    def __init__(self) -> None:
        self._turns = Turns()

    async def unpacked(
        self, data: bytes, encoding: str, limit: int, share: Share, caller: str
    ) -> bytes:
        """The body as it was before it was packed, of at most `limit` bytes; what it takes more
        than `data` is taken from the share. Raises Refused."""
        match encoding.strip().lower():
            case "" | "identity":
                return data
            case "gzip" | "x-gzip":
                async with self._turns.turn(caller):
                    unpacked = await _gunzipped(data, limit, share)
                share.give(len(data))
                return unpacked
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "this Content-Encoding is not known: use gzip or none",
            headers=(("accept-encoding", "gzip, identity"),),
        )


async def _gunzipped(data: bytes, limit: int, share: Share) -> bytes:
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
            raise too_large(limit, "unpacked ")
        pieces.append(piece)


def gzip_pieces(data: bytes) -> Iterator[bytes]:
    """What gzip members hold, in pieces of PIECE_BYTES and a last one. Raises Refused."""
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


def _bad(reason: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, reason, place="body")
