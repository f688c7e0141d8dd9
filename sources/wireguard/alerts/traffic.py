"""Alerts about a peer that moves far more than usual.

How much an hour saw is remembered as one character, whose order is that of the amounts: each
stands for half as much again as the one before, which is near enough for many times the usual.
"""

from __future__ import annotations

import msgspec

from sources.wireguard.alerts.memory import Traffic, Usage
from sources.wireguard.alerts.telling import Subject, Teller
from sources.wireguard.snapshot import Peer

HOUR_MS = 3_600_000
HOURS_A_DAY = 24
DAYS = 7
_KIND = "endpoint_traffic_spike"
_FIRST = ord("#")
_HIGHEST = ord("~") - _FIRST


def level(amount: int) -> str:
    """The character that stands for so many bytes."""
    if amount <= 0:
        return chr(_FIRST)
    doublings = amount.bit_length() - 1
    half = (amount >> max(doublings - 1, 0)) & 1 if doublings else 0
    return chr(_FIRST + min(1 + 2 * doublings + half, _HIGHEST))


def amount_of(character: str) -> int:
    """The least number of bytes that a character stands for."""
    number = ord(character) - _FIRST
    if number <= 0:
        return 0
    doublings, half = divmod(number - 1, 2)
    return (1 << doublings) + (half << doublings >> 1)


def usual(traffic: Traffic) -> int:
    """What an hour usually sees: the median of the days' medians, else of today's hours."""
    return amount_of(_median(traffic.days or traffic.hours))


class TrafficAlerts:
    """What one look says of the traffic of endpoints."""

    def __init__(self, teller: Teller, before_ms: int | None) -> None:
        self._teller = teller
        self.hour = teller.now_ms // HOUR_MS
        self._gap = before_ms is None or not 0 <= teller.now_ms - before_ms <= HOUR_MS
        terms = teller.terms(_KIND)
        self._least = terms.number("least")
        self._times = terms.number("times")
        self._learning_ms = terms.number("learning")

    @property
    def least(self) -> int:
        """Bytes in an hour that are never too many."""
        return self._least

    def next_hour(self, usage: Usage, was: Peer, peer: Peer) -> Usage:
        """The usage in a new hour. What moved in a time without looks belongs to no hour."""
        day_is_over = usage.hour // HOURS_A_DAY != self.hour // HOURS_A_DAY
        return msgspec.structs.replace(
            usage,
            hour=self.hour,
            rx=self._rolled(usage.rx, was.rx, peer.rx, day_is_over),
            tx=self._rolled(usage.tx, was.tx, peer.tx, day_is_over),
        )

    def _rolled(self, traffic: Traffic, was: int, now: int, day_is_over: bool) -> Traffic:
        if self._gap:
            return msgspec.structs.replace(traffic, base=now)
        hours = (traffic.hours + level(was - traffic.base))[-HOURS_A_DAY:]
        base = was if was <= now else 0
        if not day_is_over:
            return Traffic(base, hours, traffic.days)
        return Traffic(base, "", (traffic.days + _median(hours))[-DAYS:])

    def restarted(self, usage: Usage, was: Peer | None) -> Usage:
        """The usage after the counters began anew: the hour goes on, if it was there before."""
        rx, tx = (usage.rx.base - was.rx, usage.tx.base - was.tx) if was else (0, 0)
        return msgspec.structs.replace(
            usage,
            rx=msgspec.structs.replace(usage.rx, base=rx),
            tx=msgspec.structs.replace(usage.tx, base=tx),
        )

    def tell(self, usage: Usage, subject: Subject, peer: Peer) -> None:
        """Tell if an endpoint moves too much in this hour."""
        for direction, traffic, total in (
            ("received", usage.rx, peer.rx),
            ("sent", usage.tx, peer.tx),
        ):
            moved = total - traffic.base
            known = usual(traffic)
            if moved > max(self._least, self._times * known):
                learns = self._teller.now_ms - usage.since_s * 1000 < self._learning_ms
                params = {"bytes": moved, "direction": direction, "usual": known}
                danger = 1 if learns else None
                self._teller.tell(_KIND, subject, params, value=direction, danger=danger)


def _median(characters: str) -> str:
    return sorted(characters)[len(characters) // 2] if characters else chr(_FIRST)
