"""Sign-ins that raise an alert, and a memory of them that stays small."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.alert_kinds import KINDS, AlertTerms
from domain.events import Event
from domain.settings import DAY_MS, MINUTE_MS
from sources.geo import Location
from sources.logins import alerts
from sources.logins.alerts import AlertRules, SignInMemory, raised
from sources.logins.events import SignIn

NOW_MS = 1_795_502_130_000
HOME, AWAY = "198.51.100.7", "203.0.113.9"
PLACES = {
    HOME: Location("NL", "Netherlands"),
    AWAY: Location("BR", "Brazil"),
    "203.0.113.10": Location("BR", "Brazil"),
}
RULES = AlertRules(locate=PLACES.get)


def good(at_ms: int, ip: str | None = HOME, user: str = "alice") -> SignIn:
    facts = (user, str(ip), str(at_ms))
    return SignIn(at_ms, "ssh", ip, "ssh://gateway", user, f"id of {user}", facts, "gateway")


def bad(at_ms: int, ip: str | None = AWAY, user: str = "root") -> SignIn:
    return replace(good(at_ms, ip, user), errors=("bad password",))


def all_raised(sign_ins: Iterable[SignIn], rules: AlertRules = RULES) -> list[dict[str, Any]]:
    """The attributes of every alert, in order."""
    memory, told = SignInMemory(), list[Event]()
    for sign_in in sign_ins:
        events, memory = raised(memory, sign_in, rules)
        memory = msgspec.json.decode(msgspec.json.encode(memory), type=SignInMemory)
        told += events
    return [json.loads(event.body)["attributes"] for event in told]


def kinds(sign_ins: Iterable[SignIn], rules: AlertRules = RULES) -> list[str]:
    return [alert["type"] for alert in all_raised(sign_ins, rules)]


def with_terms(**given: dict[str, str]) -> AlertRules:
    """The rules with other options of some kinds."""
    terms: dict[str, AlertTerms] = {
        kind.name: kind.terms(given.get(kind.name, {})) for kind in KINDS
    }
    return AlertRules(terms, PLACES.get)


def test_five_failures_within_ten_minutes_are_an_alert() -> None:
    sign_ins = [bad(NOW_MS + at * MINUTE_MS, user=f"user{at}") for at in range(5)]
    assert kinds(sign_ins[:4]) == []
    [alert] = all_raised(sign_ins)
    assert alert == {
        "created": "2026-11-24T06:39:30Z",
        "danger": 5,
        "params": {
            "count": 5,
            "host": "gateway",
            "ip": AWAY,
            "type": "ssh",
            "users": ["user0", "user1", "user2", "user3", "user4"],
        },
        "suppress_until": "2026-11-25T06:39:29Z",
        "type": "authn_failures",
        "updated": "2026-11-24T06:39:30Z",
    }


def test_slow_failures_and_those_of_many_addresses_are_none() -> None:
    assert kinds(bad(NOW_MS + at * 3 * MINUTE_MS) for at in range(50)) == []
    assert kinds(bad(NOW_MS, f"203.0.113.{at}") for at in range(50)) == []


def test_one_subject_is_told_of_once_until_its_time_is_over() -> None:
    flood = [bad(NOW_MS + at * 1000) for at in range(100)]
    later = [bad(NOW_MS + DAY_MS + 5 * MINUTE_MS + at * 1000) for at in range(5)]
    other = [bad(NOW_MS + at * 1000, HOME) for at in range(5)]
    assert kinds([*flood, *other, *later]) == ["authn_failures"] * 3


def test_of_a_flood_no_more_failures_are_remembered_than_make_an_alert() -> None:
    memory = SignInMemory()
    for at in range(100):
        _, memory = raised(memory, bad(NOW_MS + at * 1000), RULES)
    assert [one.at_ms for one in memory.failures[AWAY]] == [
        NOW_MS + at * 1000 for at in range(95, 100)
    ]


def test_a_clock_that_was_ahead_mutes_nobody() -> None:
    ahead_ms = NOW_MS + 365 * DAY_MS
    wrong, right = ([bad(at_ms + at * 1000) for at in range(5)] for at_ms in (ahead_ms, NOW_MS))
    assert kinds([*wrong, *right]) == ["authn_failures"] * 2


def test_failures_of_a_clock_that_was_ahead_are_not_of_now() -> None:
    wrong = [bad(NOW_MS + 365 * DAY_MS + at * 1000) for at in range(4)]
    assert kinds([*wrong, bad(NOW_MS)]) == []


def test_what_was_used_by_a_clock_that_was_ahead_was_used_by_now() -> None:
    wrong = [good(NOW_MS + 365 * DAY_MS), good(NOW_MS + 365 * DAY_MS + 1, AWAY)]
    found = all_raised([*wrong, good(NOW_MS), good(NOW_MS + 60 * DAY_MS, AWAY)])
    assert [(one["type"], one["danger"]) for one in found[2:]] == [
        ("authn_first_use_ip", 4),
        ("authn_first_use_country", 6),
    ]


def test_numbers_and_switches_hold() -> None:
    sign_ins = [bad(NOW_MS), bad(NOW_MS + 1000)]
    few = with_terms(authn_failures={"failures": "2", "danger": "9", "suppress": "1h"})
    [alert] = all_raised(sign_ins, few)
    assert (alert["danger"], alert["suppress_until"]) == (9, "2026-11-24T07:35:30Z")
    off = with_terms(authn_failures={"failures": "2", "active": "off"})
    assert kinds(sign_ins, off) == []


def test_the_first_place_of_a_user_is_no_news() -> None:
    assert kinds([good(NOW_MS), good(NOW_MS + 1000)]) == []


def test_new_places_are_told_of_quietly_in_the_first_week() -> None:
    found = all_raised([good(NOW_MS), good(NOW_MS + DAY_MS, AWAY)])
    assert [(one["type"], one["danger"]) for one in found] == [
        ("authn_first_use_ip", 1),
        ("authn_first_use_country", 1),
    ]
    later = all_raised([good(NOW_MS), good(NOW_MS + 8 * DAY_MS, AWAY)])
    assert [(one["type"], one["danger"]) for one in later] == [
        ("authn_first_use_ip", 4),
        ("authn_first_use_country", 6),
    ]
    assert later[1]["params"] == {
        "country": "BR",
        "country_name": "Brazil",
        "days": 45,
        "host": "gateway",
        "ip": AWAY,
        "type": "ssh",
        "user": "alice",
        "user_pub": "id of alice",
    }


def test_another_address_of_a_known_country_is_only_an_address() -> None:
    sign_ins = [
        good(NOW_MS),
        good(NOW_MS + DAY_MS, AWAY),
        good(NOW_MS + 2 * DAY_MS, "203.0.113.10"),
    ]
    assert kinds(sign_ins)[2:] == ["authn_first_use_ip"]


def test_the_addresses_of_one_device_are_one_place() -> None:
    sign_ins = [bad(NOW_MS + at, f"2001:db8::{at:x}") for at in range(5)]
    assert kinds(sign_ins) == ["authn_failures"]
    assert kinds(replace(one, errors=()) for one in sign_ins) == []


def test_a_place_not_used_for_long_is_new_again() -> None:
    sign_ins = [good(NOW_MS), good(NOW_MS + DAY_MS, AWAY)]
    assert kinds([*sign_ins, good(NOW_MS + 45 * DAY_MS, HOME)])[2:] == []
    assert kinds([*sign_ins, good(NOW_MS + 46 * DAY_MS, HOME)])[2:] == [
        "authn_first_use_ip",
        "authn_first_use_country",
    ]


def test_failures_teach_nothing_and_users_are_apart() -> None:
    sign_ins = [good(NOW_MS), bad(NOW_MS + 1, AWAY, "alice"), good(NOW_MS + 2, AWAY, "bob")]
    assert kinds([*sign_ins, good(NOW_MS + 3, AWAY)])[:1] == ["authn_first_use_ip"]


def test_without_an_address_nothing_is_raised() -> None:
    assert kinds([good(NOW_MS, None), *(bad(NOW_MS, None) for _ in range(9))]) == []


def test_names_can_be_left_out() -> None:
    rules = AlertRules(locate=PLACES.get, event_names=False)
    sign_ins = [good(NOW_MS), good(NOW_MS + 1, AWAY), *(bad(NOW_MS + at) for at in range(5))]
    for alert in all_raised(sign_ins, rules):
        assert alert["params"].keys() & {"user", "users", "host"} == set()


def test_memory_is_bounded_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("MOST_ADDRESSES", "MOST_USERS", "MOST_PLACES", "MOST_SUPPRESSED"):
        monkeypatch.setattr(alerts, limit, 20)
    memory = SignInMemory()
    for at in range(60):
        ip = f"2001:db8:0:{at:x}::1"
        for sign_in in (bad(NOW_MS + at, ip), good(NOW_MS + at, ip), good(NOW_MS, user=str(at))):
            _, memory = raised(memory, sign_in, RULES)
    assert len(memory.failures) == len(memory.users) == 20
    assert len(memory.users["id of alice"].places) == 20
    assert len(memory.suppressed) <= 20


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from([HOME, AWAY, "203.0.113.10"]),
            st.sampled_from(["alice", "bob"]),
            st.integers(0, 60_000),
        ),
        max_size=60,
    )
)
def test_no_subject_is_told_of_twice_within_a_day(steps: list[tuple[bool, str, str, int]]) -> None:
    at_ms, sign_ins = NOW_MS, []
    for ok, ip, user, wait_ms in steps:
        at_ms += wait_ms
        sign_ins.append(good(at_ms, ip, user) if ok else bad(at_ms, ip, user))
    told = all_raised(sign_ins)
    subjects = [
        (
            one["type"],
            one["params"].get("user_pub"),
            one["params"].get("country"),
            one["params"]["ip"],
        )
        if one["type"] != "authn_first_use_country"
        else (one["type"], one["params"]["user_pub"], one["params"]["country"], "")
        for one in told
    ]
    assert len(subjects) == len(set(subjects))
