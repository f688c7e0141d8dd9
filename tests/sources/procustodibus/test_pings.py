"""Reading what agents send: recorded from the real one, and bent."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.procustodibus.pings import (
    MOST_INTERFACES,
    NO_INTERFACE_WARNING,
    SECRETS_WARNING,
    PingError,
    endpoint_warning,
    read_ping,
)
from sources.wireguard.events import HostNames
from sources.wireguard.snapshot import AHEAD_S, Interface, Peer, Snapshot
from tests.sources.procustodibus.custodians import NOW
from tests.support.wireguard.dumps import key

DATA = Path(__file__).parents[2] / "data" / "procustodibus"


def recorded() -> list[dict[str, Any]]:
    """Pings of the real agent 1.10.4, each with the time of its receipt."""
    lines = (DATA / "agent-pings.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def read(body: object, now_ms: int = NOW) -> Snapshot:
    return read_ping(json.dumps(body).encode(), host="hub", received_ms=now_ms).snapshot


def warning(body: object, now_ms: int = NOW) -> str:
    return read_ping(json.dumps(body).encode(), host="hub", received_ms=now_ms).warning


def ping(peer: dict[str, Any] | None = None, **interface: Any) -> dict[str, Any]:
    """A ping of one interface with one peer."""
    usual = {
        "available": True,
        "preshared_key_hash": "",
        "endpoint": "198.51.100.2:40559",
        "allowed_ips": ["10.99.0.2/32"],
        "latest_handshake": NOW // 1000 - 5,
        "transfer_rx": 404,
        "transfer_tx": 348,
        "persistent_keepalive": 25,
    }
    peers = {key("alice"): usual | (peer or {})}
    whole = {"up": True, "public_key": key("wg0"), "listen_port": 51820, "fwmark": 81}
    return {"interfaces": {"wg0": whole | {"peers": peers} | interface}}


def test_a_recorded_ping_is_a_look_like_that_of_a_dump() -> None:
    first = recorded()[0]
    snapshot = read(first["body"], first["received_ms"])
    assert (snapshot.host, snapshot.read_at_ms) == ("hub", first["received_ms"])
    interface = snapshot.interfaces["wg0"]
    assert interface.public_key == "68xCFyNB7qkLwou/pjiDwbeycU4kNo0duNYtig+UbE4="
    assert (interface.listen_port, interface.fwmark, interface.ifindex) == (51820, 0, None)
    assert interface.peers["KTw8sERNeVNRczV5DIkC0hOx0Ek6nG8dAR5YPu8Jm2U="] == Peer(
        preshared_key_hash="",
        ip="203.0.113.2",
        port=40585,
        allowed_ips=("10.99.0.3/32",),
        handshake_s=1795502341,
        rx=404,
        tx=348,
        keepalive_s=0,
    )


def test_every_recorded_ping_is_read_without_a_warning_while_there_is_an_interface() -> None:
    for one in recorded():
        expected = "" if one["body"]["interfaces"] else NO_INTERFACE_WARNING
        assert warning(one["body"], one["received_ms"]) == expected


def test_addresses_of_the_interface_are_told_but_not_those_that_each_start_makes_anew() -> None:
    snapshot = read(recorded()[0]["body"])
    assert snapshot.interfaces["wg0"].address == ("10.99.0.1/24",)
    assert read(ping()).interfaces["wg0"].address is None
    assert read(ping(address="10.0.0.1/24, fd00::1/64")).interfaces["wg0"].address == (
        "10.0.0.1/24",
        "fd00::1/64",
    )


def test_private_and_preshared_keys_are_dropped_with_a_warning() -> None:
    body = (DATA / "agent-ping-with-secrets.json").read_bytes()
    read_whole = read_ping(body, host="hub", received_ms=NOW)
    assert read_whole.warning == SECRETS_WARNING
    assert len(read_whole.snapshot.interfaces["wg0"].peers) == 2
    for secret in (b"a made-up private key of 32 byte", b"a made-up shared key of 32 bytes"):
        text = b64encode(secret).decode()
        assert text in body.decode()
        assert text not in repr(read_whole)


def test_a_clock_that_is_far_ahead_is_told() -> None:
    near = ping({"latest_handshake": NOW // 1000 + AHEAD_S})
    far = ping({"latest_handshake": NOW // 1000 + AHEAD_S + 1})
    assert warning(near) == ""
    assert warning(far) == "its clock is about 121 s ahead of ours: let NTP set both"


def test_what_only_a_conf_file_knows_is_not_there() -> None:
    """Without ReadOnly the agent also sends conf files of interfaces that are down."""
    down = {"up": False, "fwmark": "0x51", "listen_port": "51820", "private_key": ""}
    assert read(ping({"available": False}, **down)).interfaces == {}
    assert read(ping(up=False)).interfaces.keys() == {"wg0"}, "it is there and has no address"
    one_is_missing = ping()
    one_is_missing["interfaces"]["wg0"]["peers"][key("bob")] = {"available": False}
    assert read(one_is_missing).interfaces["wg0"].peers.keys() == {key("alice")}


def test_numbers_of_a_conf_file_may_be_text() -> None:
    interface = read(ping({"persistent_keepalive": "off"}, fwmark="0x51", listen_port="1"))
    assert interface.interfaces["wg0"].fwmark == 0x51
    assert interface.interfaces["wg0"].peers[key("alice")].keepalive_s == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"interfaces":[]}',
        b'{"interfaces":{"wg0":3}}',
        b'{"interfaces":{"wg0":{"peers":{"k":{"transfer_rx":"many"}}}}}',
        json.dumps(ping({"transfer_rx": 1.5})).encode(),
        b'{"interfaces":{},"x":' + b"[" * 100_000,
    ],
)
def test_what_is_no_ping_is_refused(body: bytes) -> None:
    with pytest.raises(PingError, match="body: it is not what an agent sends"):
        read_ping(body, host="hub", received_ms=NOW)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (ping({"transfer_rx": -1}), "a count of bytes received is under 0"),
        (ping({"transfer_tx": 2**64}), "it is not what|a count of bytes sent is over"),
        (ping({"latest_handshake": 10**15}), "a handshake is over"),
        (ping({"preshared_key_hash": "short"}), "a preshared key hash is not a key"),
        (ping({"allowed_ips": ["a,b"]}), "an allowed IP is not an address"),
        (ping({"allowed_ips": ["\x1b[2J"]}), "an allowed IP is not an address"),
        (ping({"persistent_keepalive": "soon"}), "a keepalive is not a number"),
        (ping(public_key="short"), "its public key is not a key"),
        (ping(listen_port=65_536), "its listen port is over 65535"),
        (ping(fwmark=2**32), "its fwmark is over"),
        (ping(peers={"short": {}}), "the public key of a peer is not a key"),
        ({"interfaces": {"": {}}}, "the name of an interface"),
        ({"interfaces": {"w" * 65: {}}}, "the name of an interface"),
        ({"interfaces": {"wg\n0": {}}}, "the name of an interface"),
        ({"interfaces": {str(n): {} for n in range(MOST_INTERFACES + 1)}}, "more than"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(body: object, reason: str) -> None:
    with pytest.raises(PingError, match=reason) as caught:
        read(body)
    assert caught.value.place.startswith(("interfaces", "body"))


def test_no_error_quotes_a_value() -> None:
    secret = key("a secret in the wrong place")
    for body in (
        ping({"allowed_ips": [f"{secret},"]}),
        ping({"transfer_rx": secret}),
        ping(listen_port=secret),
        ping(peers={f"{secret}x": {}}),
    ):
        with pytest.raises(PingError) as caught:
            read(body)
        assert secret not in str(caught.value)


def test_an_empty_interface_is_one() -> None:
    assert read({"interfaces": {"wg0": {"up": True}}}).interfaces == {
        "wg0": Interface("", 0, 0, None, {})
    }


_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
_PEER_FIELDS = ("endpoint", "allowed_ips", "latest_handshake", "transfer_rx", "available")
_FIELDS = ("up", "public_key", "listen_port", "fwmark", "address", "peers", "private_key")


@given(
    st.dictionaries(st.sampled_from(_PEER_FIELDS), _junk),
    st.dictionaries(st.sampled_from(_FIELDS), _junk),
)
def test_whatever_comes_is_read_or_refused(peer: dict[str, Any], fields: dict[str, Any]) -> None:
    with suppress(PingError):
        assert read(ping(peer, **fields)).interfaces.keys() <= {"wg0"}


@pytest.mark.parametrize(
    "endpoint",
    [
        "vpn.example.com:51820",
        "999.1:1",
        "[fe80::1%\x1b]:5",
        f"[fe80::1%{'x' * 100}]:1",
        key("psk"),
    ],
)
def test_an_endpoint_that_is_none_is_told_and_costs_nothing_else(endpoint: str) -> None:
    good, bad = ping(), ping({"endpoint": endpoint, "transfer_rx": 405})
    bad["interfaces"]["wg0"]["peers"][key("bob")] = {"transfer_rx": 7}
    text = json.dumps(bad).encode()
    found = read_ping(text, host="hub", received_ms=NOW, known=read(good))
    peers = found.snapshot.interfaces["wg0"].peers
    alice = peers[key("alice")]
    assert (alice.ip, alice.port, alice.rx) == ("198.51.100.2", 40559, 405)
    assert peers[key("bob")].rx == 7
    never_seen = read_ping(text, host="hub", received_ms=NOW)
    assert never_seen.snapshot.interfaces["wg0"].peers[key("alice")].ip is None
    assert found.unread == never_seen.unread == (("wg0", key("alice")),)
    told = endpoint_warning(found.unread, HostNames("hub", {key("alice"): "alice"}))
    assert "not an address and a port, of alice on wg0:" in told
    assert endpoint not in told


def test_of_many_endpoints_that_are_none_some_are_named() -> None:
    unread = [("wg0", key(str(number))) for number in range(9)]
    names = HostNames("hub", {key("0"): "\x1b[2J" * 200})
    told = endpoint_warning(unread, names)
    assert "\x1b" not in told
    assert len(told) < 700
    assert " and 4 more: " in told
    assert endpoint_warning([], names) == ""
