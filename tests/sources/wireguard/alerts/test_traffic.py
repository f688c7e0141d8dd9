from __future__ import annotations

import pytest
from msgspec.structs import replace

from sources.wireguard.alerts.traffic import Past, amount_of, level, phase_s, read_history
from tests.sources.wireguard.alerts.looking import DAY_MS, HOUR_MS, MINUTE_MS, Host
from tests.support.wireguard.dumps import PeerRow, key

GIB = 1 << 30
ALICE = PeerRow("alice", handshake=1_795_400_000, rx=0, tx=0)


class Busy:
    """Alice, who moves so much in every hour."""

    def __init__(self, given: dict[str, str] | None = None) -> None:
        self.host = Host({"endpoint_traffic_spike": {"learning": "0s"} | (given or {})})
        self.row = ALICE
        self.host.look(ALICE)
        self.hour(0, first_ms=HOUR_MS - 1000 * phase_s(key("alice")))

    def hour(self, rx: int, tx: int = 0, *, first_ms: int = 0) -> list[str]:
        """One of its hours, which begins after `first_ms`."""
        self.host.look(self.row, after_ms=first_ms)
        told: list[str] = []
        for _ in range(6):
            self.row = replace(
                self.row, rx=int(self.row.rx) + rx // 6, tx=int(self.row.tx) + tx // 6
            )
            alerts = self.host.look(self.row, after_ms=10 * MINUTE_MS)
            told += [f"{one['type']} {one['params']['direction']}" for one in alerts]
        return told


def test_more_than_ten_times_the_usual_is_a_spike() -> None:
    busy = Busy()
    for _ in range(3 * 24):
        assert busy.hour(GIB // 2) == []
    assert busy.hour(4 * GIB) == []
    assert busy.hour(12 * GIB) == ["endpoint_traffic_spike received"]
    assert busy.hour(12 * GIB) == []


def test_what_is_sent_has_its_own_usual() -> None:
    busy = Busy()
    for _ in range(2 * 24):
        busy.hour(GIB // 2)
    assert busy.hour(GIB // 2, 2 * GIB) == ["endpoint_traffic_spike sent"]


def test_less_than_the_least_is_never_a_spike() -> None:
    busy = Busy()
    for _ in range(30):
        busy.hour(600)
    assert busy.hour(GIB - 6000) == []
    assert Busy({"least": "1MB"}).hour(2_000_000) == ["endpoint_traffic_spike received"]


def test_bytes_and_the_usual_are_told() -> None:
    busy = Busy()
    for _ in range(26):
        busy.hour(1 << 20)
    busy.row = replace(busy.row, rx=int(busy.row.rx) + 2 * GIB)
    (alert,) = busy.host.look(busy.row)
    assert alert["danger"] == 5
    assert alert["params"]["usual"] * 0.66 <= 1 << 20 <= alert["params"]["usual"] * 1.51
    assert alert["params"]["bytes"] >= 2 * GIB


def test_in_its_first_week_a_peer_is_learned_of() -> None:
    busy = Busy({"learning": "7d"})
    busy.row = replace(busy.row, rx=2 * GIB)
    assert busy.host.kinds(busy.row) == [("endpoint_traffic_spike", 1)]


def test_what_moved_while_nobody_looked_belongs_to_no_hour() -> None:
    busy = Busy()
    busy.row = replace(busy.row, rx=100 * GIB)
    assert busy.host.look(busy.row, after_ms=2 * DAY_MS) == []
    busy.row = replace(busy.row, rx=102 * GIB)
    assert busy.host.kinds(busy.row) == [("endpoint_traffic_spike", 5)]


def test_an_hour_that_a_clock_that_was_ahead_began_is_over_when_it_is_right_again() -> None:
    busy = Busy()
    for jump_ms in (365 * DAY_MS, -365 * DAY_MS):
        busy.host.look(busy.row, after_ms=jump_ms)
    for _ in range(6):
        assert busy.hour(0, GIB // 3) == []


def test_a_restart_neither_hides_nor_invents_traffic() -> None:
    busy = Busy()
    busy.row = replace(busy.row, rx=GIB - 1000)
    assert busy.host.look(busy.row) == []
    busy.row = replace(busy.row, rx=500)
    assert busy.host.look(busy.row) == []
    busy.row = replace(busy.row, rx=2000)
    assert busy.host.kinds(busy.row) == [("endpoint_traffic_spike", 5)]


def test_a_week_of_hours_takes_little_room() -> None:
    busy = Busy()
    for _ in range(20 * 24):
        busy.hour(GIB // 4)
    assert busy.host.state is not None
    history = busy.host.state.memory.endpoints["wg0"][key("alice")].history
    assert [len(past.days) for past in read_history(history)] == [7, 7]
    assert len(history) <= 2 * (24 + 7) + 3


@pytest.mark.parametrize("amount", [0, 1, 2, 3, 1000, 1024, 1535, 1536, GIB, GIB * 3 // 2, 10**12])
def test_a_character_stands_for_an_amount(amount: int) -> None:
    assert amount_of(level(amount)) <= amount
    assert amount <= 1.5 * amount_of(level(amount)) + (amount == 1)
    assert level(amount) < level(2 * amount + 1)


def test_the_usual_of_nothing_is_nothing() -> None:
    assert Past().usual == 0
    assert amount_of(level(1 << 60)) > 10**11
