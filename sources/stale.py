"""Stale sources: the alert that a source sees nothing, and clocks that jump."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from domain.alert_kinds import SOURCE_STALE, AlertTerms
from domain.event_types import EventType
from domain.events import Event
from domain.ids import event_id_from_facts
from domain.safe import safe
from domain.settings import DAY_MS
from domain.times import rfc3339

LEAST_MS = 30_000
"""What differs by less is a clock that NTP corrects."""


class ClockJumps:
    """By how much the wall clock has jumped since it was last asked."""

    def __init__(self, monotonic: Callable[[], float], now_ms: int) -> None:
        self._monotonic = monotonic
        self._offset_ms = self._offset(now_ms)

    def since(self, now_ms: int) -> int:
        """The jump in milliseconds, negative where the clock was set back, 0 for none."""
        offset_ms = self._offset(now_ms)
        jump_ms = offset_ms - self._offset_ms
        if abs(jump_ms) < LEAST_MS:
            return 0
        self._offset_ms = offset_ms
        return jump_ms

    def _offset(self, now_ms: int) -> int:
        return now_ms - int(self._monotonic() * 1000)


def no_jump(_now_ms: int) -> int:
    """Of a clock that nobody sets."""
    return 0


INTERVALS = 3
"""A source that looks seldom may miss so many looks."""

_NO_FACTS = ("params", "suppress_until", "updated")
_ERROR_LIMIT = 500
_encoder = msgspec.json.Encoder(order="sorted")


class StaleSource(msgspec.Struct, frozen=True):
    """A source without a good look: since when, why, and what it looks at."""

    source: str
    since_ms: int
    error: str
    whose: Mapping[str, str]


class StaleAlerts:
    """Raises `source_stale`, once for a source until its time is over.

    `jumps` tells by how much the wall clock jumped since it was last asked: what was before a
    jump cannot be compared with what is after it, so we begin to watch anew.
    """

    def __init__(
        self,
        alerts: Mapping[str, AlertTerms],
        watching_ms: int,
        jumps: Callable[[int], int] = no_jump,
    ) -> None:
        self._alerts = alerts
        self._watching_ms = watching_ms
        self._jumps = jumps
        self._until_ms: dict[str, int] = {}

    @property
    def _terms(self) -> AlertTerms:
        return self._alerts[SOURCE_STALE]

    def patience_ms(self, every_ms: int) -> int:
        """How long a source may see nothing that looks so often."""
        return max(self._terms.number("after"), INTERVALS * every_ms)

    def is_stale(self, since_ms: int, every_ms: int, now_ms: int) -> bool:
        """Whether it sees nothing for too long. Before we began nobody could look."""
        self._follow_the_clock(now_ms)
        # A good look of later than now was before the clock was set back.
        known_ms = since_ms if since_ms < now_ms + LEAST_MS else 0
        return now_ms - max(known_ms, self._watching_ms) > self.patience_ms(every_ms)

    @contextmanager
    def telling(self, blind: StaleSource, now_ms: int) -> Iterator[Event | None]:
        """The alert about a source that is stale, None where its kind is off or it was told.

        It counts as told only when the block that saves it has ended well.
        """
        self._follow_the_clock(now_ms)
        if not self._terms.active or now_ms < self._until_ms.get(blind.source, 0):
            yield None
            return
        yield self._event(blind, now_ms)
        self._until_ms[blind.source] = now_ms + (self._terms.suppress_ms or DAY_MS)

    def _follow_the_clock(self, now_ms: int) -> None:
        if jump_ms := self._jumps(now_ms):
            self._watching_ms = now_ms
            self._until_ms = {name: until + jump_ms for name, until in self._until_ms.items()}

    def _event(self, blind: StaleSource, now_ms: int) -> Event:
        """After a new start the same blindness has the same id, as often as it may be told."""
        created = rfc3339(now_ms // 1000 * 1000)
        turn = (now_ms - blind.since_ms) // (self._terms.suppress_ms or DAY_MS)
        facts = f"{SOURCE_STALE}\0{blind.source}\0{blind.since_ms}\0{turn}"
        event_id = event_id_from_facts(EventType.ALERTS, facts.encode())
        attributes = {
            "created": created,
            "danger": self._terms.danger,
            "params": {
                "error": safe(blind.error, _ERROR_LIMIT),
                "since": rfc3339(blind.since_ms // 1000 * 1000),
                "source": blind.source,
                **blind.whose,
            },
            "suppress_until": self._terms.suppress_until(now_ms),
            "type": SOURCE_STALE,
            "updated": created,
        }
        body = {"attributes": attributes, "id": event_id, "type": EventType.ALERTS.value}
        return Event(EventType.ALERTS, event_id, _encoder.encode(body), False, _NO_FACTS)


def stale_alerts(
    alerts: Mapping[str, AlertTerms], now_ms: int, monotonic: Callable[[], float]
) -> StaleAlerts:
    """Those of who watches from now on, and is not misled by jumps of the clock."""
    return StaleAlerts(alerts, now_ms, ClockJumps(monotonic, now_ms).since)
