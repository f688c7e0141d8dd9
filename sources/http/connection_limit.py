"""The open connections of a server, and which one goes when there are too many.

It stands in front of the HTTP server, which needs no bounds of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol

from sources.places import place_of

SETTLE_S = 1.0
"""For so long a connection is safe from the next one of its own address."""


class Visitor(Protocol):
    """A connection: where it comes from, and whether anybody was let in on it."""

    address: str
    let_in: bool
    active_s: float
    """The time by the monotonic clock at which it last sent something or was answered."""

    @property
    def is_answering(self) -> bool:
        """Tell whether it waits for us: who sends no more of a body is as idle as any other."""

    def cut(self) -> None:
        """Close it whatever is under way."""


class Visitors:
    """At most `most` connections; one address has half of them that nobody was let in on.

    A new one takes the place of the longest idle that nobody was let in on; where there is none
    it is not taken in. Who was let in keeps its place. This host's own address has no share of
    its own: behind a proxy all come from there.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._share = max(1, most // 2)
        self._clock = clock
        self._open: set[Visitor] = set()

    def enter(self, visitor: Visitor) -> bool:
        """Take a connection in, where need be in another's place; False where none goes."""
        strangers = [one for one in self._open if not one.let_in]
        place = place_of(visitor.address)
        of_its_place = [one for one in strangers if place_of(one.address) == place]
        if len(of_its_place) >= self._share and not _is_this_host(visitor.address):
            has_room = self._send_away(of_its_place, SETTLE_S)
        elif len(self._open) >= self._most:
            has_room = self._send_away(strangers, 0.0)
        else:
            has_room = True
        if has_room:
            self._open.add(visitor)
        return has_room

    def leave(self, visitor: Visitor) -> None:
        """Forget a connection that ended."""
        self._open.discard(visitor)

    def _send_away(self, candidates: list[Visitor], settle_s: float) -> bool:
        idle = [one for one in candidates if not one.is_answering]
        longest = min(idle, key=lambda one: one.active_s, default=None)
        if longest is None or self._clock() - longest.active_s < settle_s:
            return False
        self._open.discard(longest)
        longest.cut()
        return True


def _is_this_host(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
