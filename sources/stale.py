"""Alert about a source that sees nothing any more, and jumps of the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from domain.alert_kinds import SOURCE_STALE, AlertTerms
from domain.events import Event
from domain.safe import safe
from domain.settings import DAY_MS
from sources.events import alert, whole_second

LEAST_MS = 30_000
"""Least jump: a smaller difference is a clock that NTP corrects."""

INTERVALS = 3
"""Polls that a source with a long interval may miss."""

_NO_FACTS = ("params", "suppress_until", "updated")

_ERROR_LIMIT = 500


class ClockJumps:
    """Jumps of the wall clock, measured by the monotonic clock."""

    def __init__(self, monotonic: Callable[[], float], now_ms: int) -> None:
        self._monotonic = monotonic
        self._offset_ms = self._offset(now_ms)

    def since(self, now_ms: int) -> int:
        """Return the jump since the last call in milliseconds, negative if back, 0 for none."""
        offset_ms = self._offset(now_ms)
        jump_ms = offset_ms - self._offset_ms
        if abs(jump_ms) < LEAST_MS:
            return 0
        self._offset_ms = offset_ms
        return jump_ms

    def _offset(self, now_ms: int) -> int:
        return now_ms - int(self._monotonic() * 1000)


class StaleSource(msgspec.Struct, frozen=True):
    """Source without a good poll: since when, why, and the host that it polls."""

    source: str
    since_ms: int
    error: str
    host_params: Mapping[str, str]


class StaleAlerts:
    """Alerts `source_stale`, one for a source until its time is over.

    `jumps` returns the jump of the wall clock since its last call: times before a jump cannot be
    compared with times after it, so the watch begins anew.
    """

    def __init__(
        self,
        alerts: Mapping[str, AlertTerms],
        watching_ms: int,
        jumps: Callable[[int], int] = lambda _: 0,
    ) -> None:
        self._alerts = alerts
        self._watching_ms = watching_ms
        self._jumps = jumps
        self._until_ms: dict[str, int] = {}

    @property
    def _terms(self) -> AlertTerms:
        return self._alerts[SOURCE_STALE]

    def patience_ms(self, every_ms: int) -> int:
        """Return how long a source of this interval may see nothing."""
        return max(self._terms.number("after"), INTERVALS * every_ms)

    def is_stale(self, since_ms: int, every_ms: int, now_ms: int) -> bool:
        """Return whether a source sees nothing for too long, counted from our start on."""
        self._follow_the_clock(now_ms)
        # A good look of later than now was before the clock was set back.
        known_ms = since_ms if since_ms < now_ms + LEAST_MS else 0
        return now_ms - max(known_ms, self._watching_ms) > self.patience_ms(every_ms)

    @contextmanager
    def alert(self, stale: StaleSource, now_ms: int) -> Iterator[Event | None]:
        """Yield the alert about a source, None where its kind is off or it was raised before.

        It counts as raised only when the block that saves it has ended well.
        """
        self._follow_the_clock(now_ms)
        if not self._terms.active or now_ms < self._until_ms.get(stale.source, 0):
            yield None
            return
        yield self._event(stale, now_ms)
        self._until_ms[stale.source] = now_ms + (self._terms.suppress_ms or DAY_MS)

    def _follow_the_clock(self, now_ms: int) -> None:
        if jump_ms := self._jumps(now_ms):
            self._watching_ms = now_ms
            self._until_ms = {name: until + jump_ms for name, until in self._until_ms.items()}

    def _event(self, stale: StaleSource, now_ms: int) -> Event:
        """Return the alert; after a restart the same silence has the same id."""
        turn = (now_ms - stale.since_ms) // (self._terms.suppress_ms or DAY_MS)
        facts = (stale.source, str(stale.since_ms), str(turn))
        params = {
            "error": safe(stale.error, _ERROR_LIMIT),
            "since": whole_second(stale.since_ms),
            "source": stale.source,
            **stale.host_params,
        }
        return alert(
            SOURCE_STALE,
            self._terms,
            now_ms,
            facts,
            params,
            created_given=False,
            no_facts=_NO_FACTS,
        )


def stale_alerts(
    alerts: Mapping[str, AlertTerms], now_ms: int, monotonic: Callable[[], float]
) -> StaleAlerts:
    """Return alerts that watch from now on, and that jumps of the clock do not mislead."""
    return StaleAlerts(alerts, now_ms, ClockJumps(monotonic, now_ms).since)
