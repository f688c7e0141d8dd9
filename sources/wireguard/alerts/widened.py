"""Which addresses a list of allowed IPs covers that another does not."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
WHOLE = ("0.0.0.0/0", "::/0")


def widened(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """The networks of `new` that are not wholly within `old`."""
    fresh = sorted(set(new) - set(old))
    if not fresh:
        return ()
    covered = _collapsed(old)
    return tuple(text for text in fresh if not _is_within(text, covered))


def overlaps(lost: Sequence[str], added: Sequence[str]) -> bool:
    """Whether anything of `lost` is also in `added`."""
    return any(_is_within(text, _networks(added)) for text in lost) or any(
        _is_within(text, _networks(lost)) for text in added
    )


def is_whole(allowed_ips: Iterable[str]) -> bool:
    """Whether all addresses there are, of one family, are among these."""
    return any(text in WHOLE for text in allowed_ips)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None  # an agent may report anything


def _networks(texts: Iterable[str]) -> set[Network]:
    return {network for text in texts if (network := _network(text)) is not None}


def _collapsed(texts: Iterable[str]) -> set[Network]:
    """As few networks as possible: two halves are one whole."""
    networks = _networks(texts)
    four = [one for one in networks if isinstance(one, ipaddress.IPv4Network)]
    six = [one for one in networks if isinstance(one, ipaddress.IPv6Network)]
    return {*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)}


def _is_within(text: str, networks: set[Network]) -> bool:
    network = _network(text)
    if network is None or not networks:
        return False
    return any(
        network.supernet(new_prefix=length) in networks for length in range(network.prefixlen + 1)
    )
