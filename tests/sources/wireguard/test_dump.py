from __future__ import annotations

import hashlib
import random
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sources.wireguard.dump import DumpError, parse_dump, without_keys
from sources.wireguard.snapshot import Interface, Peer, State, encode_state
from tests.support.wireguard.dumps import PeerRow, dump, idle, interface_row, key, snapshot


def test_a_dump_tells_of_interfaces_and_peers() -> None:
    read = snapshot(
        interface_row(fwmark="0x51")
        + PeerRow("alice", allowed_ips="10.99.0.3/32,10.50.0.0/16", keepalive="25").text
        + idle("bob").text
        + interface_row("wg1", port="0")
    )
    alice = Peer(
        preshared_key_hash="",
        ip="198.51.100.2",
        port=35001,
        allowed_ips=("10.50.0.0/16", "10.99.0.3/32"),
        handshake_s=1_795_502_102,
        rx=404,
        tx=348,
        keepalive_s=25,
    )
    bob = Peer("", None, None, ("10.99.0.2/32",), 0, 0, 0, 0)
    wg0 = Interface(key("wg0"), 51820, 0x51, 5, {key("alice"): alice, key("bob"): bob})
    wg1 = Interface(key("wg1"), 0, 0, 5, {})
    assert (read.host, read.read_at_ms) == ("hub", 1_795_502_130_500)
    assert read.interfaces == {"wg0": wg0, "wg1": wg1}


def test_an_empty_dump_has_no_interfaces() -> None:
    assert snapshot("").interfaces == {}


@pytest.mark.parametrize(
    ("endpoint", "ip", "port"),
    [
        ("[2001:db8:b::2]:43956", "2001:db8:b::2", 43956),
        ("[fe80::a8c1:2ff:fe00:1%u-bob]:43956", "fe80::a8c1:2ff:fe00:1%u-bob", 43956),
        ("[::ffff:192.0.2.1]:1", "::ffff:192.0.2.1", 1),
        ("192.0.2.99:65535", "192.0.2.99", 65535),
        ("(none)", None, None),
    ],
)
def test_endpoints_of_every_form(endpoint: str, ip: str | None, port: int | None) -> None:
    peer = snapshot(dump(PeerRow("alice", endpoint=endpoint))).interfaces["wg0"].peers[key("alice")]
    assert (peer.ip, peer.port) == (ip, port)


def test_an_interface_without_a_key_and_a_peer_without_addresses() -> None:
    text = "wg0\t(none)\t(none)\t51820\toff\n" + PeerRow("alice", allowed_ips="(none)").text
    interface = snapshot(text).interfaces["wg0"]
    assert interface.public_key == ""
    assert interface.peers[key("alice")].allowed_ips == ()


def test_the_preshared_key_is_kept_as_the_hash_of_its_bytes() -> None:
    secret = key("preshared")
    read = snapshot(dump(PeerRow("alice", preshared_key=secret)))
    expected = b64encode(hashlib.sha256(b64decode(secret)).digest()).decode()
    assert read.interfaces["wg0"].peers[key("alice")].preshared_key_hash == expected


def test_secret_keys_end_in_the_parser() -> None:
    secret = key("preshared")
    text = dump(PeerRow("alice", preshared_key=secret))
    assert secret in text
    assert key("private wg0") in text
    read = snapshot(text)
    kept = repr(read) + encode_state(State(read, {})).decode()
    assert secret not in kept
    assert key("private wg0") not in kept


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_lines_is_irrelevant(dice: random.Random) -> None:
    lines = [
        interface_row(),
        interface_row("wg1"),
        PeerRow("alice").text,
        PeerRow("bob").text,
        PeerRow("alice", interface="wg1").text,
    ]
    shuffled = lines.copy()
    dice.shuffle(shuffled)
    assert snapshot("".join(shuffled)) == snapshot("".join(lines))


def test_the_index_is_asked_for_each_interface() -> None:
    numbers = {"wg0": 5, "wg1": None}
    read = parse_dump(
        interface_row() + interface_row("wg1"), host="hub", read_at_ms=0, ifindex=numbers.get
    )
    assert {name: item.ifindex for name, item in read.interfaces.items()} == numbers


ALICE = PeerRow("alice")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("garbage\n", 1, "it has 1 fields where an interface has 5 and a peer 9"),
        ("\n", 1, "it has 1 fields where an interface has 5 and a peer 9"),
        (dump().split("\t", 1)[1], 1, "it has 4 fields, as in the dump of one interface"),
        (dump() + ALICE.text.split("\t", 1)[1], 2, "it has 8 fields, as in the dump of one"),
        (dump(ALICE)[:-1], 2, "the dump ends in the middle of it"),
        (dump(ALICE)[:-9], 2, "the dump ends in the middle of it"),
        (dump() + dump(), 2, "its interface was listed before"),
        (dump(ALICE, ALICE), 3, "its peer was listed before"),
        (ALICE.text, 1, "it is a peer of an interface that the dump does not list"),
        (interface_row(port="x"), 1, "the listen port is not a number"),
        (interface_row(port="65536"), 1, "the listen port is over 65535"),
        (interface_row(fwmark="51"), 1, "the fwmark is neither off nor a number such as 0x51"),
        (interface_row(name=""), 1, "the name of an interface is empty, too long or not"),
        (interface_row(name="w" * 65), 1, "the name of an interface is empty, too long or not"),
        (interface_row(name="wg\x1b[2J"), 1, "the name of an interface is empty, too long or not"),
        (dump(ALICE).replace(key("alice"), "alice"), 2, "the public key is not a key"),
        (dump(ALICE).replace(key("wg0"), "wg0"), 1, "the public key is not a key"),
        (dump(replace(ALICE, preshared_key="x")), 2, "the preshared key is not a key"),
        (dump(replace(ALICE, endpoint="198.51.100.2")), 2, "the endpoint is not an address and"),
        (dump(replace(ALICE, endpoint="1" * 16 + ":1")), 2, "the endpoint is not an address and"),
        (dump(replace(ALICE, endpoint="a.example:1")), 2, "the endpoint is not an address and"),
        (dump(replace(ALICE, endpoint="999.1.1.1:1")), 2, "the endpoint is not an address and"),
        (dump(replace(ALICE, endpoint="[::::]:5")), 2, "the endpoint is not an address and"),
        (
            dump(replace(ALICE, endpoint="[fe80::1%\x1b]:5")),
            2,
            "the endpoint is not an address and",
        ),
        (dump(replace(ALICE, endpoint="[fe80::1%a\u202e]:5")), 2, "the endpoint is not an address"),
        (dump(replace(ALICE, handshake="soon")), 2, "the latest handshake is not a number"),
        (dump(replace(ALICE, handshake=10**12)), 2, "the latest handshake is over"),
        (dump(replace(ALICE, rx="-1")), 2, "the count of bytes received is not a number"),
        (dump(replace(ALICE, tx=2**64)), 2, "the count of bytes sent is over"),
        (dump(replace(ALICE, tx="\N{SUPERSCRIPT TWO}")), 2, "the count of bytes sent is not a"),
        (dump(replace(ALICE, keepalive="on")), 2, "the keepalive is not a number"),
    ],
)
def test_what_is_no_whole_dump_is_refused_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DumpError) as refused:
        snapshot(text)
    assert refused.value.line == line
    assert refused.value.reason.startswith(reason)
    assert str(refused.value) == f"line {line} of the dump: {refused.value.reason}"


WHOLE = dump(PeerRow("alice", preshared_key=key("preshared")), PeerRow("bob"))


@given(cut=st.integers(1, len(WHOLE) - 1))
def test_a_dump_that_is_cut_inside_a_line_is_never_taken_for_a_whole_one(cut: int) -> None:
    text = WHOLE[:cut]
    if text.endswith("\n"):
        assert len(snapshot(text).interfaces["wg0"].peers) < 2
        return
    with pytest.raises(DumpError):
        snapshot(text)


@given(start=st.integers(0, len(WHOLE)), end=st.integers(0, len(WHOLE)), noise=st.text(max_size=5))
def test_no_damage_brings_key_material_into_an_error(start: int, end: int, noise: str) -> None:
    text = WHOLE[:start] + noise + WHOLE[end:]
    try:
        snapshot(text)
    except DumpError as error:
        said = repr(error) + str(error) + repr(error.__cause__)
        for secret in (key("preshared"), key("private wg0")):
            assert not any(secret[i : i + 8] in said for i in range(len(secret) - 8))


def test_without_keys_it_reads_the_same() -> None:
    text = dump(PeerRow("alice", preshared_key=key("psk")), PeerRow("bob"))
    told = without_keys(text)
    assert key("private wg0") not in told
    assert key("psk") not in told
    assert snapshot(told) == snapshot(text)
    assert without_keys(told) == told


@pytest.mark.parametrize("line", ["wg0\tsecret\n", "wg0", f"wg0{chr(9) * 8}\n"])
def test_without_keys_nothing_passes_that_is_no_line_of_a_dump(line: str) -> None:
    with pytest.raises(DumpError):
        without_keys(line)
