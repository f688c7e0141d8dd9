"""Sign-ins over HTTP: reports of them, for events, and the addresses from which too many fail.

Several clients may share an address: one that signs in with success or has a session is let in
from there all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec

from sources.geo import origin_of

MOST_REPORTS = 10
"""Failures of one address that are reported in a minute; more would only fill the store."""

MOST_REPORTS_OF_ALL = 100
"""Failures of all addresses together that are reported in a minute."""

MOST_FAILURES = 20
"""Failures of one address in a window, after which it has to wait for the window's end."""

WINDOW_S = 60.0
MOST_ADDRESSES = 10_000
"""Addresses that are remembered; the oldest is forgotten for a new one."""

_MINUTE_MS = 60_000


class HttpSignIn(msgspec.Struct, frozen=True):
    """Sign-in over HTTP, or a try at one.

    kind:   "token" or "X-Custos"
    ip:     the address that the connection came from
    url:    the path of the request
    user:   the name of the token or the id of the agent, "" where it is not known
    host:   the name of the agent's host or of the broker, "" where it is not known
    errors: why it failed, such as ("unknown token",)
    """

    kind: str
    ok: bool
    ip: str
    url: str
    user: str
    errors: tuple[str, ...] = ()
    host: str = ""


ReportSignIn = Callable[[HttpSignIn], Awaitable[None]]


class LimitedReports:
    """Reports of sign-ins, but of failures only so many a minute."""

    def __init__(self, report: ReportSignIn, clock: Callable[[], int]) -> None:
        self._report = report
        self._clock = clock
        self._minute = -1
        self._counts: Counter[str] = Counter()

    async def __call__(self, sign_in: HttpSignIn) -> None:
        """Report a sign-in, unless there were too many failures in this minute."""
        if sign_in.ok or self._has_room(sign_in.ip):
            await self._report(sign_in)

    def _has_room(self, ip: str) -> bool:
        minute = self._clock() // _MINUTE_MS
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        if self._counts.total() >= MOST_REPORTS_OF_ALL or self._counts[ip] >= MOST_REPORTS:
            return False
        self._counts[ip] += 1
        return True


class FailedAddresses:
    """Counts failures by address, those of IPv6 by their network of 64 bits."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._counts: dict[str, tuple[float, int]] = {}

    def wait_s(self, address: str) -> float:
        """Return for how many seconds an address may not try again; 0 where it may now."""
        until, count = self._counts.get(origin_of(address), (0.0, 0))
        return max(0.0, until - self._monotonic()) if count >= MOST_FAILURES else 0.0

    def add(self, address: str) -> None:
        """Count one more failure."""
        place = origin_of(address)
        now = self._monotonic()
        until, count = self._counts.pop(place, (0.0, 0))
        if until <= now:
            until, count = now + WINDOW_S, 0
        self._counts[place] = (until, count + 1)
        if len(self._counts) > MOST_ADDRESSES:
            del self._counts[next(iter(self._counts))]
