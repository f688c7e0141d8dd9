from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from domain.alert_kinds import BY_NAME
from sources.geo import Location, origin_of
from sources.wireguard.alerts.origins import MOST_USED, is_good, read_used
from sources.wireguard.alerts.suppression import MOST_VALUES
from sources.wireguard.snapshot import encode_state
from tests.sources.wireguard.alerts.looking import DAY_MS, HOUR_MS, START_S, Host
from tests.support.wireguard.dumps import PeerRow, dump, key

ALICE = PeerRow("alice")
FIRST_USE = ("endpoint_ip_first_use", 3)
NO_LEARNING = {
    kind: {"learning": "0s"}
    for kind in (
        "endpoint_ip_first_use",
        "endpoint_ip_first_use_asn",
        "endpoint_ip_first_use_country",
    )
}


def locate(ip: str) -> Location | None:
    return {
        "198.51.100.2": Location("NL", "Netherlands", 64_496, "North"),
        "198.51.100.3": Location("NL", "Netherlands", 64_496, "North"),
        "203.0.113.2": Location("NL", "Netherlands", 64_497, "East"),
        "192.0.2.2": Location("AU", "Australia", 64_498, "South"),
    }.get(ip)


class Roamer:
    """Alice, who is heard from one address after the other."""

    def __init__(self, given: dict[str, dict[str, str]] | None = None) -> None:
        quiet = {"endpoint_unseen": {"active": "off"}}
        self.host = Host(NO_LEARNING | quiet | (given or {}), locate)
        self.row = ALICE
        self.host.look(ALICE)

    def at(self, ip: str, after_ms: int = 30_000, *, heard: bool = True) -> list[dict[str, Any]]:
        endpoint = f"[{ip}]:1" if ":" in ip else f"{ip}:1"
        self.row = replace(self.row, endpoint=endpoint, rx=int(self.row.rx) + 100 * heard)
        return self.host.look(self.row, after_ms=after_ms)

    def kinds(self, ip: str, after_ms: int = 30_000) -> list[tuple[str, int]]:
        return [(one["type"], one["danger"]) for one in self.at(ip, after_ms)]


def test_a_new_country_a_new_network_and_a_new_address() -> None:
    alice = Roamer()
    assert alice.kinds("198.51.100.3") == [FIRST_USE]
    assert alice.kinds("203.0.113.2") == [FIRST_USE, ("endpoint_ip_first_use_asn", 5)]
    address, network, country = alice.at("192.0.2.2")
    assert address["params"]["known_ips"] == 3
    assert (network["params"]["asn"], network["params"]["as_name"]) == (64_498, "South")
    assert (country["type"], country["danger"]) == ("endpoint_ip_first_use_country", 7)
    assert country["params"].items() >= {
        "ip": "192.0.2.2", "country": "AU", "country_name": "Australia", "days": 45,
    }.items()  # fmt: skip
    assert alice.kinds("198.51.100.2", 3_600_000) == []


def test_a_place_counts_as_new_when_it_was_not_used_for_long() -> None:
    alice = Roamer()
    alice.at("192.0.2.2")
    for _ in range(45 * 24 + 10):
        assert alice.at("198.51.100.2", HOUR_MS) == []
    assert [kind for kind, _ in alice.kinds("192.0.2.2", HOUR_MS)] == list(NO_LEARNING)
    assert alice.kinds("192.0.2.2", HOUR_MS) == []


def test_after_a_break_or_a_jump_of_the_clock_no_known_place_is_new() -> None:
    alice = Roamer()
    alice.at("192.0.2.2")
    alice.at("192.0.2.2", HOUR_MS)
    assert alice.at("192.0.2.2", 60 * DAY_MS) == []
    assert alice.at("198.51.100.2", HOUR_MS) == []
    idle = Roamer()
    assert idle.at("198.51.100.2", 60 * DAY_MS, heard=False) == []
    assert idle.at("198.51.100.2") == []


def test_a_clock_that_was_years_behind_makes_no_place_new() -> None:
    alice, wrong_ms = Roamer({"source_stale": {"active": "off"}}), 6 * 365 * DAY_MS
    assert alice.at("198.51.100.2", -wrong_ms) == []
    assert alice.at("198.51.100.2", HOUR_MS) == []
    assert alice.at("198.51.100.2", wrong_ms) == []
    assert len(alice.at("192.0.2.2")) == 3


def test_a_clock_that_was_ahead_leaves_a_place_that_is_used_as_usual() -> None:
    alice, wrong_ms = Roamer(), 20 * DAY_MS
    alice.at("198.51.100.2", wrong_ms)
    alice.at("198.51.100.2", -wrong_ms)
    for _ in range(46 * 24):
        assert alice.at("198.51.100.2", HOUR_MS) == []


def test_who_was_first_seen_by_a_clock_that_was_ahead_is_not_learned_of_for_ever() -> None:
    alice = Roamer({kind: {} for kind in NO_LEARNING})
    assert alice.kinds("192.0.2.2", -365 * DAY_MS)[0] == FIRST_USE


def test_without_good_ones_no_address_is_suspicious() -> None:
    assert BY_NAME["endpoint_ip_suspicious"].active
    alice = Roamer()
    assert [kind for kind, _ in alice.kinds("192.0.2.2")] == list(NO_LEARNING)


def test_an_endpoint_that_was_away_for_long_has_not_forgotten_where_it_was() -> None:
    alice = Roamer()
    found = [kind for kind, _ in alice.kinds("192.0.2.2", 60 * DAY_MS)]
    assert found == list(NO_LEARNING)


def test_in_its_first_week_a_peer_is_learned_of() -> None:
    alice = Roamer({kind: {} for kind in NO_LEARNING})
    assert alice.kinds("192.0.2.2") == [(kind, 1) for kind in NO_LEARNING]
    assert alice.kinds("203.0.113.2", 7 * DAY_MS)[0] == FIRST_USE


def test_an_address_that_an_admin_sets_is_not_used_until_something_comes_from_there() -> None:
    alice = Roamer()
    assert alice.at("192.0.2.2", heard=False) == []
    assert alice.at("192.0.2.2", heard=False) == []
    assert len(alice.at("192.0.2.2")) == 3


def test_a_peer_that_comes_for_the_first_time_is_nowhere_new() -> None:
    host = Host(NO_LEARNING, locate)
    host.look(replace(ALICE, endpoint="(none)", handshake=0, rx=0, tx=0))
    assert host.look(ALICE) == []
    assert host.kinds(replace(ALICE, endpoint="203.0.113.2:1", rx=900))[0] == FIRST_USE


def test_a_host_that_changes_its_address_in_one_network_of_ipv6_stays_where_it_is() -> None:
    alice = Roamer()
    assert alice.kinds("2001:db8::1") == [FIRST_USE]
    assert alice.kinds("2001:db8::ffff:2") == []
    assert alice.host.state is not None
    assert alice.host.state.memory.endpoints["wg0"][key("alice")].ip == "2001:db8::ffff:2"
    assert alice.kinds("2001:db8:0:1::1") == [FIRST_USE]


@pytest.mark.parametrize(
    ("ip", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%u-bob", "fe80::/64%u-bob"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_a_place_is_an_address_or_a_network(ip: str, place: str) -> None:
    assert origin_of(ip) == place


def test_two_holders_of_one_key_are_told_once() -> None:
    alice = Roamer()
    alice.at("192.0.2.2")
    (alert,) = alice.at("198.51.100.2", 60_000)
    assert (alert["type"], alert["danger"]) == ("endpoint_ip_flapping", 8)
    assert alert["params"].items() >= {
        "ips": ["192.0.2.2", "198.51.100.2"], "changes": 2, "seconds": 60,
    }.items()  # fmt: skip
    assert alice.at("192.0.2.2") == []
    assert alice.at("198.51.100.2") == []


def test_who_comes_back_later_has_only_been_away() -> None:
    alice = Roamer()
    alice.at("192.0.2.2")
    assert alice.at("198.51.100.2", 600_001) == []


@pytest.mark.parametrize(
    ("good", "ip", "fine"),
    [
        ("192.0.2.0/24", "192.0.2.2", True),
        ("192.0.2.0/24", "198.51.100.2", False),
        ("AS64496", "198.51.100.2", True),
        ("AS64496", "192.0.2.2", False),
        ("NL", "203.0.113.2", True),
        ("NL", "192.0.2.9", False),
        ("2001:db8::/32", "2001:db8:5::1", True),
        ("2001:db8::/32", "192.0.2.9", False),
        ("192.0.2.0/24", "::ffff:192.0.2.2", True),
        ("192.0.2.0/24", "fe80::1%u-bob", False),
    ],
)
def test_what_is_good(good: str, ip: str, fine: bool) -> None:
    assert is_good((good,), ip, locate(ip)) is fine


def test_an_address_that_is_not_good_is_suspicious_once_a_day() -> None:
    alice = Roamer({"endpoint_ip_suspicious": {"good": "NL, 10.0.0.0/8"}})
    assert alice.at("203.0.113.2")[0]["type"] == "endpoint_ip_first_use"
    alert = alice.at("192.0.2.2")[0]
    assert (alert["type"], alert["danger"]) == ("endpoint_ip_suspicious", 8)
    assert (alert["params"]["country"], alert["params"]["asn"]) == ("AU", 64_498)
    assert alice.kinds("192.0.2.2", 7_200_000) == []
    assert alice.kinds("192.0.2.2", DAY_MS) == [("endpoint_ip_suspicious", 8)]


def test_a_peer_of_a_thousand_addresses_is_told_a_hundred_times_and_remembered_in_part() -> None:
    alice = Roamer()
    told = sum(len(alice.at(f"2001:db8:{number:x}::1", 1_000)) for number in range(1_000))
    assert told == MOST_VALUES
    state = alice.host.state
    assert state is not None
    usage = state.memory.endpoints["wg0"][key("alice")]
    assert len(read_used(usage.used)) <= 3 * MOST_USED
    assert len(encode_state(state)) < 20_000
    assert alice.kinds("192.0.2.2", DAY_MS)[0] == FIRST_USE, "the next day all is told again"


def test_what_is_over_is_forgotten() -> None:
    host = Host(NO_LEARNING)
    host.look(ALICE)
    host.look(ALICE, PeerRow("bob"))
    assert host.state is not None
    assert len(host.state.memory.suppressed) == 1
    host.look(ALICE, after_ms=2 * DAY_MS)
    host.look(ALICE, after_ms=40 * DAY_MS)
    host.look(ALICE)
    assert host.state.memory.suppressed == {}
    assert list(host.state.memory.endpoints["wg0"]) == [key("alice")]


def test_the_first_look_tells_nothing() -> None:
    host = Host(NO_LEARNING, locate)
    assert host.look(text=dump(ALICE, PeerRow("bob", endpoint="192.0.2.2:1"))) == []
    assert host.now_ms // 1000 > START_S
