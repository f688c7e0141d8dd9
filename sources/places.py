"""Where a peer or a user comes from: what counts as one place.

A place is an address, or of IPv6 the network of 64 bits that it is in, whose addresses a single
host uses by turns.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=20_000)
def origin_of(ip: str) -> str:
    """The place that an address is at."""
    if ":" not in ip:
        return ip
    try:
        address = ipaddress.IPv6Address(ip)
    except ValueError:
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    zone = f"%{address.scope_id}" if address.scope_id else ""
    prefix = ipaddress.IPv6Network((int(address), 64), strict=False)
    return f"{prefix}{zone}"
