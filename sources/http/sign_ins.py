"""What is told of each sign-in over HTTP, so that it can become an event of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignIn:
    """Someone signed in, or tried to.

    kind:   how, "token" or "X-Custos"
    ip:     the address that the connection came from
    url:    the path that was asked for
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


ReportSignIn = Callable[[SignIn], Awaitable[None]]


async def report_nothing(_: SignIn) -> None:
    """Where nobody wants to hear of sign-ins."""


MOST_FAILURES = 10
"""Failures of one address that are told of in a minute; more would only fill the store."""

MOST_FAILURES_OF_ALL = 100
_MINUTE_MS = 60_000


class FewFailures:
    """Passes sign-ins on, but of failures only so many a minute."""

    def __init__(self, report: ReportSignIn, clock: Callable[[], int]) -> None:
        self._report = report
        self._clock = clock
        self._minute = -1
        self._counts: Counter[str] = Counter()

    async def __call__(self, sign_in: SignIn) -> None:
        """Tell of a sign-in, unless there were too many failures in this minute."""
        if sign_in.ok or self._has_room(sign_in.ip):
            await self._report(sign_in)

    def _has_room(self, ip: str) -> bool:
        minute = self._clock() // _MINUTE_MS
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        if self._counts.total() >= MOST_FAILURES_OF_ALL or self._counts[ip] >= MOST_FAILURES:
            return False
        self._counts[ip] += 1
        return True
