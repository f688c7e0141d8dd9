from __future__ import annotations

from tests.sources.wireguard.alerts.looking import DAY_MS, MINUTE_MS, Host
from tests.support.wireguard.dumps import dump, interface_row

DOWN, UP = [("wg0", "interface_down")], [("wg0", "interface_up")]


def looks(host: Host, *, there: bool, minutes: int) -> list[tuple[str, str]]:
    """The interfaces and the alerts of them, of a look a minute."""
    text = interface_row("wg1") + (dump() if there else "")
    return [
        (alert["params"]["interface"], alert["type"])
        for _ in range(minutes)
        for alert in host.look(text=text, after_ms=MINUTE_MS)
    ]


def test_short_outages_are_told_once_a_day() -> None:
    host = Host()
    looks(host, there=True, minutes=1)
    assert looks(host, there=False, minutes=5) == DOWN
    assert looks(host, there=True, minutes=1) == UP
    for _ in range(3):
        assert looks(host, there=False, minutes=9) == []
        assert looks(host, there=True, minutes=1) == []


def test_an_outage_that_lasts_is_told_after_a_short_one() -> None:
    host = Host()
    looks(host, there=True, minutes=1)
    looks(host, there=False, minutes=5)
    looks(host, there=True, minutes=1)
    assert looks(host, there=False, minutes=10) == []
    assert looks(host, there=False, minutes=1) == DOWN
    assert looks(host, there=False, minutes=2 * DAY_MS // MINUTE_MS) == []
    assert looks(host, there=True, minutes=1) == UP


def test_each_outage_that_lasts_is_told_once_and_its_end_too() -> None:
    host = Host()
    looks(host, there=True, minutes=1)
    for _ in range(3):
        assert looks(host, there=False, minutes=30) == DOWN
        assert looks(host, there=True, minutes=5) == UP


def test_where_looks_are_rare_the_second_one_tells_of_what_lasts() -> None:
    host = Host({"interface_down": {"suppress": "0s"}})
    text = interface_row("wg1")
    host.look(text=text + dump())
    assert host.look(text=text, after_ms=60 * MINUTE_MS) == []
    (alert,) = host.look(text=text, after_ms=60 * MINUTE_MS)
    assert alert["type"] == "interface_down"
    assert host.look(text=text, after_ms=60 * MINUTE_MS) == []
