"""Properties of alerts, whatever a host looks like."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alert_kinds import all_terms
from domain.event_types import EventType
from domain.times import parse_rfc3339
from sources.geo import Location
from sources.wireguard.events import DeriveTerms, HostNames
from sources.wireguard.snapshot import State, decode_state, encode_state
from sources.wireguard.source import Derived, derive
from tests.support.wireguard.dumps import PeerRow, interface_row, key, snapshot

START_MS = 1_795_502_130_000
ON = {"active": "on"}
GIVEN = {
    "endpoint_connected": ON,
    "endpoint_disconnected": ON,
    "endpoint_ip_suspicious": {"good": "NL"},
    "endpoint_traffic_spike": {"least": "10"},
}


def locate(ip: str) -> Location | None:
    return Location("AU" if ip.startswith("2001") else "NL", "", len(ip))


TERMS = DeriveTerms(user="somebody", names=HostNames("hub"), alerts=all_terms(GIVEN), locate=locate)
WAITS_MS = (0, 1_000, 30_000, 170_000, 3_700_000, 90_000_000, -40_000)
Look = tuple[list[PeerRow], int]


def row(dice: random.Random) -> PeerRow:
    """A peer that may be any of a few, anywhere."""
    return PeerRow(
        name=dice.choice(["alice", "bob", "carol"]),
        interface=dice.choice(["wg0", "wg0", "wg1"]),
        preshared_key=dice.choice(["(none)", key("one"), key("other")]),
        endpoint=dice.choice(["(none)", "192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:2"]),
        allowed_ips=dice.choice(["(none)", "10.0.0.1/32", "10.0.0.2/32,10.1.0.0/16"]),
        handshake=dice.choice([0, *range(1_795_502_000, 1_795_502_500, 100)]),
        rx=dice.choice([0, 1, 20, 500]),
        tx=dice.choice([0, 1, 20, 500]),
        keepalive=dice.choice(["off", "25"]),
    )


def history(seed: int) -> list[Look]:
    """Looks, and how long after the one before; from dice, since they are many fields."""
    dice = random.Random(seed)
    looks = []
    for _ in range(dice.randint(1, 12)):
        rows = {(one.interface, one.name): one for one in (row(dice) for _ in range(5))}
        looks.append((list(rows.values()), dice.choice(WAITS_MS)))
    return looks


seeds = st.integers(0, 1 << 32)


def text_of(look: list[PeerRow]) -> str:
    names = sorted({row.interface for row in look})
    return "".join(map(interface_row, names)) + "".join(row.text for row in look)


def alerts(derived: Derived) -> list[dict[str, Any]]:
    found = [json.loads(one.body) for one in derived.events if one.type is EventType.ALERTS]
    return [body["attributes"] for body in found]


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_a_subject_is_told_of_once_until_its_time_is_over(seed: int) -> None:
    state, now_ms = None, START_MS
    until: dict[str, int] = {}
    ids: set[str] = set()
    for look, wait_ms in history(seed):
        now_ms += wait_ms
        derived = derive(state, snapshot(text_of(look), read_at_ms=now_ms), TERMS)
        state = decode_state(encode_state(derived.state))
        for alert in alerts(derived):
            params = alert["params"]
            value = [
                params.get(name)
                for name in ("country", "asn", "direction", "new_key", "allowed_ips", "taken_from")
            ]
            if alert["type"] == "endpoint_ip_first_use":
                value.append(params["ip"])
            if alert["type"] == "endpoint_ip_flapping":
                value.append("".join(sorted(params["ips"][-2:])))
            if alert["type"].startswith(
                (
                    "endpoint_allowed",
                    "endpoint_preshared",
                    "endpoint_key",
                    "interface_down",
                    "interface_up",
                )
            ):
                continue  # their values are not all among the params
            subject = json.dumps(
                [alert["type"], params.get("peer_pub"), params.get("interface_pub"), value]
            )
            assert until.get(subject, 0) <= now_ms
            until[subject] = parse_rfc3339(alert["suppress_until"])
        new = [one.id for one in derived.events if one.type is EventType.ALERTS]
        assert len(set(new)) == len(new)
        assert wait_ms <= 0 or ids.isdisjoint(new)
        ids.update(new)


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_the_same_look_again_raises_nothing(seed: int) -> None:
    state, now_ms = None, START_MS
    for look, wait_ms in history(seed):
        now_ms += wait_ms
        read = snapshot(text_of(look), read_at_ms=now_ms)
        state = derive(state, read, TERMS).state
        again = derive(state, read, TERMS)
        assert {one["type"] for one in alerts(again)} <= {"interface_down"}
        assert alerts(derive(again.state, read, TERMS)) == []
        state = again.state


@settings(max_examples=100, deadline=None)
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_is_irrelevant(seed: int, dice: random.Random) -> None:
    one: State | None = None
    other: State | None = None
    now_ms = START_MS
    for look, wait_ms in history(seed):
        now_ms += wait_ms
        lines = text_of(look).splitlines(keepends=True)
        in_order = derive(one, snapshot("".join(lines), read_at_ms=now_ms), TERMS)
        dice.shuffle(lines)
        shuffled = derive(other, snapshot("".join(lines), read_at_ms=now_ms), TERMS)
        assert in_order.state.memory == shuffled.state.memory
        assert {event.id for event in in_order.events} == {event.id for event in shuffled.events}
        one, other = in_order.state, shuffled.state
