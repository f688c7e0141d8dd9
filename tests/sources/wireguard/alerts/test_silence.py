from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.sources.wireguard.alerts.looking import DAY_MS, HOUR_MS, MINUTE_MS, START_S, Host
from tests.support.wireguard.dumps import PeerRow, idle, interface_row

ALICE = PeerRow("alice", handshake=START_S)
KEPT = replace(ALICE, keepalive="25")
ON = {"endpoint_connected": {"active": "on"}, "endpoint_disconnected": {"active": "on"}}
RECORDED = Path(__file__).parents[3] / "data" / "wireguard-unreachable.tsv"


def after(row: PeerRow, host: Host) -> PeerRow:
    """The peer with a handshake of this moment."""
    return replace(row, handshake=host.now_ms // 1000, rx=int(row.rx) + 148)


def test_a_peer_that_is_kept_alive_and_does_not_answer() -> None:
    host = Host()
    host.look(KEPT)
    assert host.watch(KEPT, until_ms=HOUR_MS, every_ms=30_000) == [(210, "endpoint_unreachable")]
    assert host.look(after(KEPT, host)) == []
    told = host.watch(after(KEPT, host), until_ms=26 * HOUR_MS)
    assert told == [], "one a day for one peer"


def test_a_peer_that_is_not_kept_alive_may_be_silent() -> None:
    host = Host()
    host.look(ALICE)
    assert host.watch(ALICE, until_ms=HOUR_MS) == []


def test_the_age_and_the_keepalive_are_told() -> None:
    host = Host()
    host.look(KEPT)
    for _ in range(6):
        host.look(KEPT)
    (alert,) = host.look(KEPT)
    assert (alert["type"], alert["danger"]) == ("endpoint_unreachable", 5)
    assert alert["params"].items() >= {"age": 240, "keepalive": 25, "ip": "198.51.100.2"}.items()


def test_a_peer_that_never_answered_is_unreachable_when_it_was_added_while_we_look() -> None:
    host = Host({"endpoint_added": {"active": "off"}})
    host.look(ALICE)
    never = replace(idle("bob"), endpoint="192.0.2.2:1", keepalive="25")
    assert host.watch(ALICE, never, until_ms=HOUR_MS) == [(300, "endpoint_unreachable")]
    fresh = Host()
    fresh.look(ALICE, never)
    assert fresh.watch(ALICE, never, until_ms=HOUR_MS) == []


def test_a_peer_without_an_address_cannot_be_called() -> None:
    host = Host()
    host.look(ALICE)
    assert host.watch(ALICE, replace(idle("bob"), keepalive="25"), until_ms=HOUR_MS)[1:] == []


def test_who_comes_and_who_goes_where_that_is_wanted() -> None:
    host = Host(ON)
    host.look(ALICE)
    assert host.watch(ALICE, until_ms=HOUR_MS, every_ms=30_000) == [(330, "endpoint_disconnected")]
    (alert,) = host.look(after(ALICE, host))
    assert (alert["type"], alert["danger"]) == ("endpoint_connected", 1)
    assert alert["params"].items() >= {"ip": "198.51.100.2", "age": 3630}.items()
    quiet = Host()
    quiet.look(ALICE)
    assert quiet.watch(ALICE, until_ms=HOUR_MS) == []
    assert quiet.look(after(ALICE, quiet)) == []


def test_a_peer_that_comes_for_the_first_time_is_connected() -> None:
    host = Host(ON)
    host.look(idle("alice"))
    assert host.kinds(after(ALICE, host)) == [("endpoint_connected", 1)]


def test_a_peer_that_is_not_seen_for_long_and_returns() -> None:
    host = Host()
    host.look(ALICE)
    told = host.watch(ALICE, until_ms=31 * DAY_MS, every_ms=MINUTE_MS * 3)
    assert [kind for _, kind in told] == ["endpoint_unseen"]
    assert told[0][0] // 86_400 == 30 or told[0][0] == 30 * 86_400
    (alert,) = host.look(after(ALICE, host))
    assert (alert["type"], alert["danger"]) == ("endpoint_returned", 6)
    assert alert["params"].items() >= {"days": 31, "ip": "198.51.100.2"}.items()
    assert host.look(after(ALICE, host)) == []


def test_of_a_silence_that_was_there_before_us_nothing_is_told() -> None:
    host = Host(ON)
    old = replace(KEPT, handshake=START_S - 40 * 86_400)
    host.look(old)
    assert host.watch(old, until_ms=3 * HOUR_MS) == []
    assert host.kinds(after(old, host)) == [("endpoint_connected", 1), ("endpoint_returned", 6)]


def test_a_break_in_our_looks_makes_nobody_silent() -> None:
    host = Host(ON)
    host.look(KEPT)
    assert host.look(KEPT, after_ms=40 * DAY_MS) == []
    assert host.watch(after(KEPT, host), until_ms=60_000) == []


@pytest.mark.parametrize("every_ms", [5_000, 120_000, 10 * MINUTE_MS, HOUR_MS])
def test_a_source_that_looks_seldom_sees_silences_too(every_ms: int) -> None:
    host = Host()
    host.look(KEPT)
    told = host.watch(KEPT, until_ms=8 * HOUR_MS, every_ms=every_ms)
    assert [kind for _, kind in told] == ["endpoint_unreachable"]
    assert told[0][0] <= 5 * every_ms // 1000 + 300


def test_an_outage_of_the_interface_is_no_silence_of_its_peers() -> None:
    host = Host({"interface_down": {"active": "off"}, "interface_up": {"active": "off"}})
    host.look(KEPT)
    for _ in range(10):
        assert host.look(text=interface_row("wg9")) == []
    forgot = replace(KEPT, handshake=0, rx=0)
    assert host.look(forgot) == []
    assert host.watch(forgot, until_ms=HOUR_MS) == [(240, "endpoint_unreachable")]


def test_a_restart_between_two_looks_is_no_silence_either() -> None:
    host = Host()
    host.look(KEPT)
    for _ in range(4):
        host.look(KEPT)
    forgot = replace(KEPT, handshake=0, rx=0)
    assert host.look(forgot, ifindex=6) == []
    assert host.look(forgot, ifindex=6) == []
    told = [bool(host.look(forgot, ifindex=6)) for _ in range(6)]
    assert told == [False] * 5 + [True]


def test_a_peer_is_called_at_from_when_its_keepalive_is_switched_on() -> None:
    host = Host()
    host.look(ALICE)
    assert host.watch(ALICE, until_ms=HOUR_MS) == []
    assert host.look(KEPT) == []
    assert host.watch(KEPT, until_ms=HOUR_MS) == [(240, "endpoint_unreachable")]


def test_a_peer_is_called_at_from_when_it_has_an_address() -> None:
    host = Host({"endpoint_added": {"active": "off"}})
    host.look(ALICE)
    nowhere = replace(idle("bob"), keepalive="25")
    assert host.watch(ALICE, nowhere, until_ms=HOUR_MS) == []
    somewhere = replace(nowhere, endpoint="192.0.2.1:1")
    assert host.watch(ALICE, somewhere, until_ms=HOUR_MS) == [(240, "endpoint_unreachable")]


def test_a_peer_is_called_at_from_when_it_is_added_again() -> None:
    host = Host({kind: {"active": "off"} for kind in ("endpoint_added", "endpoint_removed")})
    host.look(ALICE, replace(KEPT, name="bob"))
    assert host.watch(ALICE, until_ms=HOUR_MS) == []
    again = replace(idle("bob"), endpoint="192.0.2.1:1", keepalive="25")
    assert host.look(ALICE, again) == []
    assert host.watch(ALICE, again, until_ms=HOUR_MS) == [(240, "endpoint_unreachable")]


def test_a_gap_that_ends_between_two_looks_is_one() -> None:
    host = Host(ON)
    host.look(ALICE, after_ms=0)
    assert host.watch(ALICE, until_ms=4 * MINUTE_MS, every_ms=2 * MINUTE_MS) == []
    (alert,) = host.look(replace(ALICE, handshake=START_S + 350), after_ms=2 * MINUTE_MS)
    assert alert["type"] == "endpoint_connected"
    assert alert["params"]["age"] == 350


def busy(host: Host, every_ms: int) -> PeerRow:
    """The peer at the next look, with a handshake of a minute before that."""
    return replace(ALICE, handshake=(host.now_ms + every_ms) // 1000 - 60)


@pytest.mark.parametrize("every_ms", [5_000, 4 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS])
def test_a_busy_peer_is_never_away_however_seldom_we_look(every_ms: int) -> None:
    host = Host(ON)
    for _ in range(60):
        assert host.look(busy(host, every_ms), after_ms=every_ms) == []


@pytest.mark.parametrize("every_ms", [5_000, 4 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS])
def test_who_was_away_comes_back_however_seldom_we_look(every_ms: int) -> None:
    host = Host(ON)
    for _ in range(12):
        host.look(busy(host, every_ms), after_ms=every_ms)
    away = busy(host, 0)
    told = host.watch(away, until_ms=2 * every_ms + 5 * MINUTE_MS, every_ms=every_ms)
    assert [kind for _, kind in told] == ["endpoint_disconnected"]
    back = busy(host, every_ms)
    (alert,) = host.look(back, after_ms=every_ms)
    assert alert["type"] == "endpoint_connected"
    assert alert["params"]["age"] == int(back.handshake) - int(away.handshake)
    assert host.look(busy(host, every_ms), after_ms=every_ms) == []


def test_a_gap_that_nobody_watched_is_none() -> None:
    host = Host(ON)
    host.look(ALICE)
    assert host.look(after(ALICE, host), after_ms=HOUR_MS) == []
    ahead = replace(ALICE, handshake=host.now_ms // 1000 + 400, rx=1_000)
    told = [one["type"] for one in host.look(ahead)]
    assert told == ["source_stale"], "a host's clock that was set is no gap"


@pytest.mark.parametrize(
    ("gap_ms", "told"), [(29 * MINUTE_MS, ["endpoint_unreachable"]), (31 * MINUTE_MS, [])]
)
def test_a_break_is_longer_than_three_intervals(gap_ms: int, told: list[str]) -> None:
    host, row = Host(), KEPT
    for number in range(6):
        row = replace(KEPT, handshake=START_S + number * 600)
        assert host.look(row, after_ms=10 * MINUTE_MS if number else 0) == []
    assert [one["type"] for one in host.look(row, after_ms=gap_ms)] == told


def test_the_first_peer_of_an_interface_is_watched_from_the_start() -> None:
    host = Host({"endpoint_added": {"active": "off"}})
    host.look()
    never = replace(idle("bob"), endpoint="192.0.2.2:1", keepalive="25")
    assert host.watch(never, until_ms=HOUR_MS) == [(300, "endpoint_unreachable")]


def test_a_clock_that_jumps_makes_nobody_silent() -> None:
    host = Host(ON)
    host.look(KEPT)
    assert host.look(KEPT, after_ms=40 * DAY_MS) == []
    assert host.look(KEPT, after_ms=-40 * DAY_MS) == []
    assert host.look(after(KEPT, host)) == []


def test_an_interface_that_restarts_keeps_what_is_known_of_silences() -> None:
    host = Host(ON)
    host.look(KEPT)
    forgot = replace(idle("alice"), keepalive="25")
    assert host.look(forgot) == []
    assert [kind for _, kind in host.watch(forgot, until_ms=HOUR_MS)] == ["endpoint_disconnected"]
    assert host.kinds(after(KEPT, host)) == [("endpoint_connected", 1)]


def test_a_recorded_peer_whose_link_is_cut_is_unreachable_and_the_busy_one_is_not() -> None:
    """A real hub saw alice, who is busy, and bob, who is cut off, for 330 s."""
    host = Host()
    looks: dict[float, list[PeerRow]] = {}
    for line in RECORDED.read_text().splitlines():
        if line.startswith("#"):
            continue
        time_s, name, _, handshake, rx, tx = line.split("\t")
        keepalive = "5" if name == "bob" else "off"
        row = PeerRow(name, handshake=int(handshake), rx=rx, tx=tx, keepalive=keepalive)
        looks.setdefault(float(time_s), []).append(row)
    host.now_ms = 1_795_502_836_000
    told = []
    for second, rows in looks.items():
        at_ms = 1_795_502_836_000 + int(second * 1000)
        told += [
            (second, one["params"]["peer"], one["type"], one["params"]["age"])
            for one in host.look(*rows, after_ms=at_ms - host.now_ms)
        ]
    assert told == [(185.2, "bob", "endpoint_unreachable", 192)]


def test_a_clock_that_is_ahead_is_told_once() -> None:
    host = Host()
    host.look(ALICE)
    ahead = replace(ALICE, handshake=host.now_ms // 1000 + 30 + 121)
    (alert,) = host.look(ahead)
    assert (alert["type"], alert["danger"]) == ("source_stale", 6)
    assert alert["params"]["ahead"] == 121
    assert "ahead of ours" in alert["params"]["error"]
    assert host.look(ahead, after_ms=1000) == []
