"""Events as rows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event_types import EventType
from domain.safe import safe
from store.records import StoredEvent
from tests.support.stores import NOW
from tui.cells import fit
from tui.events.rows import key_of, keys_of, seq_of, short_time
from tui.widgets.type_tabs import short_count
from tui.wording import event_cell

ALERTS, STATS, AUTHN, CHANGES = EventType
OLD_KEY, NEW_KEY = f"{'a' * 42}A=", f"{'b' * 42}A="


def what(type_: EventType, attributes: object, **more: object) -> str:
    body = json.dumps({"type": type_.value, "id": "e1", "attributes": attributes, **more})
    return event_cell(stored(type_, body.encode())).text


def stored(type_: EventType, body: bytes) -> StoredEvent:
    return StoredEvent(type_, 1, "e1", NOW, body)


def test_an_alert_begins_with_danger_kind_and_who() -> None:
    params = {"country_name": "United States", "host": "Mail", "ip": "34.220.154.2", "peer": "CI"}
    told = what(ALERTS, {"created": "2021", "danger": 7, "params": params, "type": "first_use"})
    assert told == "danger 7  first_use  CI  Mail  34.220.154.2  United States"


@pytest.mark.parametrize(("danger", "tone"), [(3, "plain"), (4, "warning"), (7, "bad")])
def test_a_dangerous_alert_has_a_tone(danger: int, tone: str) -> None:
    body = json.dumps({"attributes": {"danger": danger}}).encode()
    assert event_cell(stored(ALERTS, body)).tone == tone


def test_an_event_beside_another_of_its_id_shows_its_created() -> None:
    body = json.dumps({"attributes": {"created": "2026-11-24T08:00:00Z", "danger": 3}}).encode()
    assert event_cell(stored(ALERTS, body)).text == "danger 3"
    assert event_cell(stored(ALERTS, body), dated=True).text == (
        "created 2026-11-24T08:00:00Z  danger 3"
    )


def test_a_handshake_tells_endpoint_and_traffic() -> None:
    attributes = {"ip": "45.62.209.2", "port": 51824, "rx_delta": 74800, "tx_delta": 772}
    assert what(STATS, attributes) == "45.62.209.2:51824  rx +74,800  tx +772"
    assert what(STATS, {"ip": "fe80::1", "port": 5}).startswith("[fe80::1]:5 ")


def test_a_sign_in_tells_result_user_and_address() -> None:
    user = {"user": {"data": [{"id": "3tjDGN2gXpT", "type": "users"}]}}
    attributes = {"status": "ok", "ip": "203.33.186.18", "verifications": ["password", "user"]}
    told = what(AUTHN, attributes, relationships=user)
    assert told == "✓ ok  user 3tjDGN2gXpT  203.33.186.18  password, user"
    assert what(AUTHN, {"status": "failed"}) == "✗ failed"


def test_a_sign_in_tells_name_address_and_reason_before_its_ids() -> None:
    user = {"user": {"data": [{"id": "3tjDGN2gXpT", "type": "users"}]}}
    attributes = {"errors": ["no such password"], "host": "hub", "ip": "203.33.186.18"}
    attributes |= {"status": "error", "type": "ssh", "url": "/ssh", "user": "ada"}
    told = what(AUTHN, attributes, relationships=user)
    facts = "✗ error  ada  203.33.186.18  ssh  no such password  hub"
    assert told == f"{facts}  url /ssh  user 3tjDGN2gXpT"


def test_an_address_that_is_none_is_a_dash() -> None:
    attributes = {"ip": None, "status": "ok", "type": "terminal", "user": "root"}
    assert what(AUTHN, attributes) == "✓ ok  root  -  terminal"


def test_an_alert_tells_short_keys_before_its_ids() -> None:
    params = {"host_pub": "FgepD86z1Jo", "interface": "wg0", "old_key": OLD_KEY, "new_key": NEW_KEY}
    told = what(ALERTS, {"danger": 7, "params": params, "type": "interface_key_changed"})
    keys = f"{OLD_KEY[:8]}… → {NEW_KEY[:8]}…"
    assert told == f"danger 7  interface_key_changed  wg0  {keys}  host_pub FgepD86z1Jo"


def test_a_handshake_tells_peer_and_host_before_its_time() -> None:
    attributes = {"handshake": "2021-10-24T02:05:07Z", "host": "hub", "ip": "192.0.2.1"}
    attributes |= {"peer": "laptop", "port": "5", "interface": "wg0"}
    told = what(STATS, attributes)
    assert told.startswith("laptop  hub  192.0.2.1:5  rx +0  tx +0  interface wg0")
    assert told.endswith("  handshake 2021-10-24T02:05:07Z")


def test_a_change_tells_of_what_and_who_by_names_and_short_keys() -> None:
    user = {"user": {"data": [{"id": "NZ1Gq4fs3sp", "type": "users"}]}}
    attributes = {"field": "public_key", "id": "PykHtrVmLHs", "type": "endpoints", "host": "hub"}
    attributes |= {"old_value": OLD_KEY, "new_value": NEW_KEY, "peer": "laptop"}
    told = what(CHANGES, attributes, relationships=user)
    keys = f"{OLD_KEY[:8]}… → {NEW_KEY[:8]}…"
    facts = f"endpoints.public_key  laptop  hub  {keys}"
    assert told == f"{facts}  id PykHtrVmLHs  by NZ1Gq4fs3sp"


def test_a_change_tells_old_and_new() -> None:
    attributes = {
        "type": "endpoints",
        "field": "ip",
        "old_value": "10.0.0.1",
        "new_value": "10.0.0.2",
    }
    assert what(CHANGES, attributes) == "endpoints.ip  10.0.0.1 → 10.0.0.2"
    assert what(CHANGES, {"type": "peers", "field": "name"}) == "peers.name  - → -"


def test_other_attributes_follow_by_name() -> None:
    assert what(ALERTS, {"danger": 1, "zone": "dmz", "empty": ""}) == "danger 1  zone dmz"


@given(
    st.sampled_from(list(EventType)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)
def test_every_event_can_be_told(type_: EventType, value: object) -> None:
    names = ("danger", "type", "ip", "port", "rx_delta", "status", "verifications", "field")
    told = what(type_, dict.fromkeys(names, value), relationships={"user": value})
    shown = fit(told, 60)
    assert safe(shown) == shown


@given(st.sampled_from(list(EventType)), st.binary())
def test_even_what_is_no_event_can_be_told(type_: EventType, body: bytes) -> None:
    shown = fit(event_cell(stored(type_, body)).text, 60)
    assert safe(shown) == shown


def test_keys_of_one_type_are_a_range_from_the_newest() -> None:
    keys = keys_of(STATS, 7, 3)
    assert [seq_of(key) for key in keys] == [7, 6, 5, 4]
    assert key_of(STATS, 5) in keys
    assert key_of(ALERTS, 5) not in keys


def test_a_time_is_short_and_in_utc() -> None:
    assert short_time(NOW) == "09-21 14:13:20"


@pytest.mark.parametrize(
    ("count", "short"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10k"),
        (999_999, "999k"),
        (1_000_000, "1M"),
        (1_250_000, "1.2M"),
        (12_000_000, "12M"),
    ],
)
def test_a_count_in_few_letters(count: int, short: str) -> None:
    assert short_count(count) == short
