"""Alerts about a peer with far more traffic than usual.

The traffic of an hour is remembered as one character, whose order is that of the amounts: each
stands for half as much again as the one before, which is near enough for many times the usual.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sources.wireguard.alert_memory import Usage
from sources.wireguard.alerts.suppression import AlertWriter, Subject
from sources.wireguard.snapshot import Peer

HOUR_S = 3_600
HOURS_A_DAY = 24
DAYS = 7
_SPREAD = 64
_KIND = "endpoint_traffic_spike"
_FIRST = ord("#")
_HIGHEST = ord("~") - _FIRST


def level(amount: int) -> str:
    """Return the character that stands for so many bytes."""
    if amount <= 0:
        return chr(_FIRST)
    doublings = amount.bit_length() - 1
    half = (amount >> max(doublings - 1, 0)) & 1 if doublings else 0
    return chr(_FIRST + min(1 + 2 * doublings + half, _HIGHEST))


def amount_of(character: str) -> int:
    """Return the least number of bytes that a character stands for."""
    number = ord(character) - _FIRST
    if number <= 0:
        return 0
    doublings, half = divmod(number - 1, 2)
    return (1 << doublings) + (half << doublings >> 1)


class Past(NamedTuple):
    """Past traffic of an endpoint in one direction, one character for an hour or a day.

    hours: the hours since a day was over, fewer than 24
    days:  the median of the hours of each of the seven days before
    """

    hours: str = ""
    days: str = ""

    @property
    def usual(self) -> int:
        """Return an hour's usual traffic: the median of days' medians, else of today's hours."""
        return amount_of(_median(self.days or self.hours))

    def after(self, moved: int) -> Past:
        """Return the past after another hour with so much traffic."""
        hours = self.hours + level(moved)
        if len(hours) < HOURS_A_DAY:
            return Past(hours, self.days)
        return Past("", (self.days + _median(hours))[-DAYS:])


def read_history(text: str) -> tuple[Past, Past]:
    """Return the past of received and of sent traffic."""
    rx_hours, rx_days, tx_hours, tx_days = text.split(" ") if text else ("", "", "", "")
    return Past(rx_hours, rx_days), Past(tx_hours, tx_days)


def write_history(rx: Past, tx: Past) -> str:
    """Return the text that `read_history` reads: no amount is written as a blank."""
    return " ".join((*rx, *tx))


def phase_s(key: str) -> int:
    """Return the seconds by which an endpoint's hours are shifted, so that they end apart."""
    return (ord(key[0]) * _SPREAD + ord(key[1])) % HOUR_S


class TrafficAlerts:
    """Alerts of one poll about the traffic of endpoints."""

    def __init__(self, writer: AlertWriter, before_ms: int | None) -> None:
        self._writer = writer
        self.now_s = writer.now_ms // 1000
        self._gap = before_ms is None or not 0 <= writer.now_ms - before_ms <= HOUR_S * 1000
        terms = writer.terms(_KIND)
        self.least = terms.number("least")
        """Bytes in an hour that are never too many."""
        self._times = terms.number("times")
        self._learning_ms = terms.number("learning")

    def next_hour(self, usage: Usage, was: Peer, peer: Peer) -> Usage:
        """Return the usage in a new hour. Traffic in a time without polls belongs to no hour."""
        hours = (self.now_s - usage.hour_ends_s) // HOUR_S + 1
        ends_s = usage.hour_ends_s + HOUR_S * hours
        if self._gap:
            return msgspec.structs.replace(usage, hour_ends_s=ends_s, rx=peer.rx, tx=peer.tx)
        rx, tx = read_history(usage.history)
        history = write_history(rx.after(was.rx - usage.rx), tx.after(was.tx - usage.tx))
        return msgspec.structs.replace(
            usage, hour_ends_s=ends_s, rx=was.rx, tx=was.tx, history=history
        )

    def after_restart(self, usage: Usage, was: Peer | None) -> Usage:
        """Return the usage after the counters began anew: the hour of a known peer goes on."""
        rx, tx = (usage.rx - was.rx, usage.tx - was.tx) if was else (0, 0)
        return msgspec.structs.replace(usage, rx=rx, tx=tx)

    def write(self, usage: Usage, subject: Subject, peer: Peer) -> None:
        """Raise an alert if an endpoint has too much traffic in this hour."""
        rx, tx = read_history(usage.history)
        for direction, known, moved in (
            ("received", rx.usual, peer.rx - usage.rx),
            ("sent", tx.usual, peer.tx - usage.tx),
        ):
            if moved > max(self.least, self._times * known):
                learns = self._writer.now_ms - usage.since_s * 1000 < self._learning_ms
                params = {"bytes": moved, "direction": direction, "usual": known}
                danger = 1 if learns else None
                self._writer.write(_KIND, subject, params, value=direction, danger=danger)


def _median(characters: str) -> str:
    return sorted(characters)[len(characters) // 2] if characters else chr(_FIRST)
