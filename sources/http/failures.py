"""Who failed to sign in too often lately. It is counted by address, and others may share that, so
whoever signs in well or has a session is let in all the same."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

MOST = 20
"""Failures of one address in a window, after which it has to wait for the window's end."""

WINDOW_S = 60.0
MOST_ADDRESSES = 10_000
"""Addresses that are remembered; the oldest is forgotten for a new one."""

_SITE_PREFIX = 64  # whoever has an IPv6 address has as many as he likes below this


class Failures:
    """Counts failures by address, IPv6 addresses by their network."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._counts: dict[str, tuple[float, int]] = {}

    def wait_s(self, address: str) -> float:
        """How long this address has to wait before it may try again; 0 for now."""
        until, count = self._counts.get(_site(address), (0.0, 0))
        return max(0.0, until - self._monotonic()) if count >= MOST else 0.0

    def add(self, address: str) -> None:
        """One more failure."""
        site = _site(address)
        now = self._monotonic()
        until, count = self._counts.pop(site, (0.0, 0))
        if until <= now:
            until, count = now + WINDOW_S, 0
        self._counts[site] = (until, count + 1)
        if len(self._counts) > MOST_ADDRESSES:
            del self._counts[next(iter(self._counts))]


def _site(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _SITE_PREFIX), strict=False))
