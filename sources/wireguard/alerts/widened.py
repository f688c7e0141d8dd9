"""Which addresses a list of allowed IPs covers that another does not, and who had them before.

Networks nest or are apart, so that sorted by their first address those within one follow it, and
those around it are found by their lengths.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
WHOLE: frozenset[IPNetwork] = frozenset(map(ipaddress.ip_network, ("0.0.0.0/0", "::/0")))

_MOST_STEPS = 500_000
"""Networks that one look goes through to find who lost them."""


class Network(NamedTuple):
    """A network as numbers, in the order of first addresses."""

    version: int
    first: int
    length: int

    @property
    def bits(self) -> int:
        """How many bits the addresses of this version have."""
        return 32 if self.version == 4 else 128

    @property
    def after(self) -> int:
        """The first address behind it."""
        return self.first + (1 << (self.bits - self.length))

    def around(self, length: int) -> Network:
        """The network of this length that it lies in."""
        hidden = self.bits - length
        return Network(self.version, self.first >> hidden << hidden, length)


def fresh(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """The networks of `new` that are not listed in `old`, be they within it."""
    return tuple(sorted(set(new) - set(old)))


def widened(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """The networks of `new` that are not wholly within `old`."""
    added = fresh(old, new)
    if not added:
        return ()
    covered = {_numbers(network) for network in _collapsed(old)}
    lengths = {network.length for network in covered}
    return tuple(text for text in added if not _is_within(text, covered, lengths))


def becomes_whole(old: Iterable[str], new: Iterable[str]) -> bool:
    """Whether `new` has all addresses there are, of a family of which `old` has not."""
    whole = WHOLE & _collapsed(new)
    return bool(whole) and bool(whole - _collapsed(old))


class Losses:
    """What peers of one interface have lost at one look, to be found by what others got."""

    def __init__(self, losses: Iterable[tuple[str, Iterable[str]]]) -> None:
        found = sorted(
            (network, peer)
            for peer, texts in losses
            for text in texts
            if (network := _network(text)) is not None
        )
        self._networks = [network for network, _ in found]
        self._peers = [peer for _, peer in found]
        self._lengths = sorted({(one.version, one.length) for one in self._networks})
        self._steps_left = _MOST_STEPS

    def taken(
        self, peer: str, old: Iterable[str], added: Iterable[str], most: int
    ) -> dict[str, set[str]]:
        """Of the networks added to this peer those that others lost, with these, so many at most.

        What others had around a network of its old list was its own already.
        """
        own = {network for text in old if (network := _network(text)) is not None}
        own_lengths = sorted({network.length for network in own}, reverse=True)
        found: dict[str, set[str]] = {}
        losers: set[str] = set()
        for text, loser in self._steps(added, own, own_lengths):
            if loser != peer:
                found.setdefault(text, set()).add(loser)
                losers.add(loser)
            if len(losers) == most:
                break
        return found

    def _steps(
        self, added: Iterable[str], own: Collection[Network], own_lengths: Sequence[int]
    ) -> Iterator[tuple[str, str]]:
        for text in added:
            network = _network(text)
            if network is None:
                continue
            for place in self._places(network, _longest_around(network, own, own_lengths)):
                if not self._steps_left:
                    return
                self._steps_left -= 1
                yield text, self._peers[place]

    def _places(self, network: Network, longer_than: int) -> Iterator[int]:
        """Where the networks around this one stand, and then those within it."""
        for version, length in self._lengths:
            if version == network.version and longer_than < length < network.length:
                yield from self._equal(network.around(length))
        start = bisect_left(self._networks, network)
        behind = Network(network.version, network.after, 0)
        end = bisect_left(self._networks, behind, lo=start)
        yield from range(start, end)

    def _equal(self, network: Network) -> Iterator[int]:
        start = bisect_left(self._networks, network)
        for place in range(start, len(self._networks)):
            if self._networks[place] != network:
                return
            yield place


def _longest_around(
    network: Network, networks: Collection[Network], lengths_down: Iterable[int]
) -> int:
    """The length of the smallest of these networks that this one lies in, -1 without one."""
    lengths = (one for one in lengths_down if one <= network.length)
    return next((one for one in lengths if network.around(one) in networks), -1)


def _network(text: str) -> Network | None:
    network = _ip_network(text)
    return None if network is None else _numbers(network)


def _numbers(network: IPNetwork) -> Network:
    return Network(network.version, int(network.network_address), network.prefixlen)


def _ip_network(text: str) -> IPNetwork | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None  # an agent may report anything


def _collapsed(texts: Iterable[str]) -> set[IPNetwork]:
    """As few networks as possible: two halves are one whole."""
    networks = {network for text in texts if (network := _ip_network(text)) is not None}
    four = [one for one in networks if isinstance(one, ipaddress.IPv4Network)]
    six = [one for one in networks if isinstance(one, ipaddress.IPv6Network)]
    return {*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)}


def _is_within(text: str, networks: Collection[Network], lengths: Collection[int]) -> bool:
    network = _network(text)
    if network is None:
        return False
    return any(network.around(one) in networks for one in lengths if one <= network.length)
