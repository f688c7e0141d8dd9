"""Alerts about configuration: peers that are new, widened or replaced."""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from domain.safe import safe
from sources.wireguard.alerts.suppression import AlertWriter, Subject
from sources.wireguard.changes import INTERFACES, Change
from sources.wireguard.snapshot import Snapshot

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
WHOLE: frozenset[IPNetwork] = frozenset(map(ipaddress.ip_network, ("0.0.0.0/0", "::/0")))

_MOST_STEPS = 500_000
"""Networks that are compared in one poll to find their former owners."""

MOST_LISTED = 50
"""Networks and peers that an alert lists."""

MORE_FOR_ALL = 3
"""Danger that is added for a peer that may use every address from now on."""

_TEXT_LIMIT = 100


class Network(NamedTuple):
    """Network as numbers, in the order of first addresses."""

    version: int
    first: int
    length: int

    @property
    def bits(self) -> int:
        """Return the length of the addresses of this version in bits."""
        return 32 if self.version == 4 else 128

    @property
    def after(self) -> int:
        """Return the first address behind it."""
        return self.first + (1 << (self.bits - self.length))

    def around(self, length: int) -> Network:
        """Return the network of this length that it lies in."""
        hidden = self.bits - length
        return Network(self.version, self.first >> hidden << hidden, length)


def not_listed(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """Return the networks of `new` that are not listed in `old`, even those within one of `old`."""
    return tuple(sorted(set(new) - set(old)))


def widened(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """Return the networks of `new` that are not wholly within `old`."""
    added = not_listed(old, new)
    if not added:
        return ()
    covered = {_numbers(network) for network in _collapsed(old)}
    lengths = {network.length for network in covered}
    return tuple(text for text in added if not _is_within(text, covered, lengths))


def covers_all_addresses(old: Iterable[str], new: Iterable[str]) -> bool:
    """Return whether `new` has all addresses of a version, which `old` has not."""
    whole = WHOLE & _collapsed(new)
    return bool(whole) and bool(whole - _collapsed(old))


class Losses:
    """Networks that peers of one interface have lost at one poll, to find the new owners."""

    def __init__(self, losses: Iterable[tuple[str, Iterable[str]]]) -> None:
        found = sorted(
            (network, peer)
            for peer, texts in losses
            for text in texts
            if (network := _network(text)) is not None
        )
        self._networks = [network for network, _ in found]
        self._peers = [peer for _, peer in found]
        self._lengths = sorted({(network.version, network.length) for network in self._networks})
        self._steps_left = _MOST_STEPS

    def taken(
        self, peer: str, old: Iterable[str], added: Iterable[str], most: int
    ) -> dict[str, set[str]]:
        """Return the networks added to this peer that others lost, with at most `most` such peers.

        Networks around one of its old list were its own already.
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
            for index in self._indexes(network, _longest_around(network, own, own_lengths)):
                if not self._steps_left:
                    return
                self._steps_left -= 1
                yield text, self._peers[index]

    def _indexes(self, network: Network, longer_than: int) -> Iterator[int]:
        """Yield the indexes of the networks around this one, and then of those within it."""
        for version, length in self._lengths:
            if version == network.version and longer_than < length < network.length:
                yield from self._equal(network.around(length))
        start = bisect_left(self._networks, network)
        behind = Network(network.version, network.after, 0)
        end = bisect_left(self._networks, behind, lo=start)
        yield from range(start, end)

    def _equal(self, network: Network) -> Iterator[int]:
        start = bisect_left(self._networks, network)
        for index in range(start, len(self._networks)):
            if self._networks[index] != network:
                return
            yield index


def _longest_around(
    network: Network, networks: Collection[Network], lengths_down: Iterable[int]
) -> int:
    """Return the length of the smallest of these networks around this one, -1 without one."""
    lengths = (length for length in lengths_down if length <= network.length)
    return next((length for length in lengths if network.around(length) in networks), -1)


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
    """Return as few networks as possible: two halves of a network become that one."""
    networks = {network for text in texts if (network := _ip_network(text)) is not None}
    four = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return {*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)}


def _is_within(text: str, networks: Collection[Network], lengths: Collection[int]) -> bool:
    network = _network(text)
    if network is None:
        return False
    return any(network.around(length) in networks for length in lengths if length <= network.length)


@dataclass(frozen=True)
class ChangeAlerts:
    """Alerts about the changes of one poll."""

    writer: AlertWriter
    snapshot: Snapshot
    changes: Sequence[Change]

    def write(self) -> None:
        """Raise the alerts that follow from the changes."""
        for change in self.changes:
            if change.resource == INTERFACES:
                self._of_interface(change)
            else:
                self._of_endpoint(change, Subject(change.interface, change.peer))

    def _of_interface(self, change: Change) -> None:
        subject = Subject(change.interface)
        if change.field == "public_key":
            keys = {"old_key": change.old, "new_key": change.new}
            self.writer.write("interface_key_changed", subject, keys, value=change.new)

    def _of_endpoint(self, change: Change, subject: Subject) -> None:
        match change.field:
            case "added":
                self._added(change.new, subject)
            case "removed":
                self.writer.write("endpoint_removed", subject, {"public_key": change.old})
            case "public_key":
                keys = {"old_key": change.old, "new_key": change.new}
                self.writer.write("endpoint_key_changed", subject, keys, value=change.old)
            case "preshared_key":
                what = "changed" if change.new else "removed"
                kind = f"endpoint_preshared_key_{what}"
                self.writer.write(kind, subject, {}, value=change.new)
            case "allowed_ips":
                self._allowed_ips(change, subject)

    def _added(self, key: str, subject: Subject) -> None:
        allowed_ips = self.snapshot.interfaces[subject.interface].peers[key].allowed_ips
        losers = _losers(self._taken(subject, (), allowed_ips))
        params = {
            "public_key": key,
            "allowed_ips": _listed(allowed_ips),
            **self._taken_from(subject, losers),
        }
        # Who is added again with other addresses is another risk than before.
        value = ",".join((*allowed_ips, *losers))
        danger = self._danger("endpoint_added", (), allowed_ips)
        self.writer.write("endpoint_added", subject, params, value=value, danger=danger)

    def _allowed_ips(self, change: Change, subject: Subject) -> None:
        old, new = _split(change.old), _split(change.new)
        taken = self._taken(subject, old, new)
        wider = set(widened(old, new))
        # What was another's is more than before, also where a larger network was allowed already.
        added = sorted(wider | taken.keys())
        if not added:
            return
        losers = _losers(taken)
        params = {"added": _listed(added), **self._taken_from(subject, losers)}
        kind = "endpoint_allowed_ips_widened"
        value = ",".join((*added, *losers))
        danger = self._danger(kind, old, new)
        self.writer.write(kind, subject, params, value=value, danger=danger)

    def _taken(
        self, subject: Subject, old: Sequence[str], new: Sequence[str]
    ) -> Mapping[str, Collection[str]]:
        """Return the networks that this peer has taken from others, each with the losers."""
        losses = self._losses.get(subject.interface)
        if losses is None or subject.key is None:
            return {}
        return losses.taken(subject.key, old, not_listed(old, new), MOST_LISTED)

    def _taken_from(self, subject: Subject, losers: Sequence[str]) -> dict[str, list[str]]:
        params = {"taken_from_pub": [self.writer.endpoint_id(subject, key) for key in losers]}
        if self.writer.shows_names:
            params["taken_from"] = [self.writer.name(key) for key in losers]
        return params

    def _danger(self, kind: str, old: Sequence[str], new: Sequence[str]) -> int:
        more = MORE_FOR_ALL if covers_all_addresses(old, new) else 0
        return min(9, self.writer.terms(kind).danger + more)

    @cached_property
    def _losses(self) -> Mapping[str, Losses]:
        """Return the networks that peers have lost, by the name of the interface."""
        lost: defaultdict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        for change in self.changes:
            if change.field == "allowed_ips" and change.peer is not None:
                of_peer = not_listed(_split(change.new), _split(change.old))
                lost[change.interface].append((change.peer, of_peer))
        return {interface: Losses(losses) for interface, losses in lost.items()}


def _losers(taken: Mapping[str, Collection[str]]) -> list[str]:
    return sorted(set().union(*taken.values()))


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _listed(items: Sequence[str]) -> list[str]:
    return [safe(item, _TEXT_LIMIT) for item in items[:MOST_LISTED]]
