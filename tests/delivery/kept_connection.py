"""The connection that a poster keeps, seen from the test.

What the other end has sent is there a moment later only, also on the same machine.
"""

from __future__ import annotations

import asyncio

from delivery.connection import SocketStream, TlsStream
from delivery.network import GuardedTransport
from delivery.post import Poster
from tests.support.waiting import PATIENCE_S


async def has_come(poster: Poster) -> None:
    """Wait until bytes, or the end, have come in on the connection that a poster keeps, if any."""
    if poster._transport is None:
        return
    stream = _socket_of(poster._transport)
    async with asyncio.timeout(PATIENCE_S):
        while not stream.holds_more():  # noqa: ASYNC110 - the system signals it to readers only
            await asyncio.sleep(0.001)


def wait_until_come(transport: GuardedTransport) -> None:
    """Wait in the same way without giving the loop a turn."""
    assert _socket_of(transport)._poll.poll(PATIENCE_S * 1_000)


def _socket_of(transport: GuardedTransport) -> SocketStream:
    assert transport._kept is not None
    stream = transport._kept._stream
    while isinstance(stream, TlsStream):
        stream = stream._below
    return stream
