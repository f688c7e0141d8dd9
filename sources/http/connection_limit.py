"""Limit of the open connections of a server, and which one goes when there are too many.

It stands in front of the HTTP server, which needs no bounds of its own, and knows nothing of HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from domain.addresses import is_loopback
from sources.geo import origin_of

SETTLE_S = 1.0
"""Seconds for which a connection is safe from the next one of its own address."""


class OpenConnection(Protocol):
    """Connection as the limit knows it: its address, and whether its client has signed in."""

    address: str
    admitted: bool
    active_s: float
    """Time by the monotonic clock at which it last sent something or was answered."""

    @property
    def is_answering(self) -> bool:
        """True while it waits for our answer; one that sends no more of a body counts as idle."""

    def cut(self) -> None:
        """Close it whatever is under way."""


class ConnectionLimit:
    """Limit of `most` connections; one address has at most half as many without a sign-in.

    A new one takes the place of the one without a sign-in that is idle for the longest time; if
    there is none, it is refused. A connection with a sign-in keeps its place. This host's own
    address has no such limit: behind a proxy all come from there.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._share = max(1, most // 2)
        self._clock = clock
        self._open: set[OpenConnection] = set()

    def enter(self, connection: OpenConnection) -> bool:
        """Accept a connection, if need be in the place of another; False if it is refused."""
        strangers = [each for each in self._open if not each.admitted]
        place = origin_of(connection.address)
        of_its_place = [each for each in strangers if origin_of(each.address) == place]
        if len(of_its_place) >= self._share and not is_loopback(connection.address):
            has_room = self._send_away(of_its_place, SETTLE_S)
        elif len(self._open) >= self._most:
            has_room = self._send_away(strangers, 0.0)
        else:
            has_room = True
        if has_room:
            self._open.add(connection)
        return has_room

    def leave(self, connection: OpenConnection) -> None:
        """Forget a connection that ended."""
        self._open.discard(connection)

    def _send_away(self, candidates: list[OpenConnection], settle_s: float) -> bool:
        idle = [each for each in candidates if not each.is_answering]
        longest = min(idle, key=lambda each: each.active_s, default=None)
        if longest is None or self._clock() - longest.active_s < settle_s:
            return False
        self._open.discard(longest)
        longest.cut()
        return True
