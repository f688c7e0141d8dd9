from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.event_types import EventType
from domain.events import MAX_EVENT_BYTES, read_event
from domain.ids import event_id_from_facts, resource_id
from sources.wireguard.changes import ENDPOINTS, INTERFACES, VALUE_LIMIT, Change, changes
from sources.wireguard.events import DeriveTerms, HostNames
from sources.wireguard.snapshot import REMEMBER_GONE_MS, Interface, Peer, Snapshot, State
from sources.wireguard.source import derive
from tests.support.wireguard.dumps import PeerRow, dump, idle, interface_row, key, snapshot

ALICE = PeerRow("alice")
BOB = PeerRow("bob", allowed_ips="10.99.0.3/32,10.50.0.0/16")
TERMS = DeriveTerms(user="somebody", names=HostNames("hub", {key("alice"): "Alice"}))
SOME_KEY, OTHER_KEY = key("preshared"), key("another preshared")


def remember(*texts: str | Snapshot) -> State:
    """The state after these dumps."""
    state = None
    for text in texts:
        read = snapshot(text) if isinstance(text, str) else text
        state = derive(state, read, TERMS).state
    assert state is not None
    return state


def found(before: str | State, after: str | Snapshot, **terms: bool) -> list[tuple[str, ...]]:
    """Return the changes, without the interface, which is wg0."""
    state = before if isinstance(before, State) else remember(before)
    read = snapshot(after) if isinstance(after, str) else after
    seen = changes(state, read, **terms)
    assert {change.interface for change in seen} <= {"wg0"}
    return [(change.field, change.old, change.new) for change in seen]


def test_nothing_changes_at_the_first_look() -> None:
    assert changes(None, snapshot(dump(ALICE, BOB))) == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"endpoint": "198.51.100.77:35001"}, ("ip", "198.51.100.2", "198.51.100.77")),
        ({"endpoint": "[2001:db8::2]:35001"}, ("ip", "198.51.100.2", "2001:db8::2")),
        ({"allowed_ips": "fd00::2/128,10.99.0.2/32"},
         ("allowed_ips", "10.99.0.2/32", "10.99.0.2/32,fd00::2/128")),
        ({"allowed_ips": "(none)"}, ("allowed_ips", "10.99.0.2/32", "")),
        ({"keepalive": "25"}, ("persistent_keepalive", "0", "25")),
    ],
)  # fmt: skip
def test_a_field_of_a_peer_is_told(change: dict[str, Any], told: tuple[str, ...]) -> None:
    assert found(dump(ALICE), dump(replace(ALICE, **change))) == [told]


def test_of_a_preshared_key_only_the_start_of_its_hash_is_told() -> None:
    one, other = replace(ALICE, preshared_key=SOME_KEY), replace(ALICE, preshared_key=OTHER_KEY)
    hashes = [
        snapshot(dump(row)).interfaces["wg0"].peers[key("alice")].preshared_key_hash[:8]
        for row in (one, other)
    ]
    assert found(dump(ALICE), dump(one)) == [("preshared_key", "", hashes[0])]
    assert found(dump(one), dump(other)) == [("preshared_key", *hashes)]
    assert found(dump(other), dump(ALICE)) == [("preshared_key", hashes[1], "")]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (interface_row(port="51821"), ("listen_port", "51820", "51821")),
        (interface_row(fwmark="0x51"), ("fwmark", "off", "0x51")),
        (interface_row().replace(key("wg0"), key("other")),
         ("public_key", key("wg0"), key("other"))),
    ],
)  # fmt: skip
def test_a_field_of_an_interface_is_told(row: str, told: tuple[str, ...]) -> None:
    assert found(dump(ALICE), row + ALICE.text) == [told]


def test_an_address_is_told_where_both_looks_know_it() -> None:
    def at(address: tuple[str, ...] | None) -> Snapshot:
        read = snapshot(dump(ALICE))
        interface = msgspec.structs.replace(read.interfaces["wg0"], address=address)
        return msgspec.structs.replace(read, interfaces={"wg0": interface})

    before = remember(at(("10.99.0.1/24",)))
    assert found(before, at(("10.99.0.1/24", "fd00::1/64"))) == [
        ("address", "10.99.0.1/24", "10.99.0.1/24,fd00::1/64")
    ]
    assert found(before, at(None)) == []


def test_a_port_alone_is_told_only_where_that_is_wanted() -> None:
    moved = dump(replace(ALICE, endpoint="198.51.100.2:40000"))
    assert found(dump(ALICE), moved) == []
    assert found(dump(ALICE), moved, port_changes=True) == [("port", "35001", "40000")]


def test_an_endpoint_that_becomes_known_is_no_change_and_one_that_is_lost_stays_known() -> None:
    assert found(dump(idle("alice")), dump(ALICE)) == []
    away = remember(dump(ALICE), dump(idle("alice")))
    assert found(dump(ALICE), dump(idle("alice"))) == []
    assert found(away, dump(ALICE)) == []
    assert found(away, dump(replace(ALICE, endpoint="198.51.100.2:1")), port_changes=True) == [
        ("port", "35001", "1")
    ]
    assert found(away, dump(replace(ALICE, endpoint="192.0.2.2:1"))) == [
        ("ip", "198.51.100.2", "192.0.2.2")
    ]


def test_peers_come_and_go() -> None:
    assert found(dump(ALICE), dump(ALICE, BOB)) == [("added", "", key("bob"))]
    assert found(dump(ALICE, BOB), dump(ALICE)) == [("removed", key("bob"), "")]


@pytest.mark.parametrize(
    "allowed_ips",
    ["10.50.0.0/16,10.99.0.3/32", "10.99.0.3/32", "10.99.0.3/32,10.60.0.0/16"],
)
def test_a_peer_with_the_address_of_one_that_went_has_its_key_replaced(allowed_ips: str) -> None:
    new = replace(BOB, name="new bob", allowed_ips=allowed_ips)
    assert found(dump(ALICE, BOB), dump(ALICE, new)) == [
        ("removed", key("bob"), ""),
        ("added", "", key("new bob")),
        ("public_key", key("bob"), key("new bob")),
    ]


@pytest.mark.parametrize("allowed_ips", ["(none)", "10.50.0.0/16", "10.99.0.4/32,10.50.0.0/16"])
def test_a_range_that_is_given_to_another_is_no_replacement(allowed_ips: str) -> None:
    new = PeerRow("carol", allowed_ips=allowed_ips)
    fields = [field for field, *_ in found(dump(ALICE, BOB), dump(ALICE, new))]
    assert fields == ["removed", "added"]


def test_a_range_alone_tells_whose_successor_one_is_where_there_is_no_address() -> None:
    site, successor = (PeerRow(name, allowed_ips="10.7.0.0/16") for name in ("site", "new site"))
    assert found(dump(site), dump(successor))[2] == ("public_key", key("site"), key("new site"))


def test_one_who_went_is_replaced_once() -> None:
    pair = replace(BOB, allowed_ips="10.99.0.3/32,10.99.0.4/32")
    new = [PeerRow(name, allowed_ips=f"10.99.0.{number}/32") for name, number in
           (("one", 3), ("two", 4))]  # fmt: skip
    fields = [field for field, *_ in found(dump(pair), dump(*new))]
    assert fields == ["removed", "added", "added", "public_key"]


def test_an_interface_is_down_when_two_looks_in_a_row_lack_it() -> None:
    once = remember(dump(ALICE), "")
    assert found(dump(ALICE), "") == []
    assert found(once, "") == [("up", "true", "false")]
    down = remember(dump(ALICE), "", "")
    assert found(down, "") == []
    assert found(down, dump(ALICE)) == [("up", "false", "true")]
    assert found(once, dump(ALICE)) == []
    assert found(remember(dump(ALICE), "", dump(ALICE)), "") == []


def test_after_it_was_gone_only_what_really_differs_is_told() -> None:
    down = remember(dump(ALICE, BOB), "", "")
    back = dump(idle("alice"), replace(idle("bob"), keepalive="25", allowed_ips=BOB.allowed_ips))
    assert found(down, back) == [("up", "false", "true"), ("persistent_keepalive", "0", "25")]


def test_an_interface_that_cannot_be_read_is_neither_down_nor_up() -> None:
    unreadable = msgspec.structs.replace(snapshot(""), unreadable=("wg0",))
    assert found(remember(dump(ALICE), unreadable), unreadable) == []
    assert found(remember(dump(ALICE), unreadable), "") == []
    assert found(remember(dump(ALICE), "", unreadable), "") == [("up", "true", "false")]
    assert found(remember(dump(ALICE), ""), unreadable) == []
    assert found(remember(dump(ALICE), "", ""), unreadable) == []
    assert found(remember(dump(ALICE), unreadable, unreadable), dump(ALICE)) == []
    assert found(remember(unreadable), dump(ALICE)) == []


def test_a_new_interface_comes_up_and_its_peers_are_no_additions() -> None:
    before = remember(interface_row("wg1"))
    assert changes(before, snapshot(interface_row("wg1") + dump(ALICE))) == (
        Change(INTERFACES, "wg0", None, "up", "false", "true"),
    )


def test_an_interface_that_is_gone_is_forgotten_in_the_end() -> None:
    gone = remember(dump(ALICE), "")
    since = gone.absent["wg0"].since_ms
    for later, kept in ((REMEMBER_GONE_MS - 1, ["wg0"]), (REMEMBER_GONE_MS, [])):
        gone = derive(gone, snapshot("", read_at_ms=since + later - 1), TERMS).state
        state = derive(gone, snapshot("", read_at_ms=since + later), TERMS).state
        assert list(state.snapshot.interfaces) == kept
        assert list(state.absent) == kept
        assert list(state.baselines) == kept


def test_an_event_has_exactly_this_form() -> None:
    moved = replace(ALICE, endpoint="198.51.100.77:35001")
    (event,) = derive(remember(dump(ALICE)), snapshot(dump(moved)), TERMS).events
    endpoint = resource_id("endpoints", "hub", "wg0", key("alice"))
    facts = f"{endpoint}\0ip\x00198.51.100.2\x00198.51.100.77\x001795502130500".encode()
    assert event.type is EventType.LOG_CHANGES
    assert event.id == event_id_from_facts("log_changes", facts)
    assert json.loads(event.body) == {
        "attributes": {
            "created": "2026-11-24T06:35:30Z",
            "field": "ip",
            "host": "hub",
            "id": endpoint,
            "interface": "wg0",
            "new_value": "198.51.100.77",
            "old_value": "198.51.100.2",
            "peer": "Alice",
            "type": "endpoints",
        },
        "id": event.id,
        "relationships": {"user": {"data": [{"id": "somebody", "type": "users"}]}},
        "type": "log_changes",
    }


def test_an_event_of_an_interface_names_no_peer() -> None:
    changed = interface_row(port="51821")
    (event,) = derive(remember(interface_row()), snapshot(changed), TERMS).events
    attributes = json.loads(event.body)["attributes"]
    assert attributes["id"] == resource_id("interfaces", "hub", "wg0")
    assert (attributes["type"], attributes["interface"]) == ("interfaces", "wg0")
    assert "peer" not in attributes


def test_the_longest_list_fits_into_an_event() -> None:
    many = ",".join(f"10.{a}.{b}.0/24" for a in range(100) for b in range(256))
    event, alert = derive(
        remember(dump(ALICE)), snapshot(dump(replace(ALICE, allowed_ips=many))), TERMS
    ).events
    for one in (event, alert):
        assert read_event(one.body, now_ms=0, random64=lambda: 0).body == one.body
    assert len(json.loads(event.body)["attributes"]["new_value"]) == VALUE_LIMIT


def test_an_event_that_no_webhook_could_be_sent_is_dropped_with_a_warning() -> None:
    terms = replace(TERMS, names=HostNames("h" * MAX_EVENT_BYTES, {}))
    derived = derive(remember(dump(ALICE)), snapshot(dump()), terms)
    assert derived.events == ()
    assert derived.warning.startswith("2 events were dropped, since each was of more than 262,144")
    assert derive(remember(dump(ALICE)), snapshot(dump()), TERMS).warning == ""


rows = st.builds(
    PeerRow,
    name=st.sampled_from(["alice", "bob", "carol", "dave"]),
    interface=st.sampled_from(["wg0", "wg1"]),
    preshared_key=st.sampled_from(["(none)", SOME_KEY, OTHER_KEY]),
    endpoint=st.sampled_from(["(none)", "192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:2"]),
    allowed_ips=st.sampled_from(["(none)", "10.0.0.1/32", "10.0.0.2/32,10.1.0.0/16"]),
    handshake=st.integers(0, 3),
    rx=st.integers(0, 3),
    tx=st.integers(0, 3),
    keepalive=st.sampled_from(["off", "25"]),
)
looks = st.tuples(
    st.lists(rows, max_size=8, unique_by=lambda row: (row.interface, row.name)),
    st.sampled_from(["51820", "51821"]),
    st.sampled_from(["off", "0x51"]),
    st.sets(st.sampled_from(["wg0", "wg1"])),
)


def text_of(look: Any) -> str:
    """The dump of a look: what it says of interfaces that are not there is left out."""
    peers, port, fwmark, there = look
    lines = [interface_row(name, port=port, fwmark=fwmark) for name in sorted(there)]
    return "".join(lines + [row.text for row in peers if row.interface in there])


@settings(max_examples=200)
@given(st.lists(looks, min_size=1, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
def test_the_same_look_again_gives_nothing(history: list[Any], twice: list[bool]) -> None:
    state = None
    for look, again in zip(history, twice, strict=False):
        read = snapshot(text_of(look))
        state = derive(state, read, TERMS).state
        if again:
            # an interface that is missing again is down, and that is told
            told = derive(state, read, TERMS).events
            found = [json.loads(event.body)["attributes"] for event in told]
            assert {one.get("field", one["type"]) for one in found} <= {"up", "interface_down"}
            state = derive(state, read, TERMS).state
            assert derive(state, read, TERMS).events == ()


@settings(max_examples=200)
@given(looks, looks, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_is_irrelevant(before: Any, after: Any, dice: random.Random) -> None:
    state = remember(text_of(before))
    in_order = derive(state, snapshot(text_of(after)), TERMS)
    lines = text_of(after).splitlines(keepends=True)
    dice.shuffle(lines)
    shuffled = derive(state, snapshot("".join(lines)), TERMS)
    assert {event.body for event in shuffled.events} == {event.body for event in in_order.events}
    assert shuffled.state == in_order.state


def test_changes_come_in_an_order_of_their_own() -> None:
    names = [f"peer {number}" for number in range(20)]
    before = "".join(
        interface_row(wg) + "".join(replace(ALICE, name=name, interface=wg).text for name in names)
        for wg in ("wg2", "wg1")
    )
    after = before.replace("off\n", "25\n").replace("51820\t25", "51820\toff")
    seen = changes(remember(before), snapshot(after))
    assert [(one.interface, one.peer) for one in seen] == [
        (wg, peer) for wg in ("wg1", "wg2") for peer in sorted(map(key, names))
    ]
    for one, other in ((before, interface_row("wg1")), (interface_row("wg1"), before)):
        wg1 = [c for c in changes(remember(one), snapshot(other)) if c.interface == "wg1"]
        assert [change.peer for change in wg1] == sorted(map(key, names))


@settings(max_examples=300)
@given(looks, looks)
def test_the_old_look_and_the_changes_make_the_new_one(before: Any, after: Any) -> None:
    state, now = remember(text_of(before)), snapshot(text_of(after))
    found = changes(state, now)
    for name, interface in now.interfaces.items():
        known = state.snapshot.interfaces.get(name)
        if known is None:
            assert [c.field for c in found if c.interface == name] == ["up"]
            continue
        mine = [change for change in found if change.interface == name]
        assert told_form(known, mine, interface) == form(interface)


def form(interface: Interface) -> dict[str, Any]:
    """Return what changes tell of, as text."""
    return {
        "listen_port": str(interface.listen_port),
        "fwmark": f"0x{interface.fwmark:x}" if interface.fwmark else "off",
        "public_key": interface.public_key,
        "peers": {key: peer_form(peer) for key, peer in interface.peers.items()},
    }


def peer_form(peer: Peer) -> dict[str, str]:
    """The same of a peer; its address only where it has one."""
    fields = {
        "preshared_key": peer.preshared_key_hash[:8],
        "allowed_ips": ",".join(peer.allowed_ips),
        "persistent_keepalive": str(peer.keepalive_s),
    }
    return fields | ({"ip": peer.ip} if peer.ip else {})


def told_form(known: Interface, told: list[Change], now: Interface) -> dict[str, Any]:
    """The old form with the changes applied; of a peer that came its first form is taken."""
    made = form(known)
    for change in told:
        if change.resource == INTERFACES:
            assert made[change.field] == change.old
            made[change.field] = change.new
        elif change.field == "added":
            made["peers"][change.new] = peer_form(now.peers[change.new])
        elif change.field == "removed":
            del made["peers"][change.old]
        elif change.field != "public_key":
            assert change.resource == ENDPOINTS
            assert change.peer is not None
            assert made["peers"][change.peer][change.field] == change.old
            made["peers"][change.peer][change.field] = change.new
    for peer_key, peer in made["peers"].items():
        if now.peers[peer_key].ip is None:
            peer.pop("ip", None)
        elif "ip" not in peer:
            peer["ip"] = now.peers[peer_key].ip
    return made
