"""Rules for the IP addresses that may be dialled, in whatever spelling they come."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import msgspec

from domain.errors import FieldError

MODES = ("local", "public", "open")

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network
_Table = tuple[tuple[str, str], ...]

# Cloud metadata services, and ranges where no receiver can be. RFC 6890 and its successors.
_NEVER: _Table = (
    ("0.0.0.0/8", "an address that means this host"),
    ("169.254.169.254/32", "a cloud metadata address"),
    ("169.254.0.0/16", "a link-local address"),
    ("168.63.129.16/32", "a cloud metadata address"),
    ("100.100.100.200/32", "a cloud metadata address"),
    ("192.0.0.192/32", "a cloud metadata address"),
    ("224.0.0.0/4", "a multicast address"),
    ("255.255.255.255/32", "the broadcast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "an address that means this host"),
    ("fd00:ec2::254/128", "a cloud metadata address"),
    ("fd20:ce::254/128", "a cloud metadata address"),
    ("fe80::/10", "a link-local address"),
    ("ff00::/8", "a multicast address"),
)

# What the public policy refuses beside the above. Spelt out since the tables of the
# ipaddress module differ from one Python version to the next.
_NOT_PUBLIC: _Table = (
    ("127.0.0.0/8", "a loopback address"),
    ("10.0.0.0/8", "a private address"),
    ("172.16.0.0/12", "a private address"),
    ("192.168.0.0/16", "a private address"),
    ("100.64.0.0/10", "an address shared behind a provider's or VPN's NAT"),
    ("192.0.0.0/24", "an address for protocol assignments"),
    ("192.0.2.0/24", "a documentation address"),
    ("198.51.100.0/24", "a documentation address"),
    ("203.0.113.0/24", "a documentation address"),
    ("192.88.99.0/24", "a deprecated 6to4 relay address"),
    ("198.18.0.0/15", "a benchmarking address"),
    ("::1/128", "a loopback address"),
    ("64:ff9b:1::/48", "a local NAT64 address"),
    ("100::/64", "a discard-only address"),
    ("100:0:0:1::/64", "a dummy address"),
    ("2001::/23", "an address for protocol assignments"),
    ("2001:db8::/32", "a documentation address"),
    ("3fff::/20", "a documentation address"),
    ("5f00::/16", "a segment routing address"),
    ("fc00::/7", "a private address"),
    ("fec0::/10", "a deprecated site-local address"),
)


_GLOBAL_UNICAST = IPv6Network("2000::/3")
_THIS_HOST = IPv4Network("0.0.0.0/8")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_TEREDO = IPv6Network("2001::/32")
# Networks whose addresses hold an IPv4 address, and how many bits from the right it ends.
_EMBEDDED_AT = (
    (_MAPPED, 0),
    (_NAT64, 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),  # stateless translation, RFC 2765
    (IPv6Network("::/96"), 0),  # "compatible", RFC 4291
    (IPv6Network("2002::/16"), 80),  # 6to4
    (_TEREDO, 64),  # its server; its client stands inverted at the end
)
_ISATAP_MARKS = (0x00005EFE, 0x02005EFE)
_BITS_32 = 0xFFFFFFFF


class NetworkPolicy(msgspec.Struct, frozen=True):
    """Rules for the addresses that a webhook may reach, judged at the address that is dialled.

    "local" takes public, LAN, VPN and loopback addresses; "public" takes only what the whole
    internet reaches; "open" takes everything. Networks in `allow_networks` are exceptions;
    an IPv4 address inside an IPv6 one is judged by itself.
    """

    mode: str = "local"
    allow_networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"network_policy {self.mode!r} is none of {', '.join(MODES)}")

    def refusal(self, address: str) -> str | None:
        """Return why an address must not be dialled, or None if it may be."""
        if not is_address(address):
            return f"{address!r} is not an IP address"
        if self.mode == "open":
            return None
        return next(self._refusals(_without_zone(address)), None)

    def refused_target(self, url: str) -> str | None:
        """Return a warning that nothing will be sent to the address in a URL, or None.

        The addresses of a host name are known, and judged, at the attempt.
        """
        host = urlsplit(url).hostname or ""
        refusal = self.refusal(host) if is_address(host) else None
        return None if refusal is None else f"{refusal}: nothing will be sent to it"

    def _refusals(self, address: _Address) -> Iterator[str]:
        if not _is_transparent(address) and (fault := self._fault(address)):
            yield f"{address_text(address)} is {fault}, refused by network_policy {self.mode}"
        for inner in _embedded(address):
            if fault := self._fault(inner):
                yield (
                    f"{address_text(address)} stands for {inner}, {fault}, refused by "
                    f"network_policy {self.mode}"
                )

    def _fault(self, address: _Address) -> str | None:
        if any(address in network for network in _parsed(self.allow_networks)):
            return None
        fault = _lookup(address, _NEVER)
        if fault is None and self.mode == "public":
            fault = _lookup(address, _NOT_PUBLIC) or _outside_global_unicast(address)
        return fault


def address_text(address: _Address) -> str:
    """Write an address as RFC 5952 says; versions of Python spell mapped ones in two ways."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(address) if mapped is None else f"::ffff:{mapped}"


def is_address(host: str) -> bool:
    """Return True for a host that is written as an IP address, not as a name."""
    try:
        _without_zone(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return True for this host itself: an address of its own, or its name localhost."""
    return _without_zone(host).is_loopback if is_address(host) else host == "localhost"


def check_network(text: str) -> str:
    """Return a network in its usual spelling: "10.0.0.0/8", "fd00::/8". Raises FieldError."""
    try:
        return str(ip_network(text))
    except ValueError:
        raise FieldError("network", f"{text!r} is not a network", _network_cure(text)) from None


def _without_zone(address: str) -> _Address:
    return ip_address(address.partition("%")[0])


def _network_cure(text: str) -> str:
    try:
        return f"write {ip_network(text, strict=False)}"
    except ValueError:
        return "write it as 192.0.2.0/24 or fd00::/8"


def _embedded(address: _Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that packets to an IPv6 address may end up at."""
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return
    bits = int(address)
    for network, shift in _EMBEDDED_AT:
        if address in network:
            yield IPv4Address(bits >> shift & _BITS_32)
    if address in _TEREDO:
        yield IPv4Address(~bits & _BITS_32)
    if address in _LOCAL_NAT64:
        yield from _local_nat64(bits)
    if bits >> 32 & _BITS_32 in _ISATAP_MARKS:
        yield IPv4Address(bits & _BITS_32)


def _local_nat64(bits: int) -> list[IPv4Address]:
    """Return every reading by RFC 6052 with a suffix of zero, since the prefix length is not known.

    A reading as 0.x.x.x is what the padding of another one looks like.
    """
    without_octet_u = bits >> 64 << 56 | bits & (1 << 56) - 1
    readings = [IPv4Address(bits & _BITS_32)]
    for prefix_length in (48, 56, 64):
        shift = 120 - 32 - prefix_length
        if without_octet_u & (1 << shift) - 1 == 0:
            readings.append(IPv4Address(without_octet_u >> shift & _BITS_32))
    return [reading for reading in readings if reading not in _THIS_HOST] or readings


def _is_transparent(address: _Address) -> bool:
    """True for an IPv6 address that is nothing but another spelling of an IPv4 one."""
    return isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64)


def _outside_global_unicast(address: _Address) -> str | None:
    if isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST:
        return None
    return "an address outside the global unicast range"


@lru_cache(maxsize=64)
def _parsed(networks: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(ip_network(network) for network in networks)


def _lookup(address: _Address, table: _Table) -> str | None:
    return next((what for network, what in _parsed_table(table) if address in network), None)


@lru_cache(maxsize=2)
def _parsed_table(table: _Table) -> tuple[tuple[_Network, str], ...]:
    return tuple((ip_network(network), what) for network, what in table)
