"""Addresses that must never be dialled are recognised in every disguise."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import MODES, NetworkPolicy, check_network
from domain.errors import FieldError

LOCAL = NetworkPolicy()
PUBLIC = NetworkPolicy("public")
OPEN = NetworkPolicy("open")

FORBIDDEN = [
    "0.0.0.0",  # judged, not bound
    "0.1.2.3",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "ff02::1",
]
NEAR = [
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "192.168.0.1",
    "198.18.0.1",
    "::1",
    "fd00::1",
    "fec0::1",
]
FAR = ["1.1.1.1", "8.8.8.8", "203.0.114.1", "2606:4700::1111", "2a00:1450::5"]


def embeddings(address: IPv4Address) -> dict[str, IPv6Address]:
    """Every IPv6 address by which a packet may reach `address`."""
    bits = int(address)
    high, low = bits >> 16, bits & 0xFFFF
    return {
        "mapped": IPv6Address(0xFFFF << 32 | bits),
        "translated": IPv6Address(0xFFFF << 48 | bits),
        "compatible": IPv6Address(bits),
        "NAT64": IPv6Address(0x64FF9B << 96 | bits),
        "local NAT64, 96": IPv6Address(0x64FF9B0001 << 80 | 0x7B << 32 | bits),
        "local NAT64, 48": IPv6Address(0x64FF9B0001 << 80 | high << 64 | low << 40),
        "local NAT64, 56": IPv6Address(
            0x64FF9B0001 << 80 | bits >> 24 << 64 | (bits & 0xFFFFFF) << 32
        ),
        "local NAT64, 64": IPv6Address(0x64FF9B0001 << 80 | bits << 24),
        "6to4": IPv6Address(0x2002 << 112 | bits << 80 | 0x1),
        "Teredo server": IPv6Address(0x20010000 << 96 | bits << 64 | 0xFEFEFEFE),
        "Teredo client": IPv6Address(0x20010000 << 96 | 0x08080808 << 64 | (bits ^ 0xFFFFFFFF)),
        "ISATAP": IPv6Address(0x26064700 << 96 | 0x5EFE << 32 | bits),
        "global ISATAP": IPv6Address(0x26064700 << 96 | 0x02005EFE << 32 | bits),
    }


def addresses_in(*networks: str) -> st.SearchStrategy[IPv4Address]:
    ranges = [IPv4Network(network) for network in networks]
    return st.sampled_from(ranges).flatmap(
        lambda network: st.integers(int(network[0]), int(network[-1])).map(IPv4Address)
    )


@pytest.mark.parametrize("address", FORBIDDEN)
def test_local_and_public_refuse_what_no_receiver_has(address: str) -> None:
    assert LOCAL.refusal(address)
    assert PUBLIC.refusal(address)
    assert OPEN.refusal(address) is None


@pytest.mark.parametrize("address", NEAR)
def test_only_public_refuses_neighbours(address: str) -> None:
    assert LOCAL.refusal(address) is None
    assert PUBLIC.refusal(address)
    assert OPEN.refusal(address) is None


@pytest.mark.parametrize("address", FAR)
@pytest.mark.parametrize("mode", MODES)
def test_every_policy_takes_the_internet(mode: str, address: str) -> None:
    assert NetworkPolicy(mode).refusal(address) is None


@given(addresses_in("169.254.0.0/16", "224.0.0.0/3", "192.0.0.192/32"))
def test_a_forbidden_address_is_refused_in_every_disguise(address: IPv4Address) -> None:
    for policy in (LOCAL, PUBLIC):
        taken = [
            name
            for name, disguise in embeddings(address).items()
            if policy.refusal(str(disguise)) is None
        ]
        assert taken == []


@given(addresses_in("10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16"))
def test_public_refuses_a_private_address_in_every_disguise(address: IPv4Address) -> None:
    assert all(PUBLIC.refusal(str(disguise)) for disguise in embeddings(address).values())


@given(addresses_in("10.0.0.1/32", "10.1.2.3/32", "192.168.7.9/32", "8.8.8.8/32"))
def test_local_takes_a_near_address_in_every_disguise(address: IPv4Address) -> None:
    refused = {
        name: reason
        for name, disguise in embeddings(address).items()
        if (reason := LOCAL.refusal(str(disguise)))
    }
    # The server of a Teredo address is fixed; its client here is 1.1.1.1.
    assert refused == {}


@given(addresses_in("0.0.0.0/0"))
def test_a_mapped_address_is_judged_like_the_plain_one(address: IPv4Address) -> None:
    for mode in MODES:
        policy = NetworkPolicy(mode)
        mapped, nat64 = f"::ffff:{address}", f"64:ff9b::{address}"
        plain = policy.refusal(str(address)) is None
        assert (policy.refusal(mapped) is None) == plain
        assert (policy.refusal(nat64) is None) == plain


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_public_takes_only_global_unicast_of_ipv6(address: IPv6Address) -> None:
    if PUBLIC.refusal(str(address)) is None:
        unicast = address in ip_network("2000::/3") or address in ip_network("64:ff9b::/96")
        assert unicast or address.ipv4_mapped


def test_reasons_name_the_address_what_it_is_and_the_policy() -> None:
    assert LOCAL.refusal("169.254.169.254") == (
        "169.254.169.254 is a cloud metadata address, refused by network_policy local"
    )
    assert PUBLIC.refusal("64:ff9b::a00:1") == (
        "64:ff9b::a00:1 stands for 10.0.0.1, a private address, refused by network_policy public"
    )


def test_allowed_networks_are_exceptions_also_in_disguise() -> None:
    policy = NetworkPolicy("public", ("10.9.0.0/16", "169.254.7.0/24", "fe80::/10"))
    assert policy.refusal("10.9.1.1") is None
    assert policy.refusal("169.254.7.1") is None
    assert policy.refusal("::ffff:169.254.7.1") is None
    assert policy.refusal("fe80::1%wg0") is None
    assert policy.refusal("10.8.1.1")
    assert policy.refusal("169.254.8.1")


def test_an_allowed_ipv6_network_does_not_let_a_forbidden_ipv4_address_in() -> None:
    policy = NetworkPolicy("local", ("2002::/16", "64:ff9b:1::/48"))
    assert policy.refusal("2002:a9fe:a9fe::1")
    assert policy.refusal("64:ff9b:1::a9fe:a9fe")


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0177.0.0.1", "1.2.3.4/32", "::g"])
@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_address_is_refused(mode: str, text: str) -> None:
    assert NetworkPolicy(mode).refusal(text) == f"{text!r} is not an IP address"


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="none of local, public, open"):
        NetworkPolicy("lan")


@pytest.mark.parametrize(
    ("text", "network"),
    [("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.7", "192.0.2.7/32"), ("FD00:0::/8", "fd00::/8")],
)
def test_networks_are_brought_into_their_usual_spelling(text: str, network: str) -> None:
    assert check_network(text) == network


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("10.1.2.3/8", "write 10.0.0.0/8"),
        ("lan", "write it as 192.0.2.0/24 or fd00::/8"),
        ("10.0.0.0/40", "write it as 192.0.2.0/24 or fd00::/8"),
    ],
)
def test_a_bad_network_has_a_cure(text: str, cure: str) -> None:
    with pytest.raises(FieldError) as caught:
        check_network(text)
    assert caught.value.cure == cure
