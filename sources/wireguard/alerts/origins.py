"""Alerts about the origin of a peer's traffic.

A peer has an origin once traffic came from there: an address that an admin has set is none. The age
of an origin counts only observed time: after a break, or when the clock is set, no origin has
become an unusual one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from domain.options import SettingValue
from sources.geo import Locate, Location, origin_of
from sources.wireguard.alert_memory import LeftOrigin, Observation, Usage
from sources.wireguard.alerts.suppression import AlertWriter, Subject

MOST_USED = 64
"""Remembered origins of an endpoint, and as many networks and countries."""

MOST_LEFT = 16
REFRESH_S = 3600
"""Seconds after which the use of an origin is noted again."""

DAY_S = 86_400
_FIRST_USE = "endpoint_ip_first_use"
_FIRST_USE_ASN = "endpoint_ip_first_use_asn"
_FIRST_USE_COUNTRY = "endpoint_ip_first_use_country"
_SUSPICIOUS = "endpoint_ip_suspicious"
_FLAPPING = "endpoint_ip_flapping"


class _History(NamedTuple):
    """Origins of an endpoint before, and since when it is known."""

    used: Mapping[str, int]
    since_s: int


class OriginAlerts:
    """Alerts of one poll about the origins of endpoints."""

    def __init__(self, writer: AlertWriter, locate: Locate, watch: Observation) -> None:
        self._writer = writer
        self._locate = locate
        self._now_s = writer.now_ms // 1000
        self._seen_s = watch.observed_s(writer.now_ms)
        self._within_ms = writer.terms(_FLAPPING).number("within")

    def first_seen(self, usage: Usage, ip: str, *, noted_s: int) -> Usage:
        """Return the usage of an endpoint that had an origin before, without an alert."""
        used = dict.fromkeys((origin_of(ip), *_where(self._locate(ip))), self._seen_s)
        return msgspec.structs.replace(usage, ip=ip, noted_s=noted_s, used=write_used(used))

    def after_traffic(self, usage: Usage, subject: Subject, ip: str) -> Usage:
        """Return the usage after traffic came from an address."""
        was, origin = origin_of(usage.ip), origin_of(ip)
        if origin == was and 0 <= self._now_s - usage.noted_s < REFRESH_S:
            return msgspec.structs.replace(usage, ip=ip)
        location = self._locate(ip)
        self._write_suspicious(subject, ip, origin, location)
        known = _History(read_used(usage.used), usage.since_s)
        self._write_first_uses(known, subject, ip, origin, location)
        left = usage.left
        if was not in ("", origin):
            left = self._moved(usage.left, subject, was, origin)
        used = self._now_used(known.used, (origin, *_where(location)))
        return msgspec.structs.replace(
            usage, ip=ip, noted_s=self._now_s, used=write_used(used), left=left
        )

    def _write_first_uses(
        self, known: _History, subject: Subject, ip: str, origin: str, location: Location | None
    ) -> None:
        known_ips = sum(map(_is_address, known.used))
        params: dict[str, Any] = {"ip": ip}
        self._write_first(_FIRST_USE, known, subject, origin, {**params, "known_ips": known_ips})
        if location is None:
            return
        if location.asn is not None:
            asn = {"asn": location.asn, "as_name": location.as_name}
            value = f"AS{location.asn}"
            self._write_first(_FIRST_USE_ASN, known, subject, value, params | asn)
        if location.country:
            country = {"country": location.country, "country_name": location.country_name}
            value = location.country
            self._write_first(_FIRST_USE_COUNTRY, known, subject, value, params | country)

    def _write_first(
        self, kind: str, known: _History, subject: Subject, value: str, params: Mapping[str, Any]
    ) -> None:
        """Raise an alert about a first use; an endpoint without an origin has no first use."""
        terms = self._writer.terms(kind)
        kept_s = terms.number("kept") // 1000
        last_s = known.used.get(value)
        is_recent = last_s is not None and self._seen_s - last_s <= kept_s
        if is_recent or not any(_kind_of(other) == _kind_of(value) for other in known.used):
            return
        learns = 0 <= self._now_s - known.since_s < terms.number("learning") // 1000
        days = kept_s // DAY_S
        self._writer.write(
            kind,
            subject,
            {**params, "days": days},
            value=value,
            danger=1 if learns else terms.danger,
        )

    def _write_suspicious(
        self, subject: Subject, ip: str, origin: str, location: Location | None
    ) -> None:
        good = self._writer.terms(_SUSPICIOUS).numbers["good"]
        if not isinstance(good, tuple) or not good or is_good(good, ip, location):
            return
        found = location or Location()
        params = {"ip": ip, "country": found.country or None, "asn": found.asn}
        self._writer.write(_SUSPICIOUS, subject, params, value=origin)

    def _moved(
        self, before: tuple[LeftOrigin, ...], subject: Subject, was: str, origin: str
    ) -> tuple[LeftOrigin, ...]:
        """Return the origins left lately, after a move; a return to a recent one is flapping."""
        now_ms = self._writer.now_ms
        lately = tuple(left for left in before if 0 <= now_ms - left.at_ms <= self._within_ms)
        back = next((left for left in reversed(lately) if left.origin == origin), None)
        left = (*lately, LeftOrigin(was, now_ms))[-MOST_LEFT:]
        if back is not None:
            newest_first = dict.fromkeys((origin, *(recent.origin for recent in reversed(left))))
            params = {
                "ips": list(newest_first)[::-1],
                "changes": len(left),
                "seconds": (now_ms - back.at_ms) // 1000,
            }
            pair = " ".join(sorted((was, origin)))
            self._writer.write(_FLAPPING, subject, params, value=pair)
        return left

    def _now_used(self, used: Mapping[str, int], values: Iterable[str]) -> Mapping[str, int]:
        """Return the used origins, with these as of now; those used longest ago make room."""
        after = {**used, **dict.fromkeys(values, self._seen_s)}
        if len(after) <= MOST_USED:
            return after
        newest: dict[str, int] = {}
        room = dict.fromkeys(("origin", "network", "country"), MOST_USED)
        for value, last_s in sorted(after.items(), key=lambda item: -item[1]):
            kind = _kind_of(value)
            if room[kind]:
                room[kind] -= 1
                newest[value] = last_s
        return newest


def read_used(text: str) -> dict[str, int]:
    """Return the origins, networks and countries of a usage, with the second of their last use."""
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def write_used(used: Mapping[str, int]) -> str:
    """Return the text that `read_used` reads."""
    return " ".join(f"{value} {second}" for value, second in used.items())


def is_good(good: tuple[str, ...], ip: str, location: Location | None) -> bool:
    """Return whether an address is in one of the good networks or countries."""
    networks, names = _split_good(good)
    if not names.isdisjoint(_where(location)):
        return True
    try:
        address = ipaddress.ip_address(origin_of(ip) if "." in ip else ip)
    except ValueError:
        return False
    return any(address in network for network in networks)


@lru_cache(maxsize=8)
def _split_good(
    good: tuple[SettingValue, ...],
) -> tuple[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], frozenset[str]]:
    texts = [text for text in good if isinstance(text, str)]
    addresses = [text for text in texts if _is_address(text)]
    networks = tuple(ipaddress.ip_network(text, strict=False) for text in addresses)
    return networks, frozenset(texts) - frozenset(addresses)


def _where(location: Location | None) -> tuple[str, ...]:
    """Return the network and the country of an address, in the form of the memory."""
    if location is None:
        return ()
    network = "" if location.asn is None else f"AS{location.asn}"
    return tuple(filter(None, (network, location.country)))


def _is_address(value: str) -> bool:
    return "." in value or ":" in value


def _kind_of(value: str) -> str:
    if _is_address(value):
        return "origin"
    return "network" if value.startswith("AS") and len(value) > 2 else "country"
