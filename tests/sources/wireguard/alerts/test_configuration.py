from __future__ import annotations

import sys
from collections.abc import Callable
from ipaddress import ip_network
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.ids import resource_id
from sources.wireguard.alerts.configuration import Losses, widened
from sources.wireguard.changes import changes
from sources.wireguard.snapshot import Snapshot, State
from sources.wireguard.source import derive
from tests.sources.wireguard.alerts.looking import DAY_MS, Host
from tests.support.wireguard.dumps import PeerRow, dump, interface_row, key, snapshot

ALICE = PeerRow("alice")
BOB = PeerRow("bob", allowed_ips="10.99.0.3/32,10.50.0.0/16")


def steps_of(work: Callable[[], object]) -> int:
    """Count the instructions that this runs: a measure of work that no busy machine changes."""
    count = 0

    def trace(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_an_alert_has_exactly_this_form() -> None:
    host = Host()
    assert host.look(ALICE) == []
    (alert,) = host.look(ALICE, BOB, after_ms=28_500)
    assert alert == {
        "created": "2026-11-24T06:36:00Z",
        "danger": 5,
        "params": {
            "allowed_ips": ["10.50.0.0/16", "10.99.0.3/32"],
            "host": "hub",
            "host_pub": resource_id("hosts", "hub"),
            "interface": "wg0",
            "interface_pub": resource_id("interfaces", "hub", "wg0"),
            "peer": "bob",
            "peer_pub": resource_id("endpoints", "hub", "wg0", key("bob")),
            "public_key": key("bob"),
            "taken_from": [],
            "taken_from_pub": [],
        },
        "suppress_until": "2026-11-25T06:35:59Z",
        "type": "endpoint_added",
        "updated": "2026-11-24T06:36:00Z",
    }


def test_without_names_there_are_ids_alone() -> None:
    host = Host(event_names=False)
    host.look(ALICE, BOB)
    (alert,) = host.look(replace(ALICE, allowed_ips="10.99.0.2/32,10.50.0.0/16"),
                         replace(BOB, allowed_ips="10.99.0.3/32"))  # fmt: skip
    assert {"host", "interface", "peer", "taken_from"}.isdisjoint(alert["params"])
    assert alert["params"]["taken_from_pub"] == [resource_id("endpoints", "hub", "wg0", key("bob"))]


@pytest.mark.parametrize(
    ("had", "taken", "left"),
    [
        ("10.0.0.0/8", "10.1.0.0/16", "10.99.0.3/32"),
        ("0.0.0.0/0", "10.99.0.3/32", "(none)"),
    ],
)
def test_a_peer_that_takes_a_range_within_its_own_is_told(had: str, taken: str, left: str) -> None:
    """A smaller network goes before a larger one, so that what it is for changes hands."""
    host = Host()
    own = ",".join(one for one in (left, taken) if one != "(none)")
    host.look(replace(ALICE, allowed_ips=had), replace(BOB, allowed_ips=own))
    alerts = host.look(replace(ALICE, allowed_ips=f"{had},{taken}"), replace(BOB, allowed_ips=left))
    assert [(one["type"], one["danger"]) for one in alerts] == [("endpoint_allowed_ips_widened", 6)]
    assert alerts[0]["params"]["added"] == [taken]
    assert alerts[0]["params"]["taken_from"] == ["bob"]


def test_a_new_peer_that_takes_a_range_says_from_whom() -> None:
    host = Host()
    host.look(ALICE, BOB)
    taker = PeerRow("carol", allowed_ips="10.50.0.0/16")
    (alert,) = host.look(ALICE, replace(BOB, allowed_ips="10.99.0.3/32"), taker)
    assert alert["type"] == "endpoint_added"
    assert alert["params"]["taken_from"] == ["bob"]
    assert alert["params"]["taken_from_pub"] == [resource_id("endpoints", "hub", "wg0", key("bob"))]


def test_who_is_added_again_with_what_another_had_is_told_again() -> None:
    host = Host()
    small = replace(BOB, allowed_ips="10.99.0.3/32")
    taker = PeerRow("carol", allowed_ips="10.50.0.0/16")
    host.look(ALICE, small)
    assert host.kinds(ALICE, small, taker) == [("endpoint_added", 5)]
    host.look(ALICE, BOB)
    assert host.kinds(ALICE, small, taker) == [("endpoint_added", 5)]


def test_a_new_peer_that_may_use_every_address_is_more_dangerous() -> None:
    host = Host({"endpoint_added": {"danger": "7"}})
    host.look(ALICE)
    whole = replace(BOB, allowed_ips="0.0.0.0/0,::/0")
    assert host.kinds(ALICE, whole) == [("endpoint_added", 9)]


@pytest.mark.parametrize(
    ("old", "new", "danger"),
    [
        ("10.99.0.3/32", "0.0.0.0/0", 9),
        ("10.99.0.3/32", "0.0.0.0/1,128.0.0.0/1", 9),
        ("0.0.0.0/1", "0.0.0.0/1,128.0.0.0/1", 9),
        ("10.99.0.3/32", "10.99.0.3/32,::/1,8000::/1", 9),
        ("0.0.0.0/0", "0.0.0.0/0,fd00::/64", 6),
        ("10.99.0.3/32", "0.0.0.0/1", 6),
    ],
)
def test_a_peer_that_may_use_every_address_from_now_on_is_more_dangerous(
    old: str, new: str, danger: int
) -> None:
    host = Host()
    host.look(ALICE, replace(BOB, allowed_ips=old))
    widened_to = replace(BOB, allowed_ips=new)
    assert host.kinds(ALICE, widened_to) == [("endpoint_allowed_ips_widened", danger)]


def test_two_halves_are_every_address() -> None:
    host = Host()
    host.look(ALICE)
    halves = replace(BOB, allowed_ips="0.0.0.0/1,128.0.0.0/1")
    assert host.kinds(ALICE, halves) == [("endpoint_added", 8)]


def test_a_clock_that_was_ahead_mutes_nobody() -> None:
    host, wrong_ms = Host(), 365 * DAY_MS
    host.look(ALICE, BOB)
    assert host.kinds(ALICE, after_ms=wrong_ms) == [("endpoint_removed", 4)]
    assert host.kinds(ALICE, BOB) == [("endpoint_added", 5)]
    assert host.kinds(ALICE, after_ms=DAY_MS // 2 - wrong_ms) == [("endpoint_removed", 4)]
    assert host.kinds(ALICE, BOB) == [("endpoint_added", 5)]
    assert host.kinds(ALICE, after_ms=-300_000) == [], "a little back is no other time"


def test_what_a_clock_that_was_ahead_has_told_is_forgotten() -> None:
    host, wrong_ms = Host(), 365 * DAY_MS
    host.look(ALICE, BOB)
    host.look(ALICE, after_ms=wrong_ms)
    assert host.state is not None
    assert host.state.memory.suppressed
    host.look(ALICE, after_ms=-wrong_ms)
    assert host.state.memory.suppressed == {}


def test_the_same_is_told_again_only_when_its_time_is_over() -> None:
    host = Host({"endpoint_removed": {"suppress": "1h"}})
    host.look(ALICE, BOB)
    assert host.kinds(ALICE) == [("endpoint_removed", 4)]
    assert host.kinds(ALICE, BOB) == [("endpoint_added", 5)]
    assert host.kinds(ALICE) == []
    assert host.kinds(ALICE, BOB, after_ms=3_600_000) == []
    assert host.kinds(ALICE) == [("endpoint_removed", 4)]
    assert host.kinds(ALICE, BOB, after_ms=DAY_MS) == [("endpoint_added", 5)]


def test_who_is_added_again_with_more_addresses_is_told_again() -> None:
    host = Host()
    host.look(ALICE)
    assert host.kinds(ALICE, BOB) == [("endpoint_added", 5)]
    host.look(ALICE)
    assert host.kinds(ALICE, BOB) == []
    host.look(ALICE)
    whole = replace(BOB, allowed_ips="0.0.0.0/0")
    assert host.kinds(ALICE, whole) == [("endpoint_added", 8)]


def test_a_kind_that_is_off_is_not_raised() -> None:
    host = Host({"endpoint_added": {"active": "off"}})
    host.look(ALICE)
    assert host.kinds(ALICE, BOB) == []


def test_a_second_value_is_told_of_too() -> None:
    host = Host()
    host.look(ALICE)
    one, other = key("preshared"), key("another preshared")
    changed = [("endpoint_preshared_key_changed", 5)]
    assert host.kinds(replace(ALICE, preshared_key=one)) == changed
    assert host.kinds(replace(ALICE, preshared_key=other)) == changed
    assert host.kinds(ALICE) == [("endpoint_preshared_key_removed", 7)]
    assert host.kinds(replace(ALICE, preshared_key=one)) == []


def test_an_interface_is_down_and_up_and_its_key_replaced() -> None:
    host = Host()
    host.look(ALICE)
    other = interface_row().replace(key("wg0"), key("other"))
    (alert,) = host.look(text=other + ALICE.text)
    assert (alert["type"], alert["danger"]) == ("interface_key_changed", 7)
    assert (alert["params"]["old_key"], alert["params"]["new_key"]) == (key("wg0"), key("other"))
    nothing = interface_row("wg9")
    assert [one["type"] for one in host.look(text=nothing)] == ["interface_up"]  # wg9
    assert [one["type"] for one in host.look(text=nothing)] == ["interface_down"]
    assert [one["type"] for one in host.look(text=nothing + other + ALICE.text)] == ["interface_up"]


@pytest.mark.parametrize(
    ("old", "new", "added"),
    [
        ("10.0.0.0/24", "10.0.0.0/25", ()),
        ("10.0.0.0/25", "10.0.0.0/24", ("10.0.0.0/24",)),
        ("10.0.0.0/25,10.0.0.128/25", "10.0.0.0/24", ()),
        ("0.0.0.0/0", "10.0.0.0/24,192.0.2.1/32", ()),
        ("0.0.0.0/0", "::/0", ("::/0",)),
        ("", "fd00::2/128", ("fd00::2/128",)),
        ("10.0.0.1/32", "nonsense", ("nonsense",)),
        ("nonsense", "nonsense,10.0.0.1/32", ("10.0.0.1/32",)),
    ],
)
def test_only_more_addresses_are_wider(old: str, new: str, added: tuple[str, ...]) -> None:
    assert widened(old.split(","), new.split(",")) == added


@pytest.mark.parametrize(
    ("lost", "added", "expected"),
    [
        (["10.0.0.0/16"], ["10.0.0.0/16"], True),
        (["10.0.1.0/24"], ["10.0.0.0/16"], True),
        (["10.0.0.0/16"], ["10.0.1.0/24"], True),
        (["10.1.0.0/16"], ["10.0.0.0/16"], False),
        (["nonsense"], ["nonsense"], False),
        ([], ["10.0.0.0/16"], False),
    ],
)
def test_what_one_lost_another_got(lost: list[str], added: list[str], expected: bool) -> None:
    losses = Losses([("bob", lost), ("carol", ["192.0.2.1/32", *lost])])
    both, carol = ({added[0]: {*who}} for who in (("bob", "carol"), ("carol",)))
    assert losses.taken("alice", (), added, 9) == (both if expected else {})
    assert losses.taken("bob", (), added, 9) == (carol if expected else {})


@pytest.mark.parametrize(
    ("lost", "own", "expected"),
    [
        ("10.1.0.0/16", "10.0.0.0/8", True),
        ("10.1.1.0/24", "10.1.0.0/23", True),
        ("10.0.0.0/8", "10.1.0.0/16", False),
        ("10.0.0.0/8", "10.0.0.0/8", False),
        ("10.0.0.0/8", "10.2.0.0/16", True),
        ("10.0.0.0/8", "::/0", True),
    ],
)
def test_what_another_had_around_it_was_its_own_already(
    lost: str, own: str, expected: bool
) -> None:
    taken = Losses([("bob", [lost])]).taken("carol", [own], ["10.1.0.0/22"], 9)
    assert taken == ({"10.1.0.0/22": {"bob"}} if expected else {})


networks = st.builds(
    lambda address, length: f"10.0.0.{address}/{length}",
    st.integers(0, 255),
    st.integers(22, 32),
)


@given(st.dictionaries(st.sampled_from("abcd"), st.lists(networks)), st.lists(networks))
def test_who_lost_it_is_whoever_had_a_network_that_overlaps(
    lost: dict[str, list[str]], added: list[str]
) -> None:
    got = [ip_network(text, strict=False) for text in added]
    expected = [
        peer
        for peer, texts in sorted(lost.items())
        if any(ip_network(text, strict=False).overlaps(one) for text in texts for one in got)
    ]
    taken = Losses(lost.items()).taken("z", (), added, 9)
    assert sorted(set().union(*taken.values())) == expected


def test_a_look_goes_through_so_many_losses_and_no_more() -> None:
    losses = Losses([("bob", ["10.0.0.1/32"] * 500_001)])
    assert losses.taken("alice", (), ["10.0.0.0/8"], 2) == {"10.0.0.0/8": {"bob"}}
    assert losses.taken("alice", (), ["10.0.0.0/8"], 2) == {}


def renumbered(peers: int) -> tuple[Snapshot, Snapshot]:
    """The same peers before and after all their addresses were replaced."""
    before, after = (
        dump(*(PeerRow(f"{i}", allowed_ips=f"{net}.0.{i >> 8}.{i & 255}/32") for i in range(peers)))
        for net in (10, 11)
    )
    return snapshot(before), snapshot(after)


def replaced(peers: int) -> tuple[Snapshot, Snapshot]:
    """Peers that all have a new key with the addresses of the old one."""
    before, after = (
        dump(*(PeerRow(f"{who} {i}", allowed_ips=f"10.0.{i >> 8}.{i & 255}/32")
               for i in range(peers)))
        for who in ("old", "new")
    )  # fmt: skip
    return snapshot(before), snapshot(after)


def test_twice_as_many_changes_are_twice_the_work() -> None:
    terms = Host().terms

    def steps(
        looks: Callable[[int], tuple[Snapshot, Snapshot]],
        peers: int,
        work: Callable[[State, Snapshot], object],
    ) -> int:
        before, after = looks(peers)
        state = derive(None, before, terms).state
        return steps_of(lambda: work(state, after))

    def alerts(state: State, after: Snapshot) -> object:
        return derive(state, after, terms)

    assert steps(renumbered, 200, alerts) < 2.2 * steps(renumbered, 100, alerts)
    assert steps(replaced, 200, changes) < 2.2 * steps(replaced, 100, changes)


def test_a_list_is_cut_that_is_longer_than_anybody_reads() -> None:
    host = Host()
    host.look(ALICE)
    many = ",".join(f"10.{a}.{b}.0/24" for a in range(20) for b in range(256))
    (alert,) = host.look(replace(ALICE, allowed_ips=many))
    assert len(alert["params"]["added"]) == 50


def test_a_dump_of_other_peers_raises_nothing_of_peers_that_stay() -> None:
    host = Host()
    host.look(ALICE, BOB)
    assert host.look(text=dump(BOB, ALICE)) == []
