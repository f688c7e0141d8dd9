"""docs/events.md shows real events, and says of the play what the source tells of it."""

from __future__ import annotations

import json

import pytest

from domain.alert_kinds import DEFAULT_TERMS, EVENT_REFUSED, KINDS, SOURCE_STALE, kind_named
from domain.event_types import EventType
from domain.events import Event
from sources.refusals import taking_rules
from store import refusals
from store.refusals import RefusedNews
from tests.sources.logins import examples as logins
from tests.sources.wireguard.alerts.examples import examples
from tests.support.documents import DOCS, code_blocks, section, table_rows
from tests.support.wireguard.expected_events import EXPECTED, expected_alerts, played

EVENTS = DOCS / "events.md"


def first_of(step: str, event_type: EventType) -> Event:
    """The first event of its type that the recorded play gives at a step."""
    return next(event for event in played("gateway")[step] if event.type is event_type)


@pytest.mark.parametrize(
    ("heading", "step", "event_type"),
    [
        ("Endpoint Stats", "rehandshake", EventType.ENDPOINT_STATS),
        ("Log Changes", "roam", EventType.LOG_CHANGES),
    ],
)
def test_the_example_is_a_real_event(heading: str, step: str, event_type: EventType) -> None:
    (example,) = code_blocks(section(EVENTS, heading), "json")
    assert json.loads(example) == json.loads(first_of(step, event_type).body)


@pytest.mark.parametrize(
    ("heading", "event_type"),
    [
        ("Endpoint Stats", EventType.ENDPOINT_STATS),
        ("Log Changes", EventType.LOG_CHANGES),
        ("Alerts", EventType.ALERTS),
    ],
)
def test_every_attribute_is_explained(heading: str, event_type: EventType) -> None:
    explained = {
        name.strip("` ")
        for row in table_rows(section(EVENTS, heading))
        if len(row) == 2
        for name in row[0].split(",")
    }
    bodies = [
        json.loads(event.body)
        for events in played("gateway").values()
        for event in events
        if event.type is event_type
    ]
    assert set().union(*(body["attributes"] for body in bodies)) == explained


def test_every_field_that_changes_in_the_play_is_explained() -> None:
    rows = [row for row in table_rows(section(EVENTS, "Log Changes")) if len(row) == 4]
    explained = {(row[0].strip("`"), row[1]) for row in rows}
    changed = {
        (body["attributes"]["field"], body["attributes"]["type"])
        for events in played("gateway").values()
        for event in events
        if event.type is EventType.LOG_CHANGES
        for body in [json.loads(event.body)]
    }
    assert explained - changed == {("port", "endpoints"), ("address", "interfaces")}
    assert changed <= explained


def test_the_play_is_told_step_by_step() -> None:
    rows = table_rows(section(EVENTS, "A hub, step by step"))
    alerts = expected_alerts()
    assert rows == [
        [step, "<br>".join(told) or "nothing", "<br>".join(alerts[step]) or "none"]
        for step, told in EXPECTED.items()
    ]


def test_an_alert_of_each_kind_is_a_real_event() -> None:
    text = section(EVENTS, "Alerts")
    (whole,) = code_blocks(text, "json")
    (lines,) = code_blocks(text, "jsonl")
    shown = [json.loads(one) for one in (whole, *lines.splitlines())]
    found = {body["attributes"]["type"]: body for body in shown}
    assert found == examples()
    assert len(found) == len(shown)


def test_each_kind_is_explained_with_its_danger_its_params_and_its_numbers() -> None:
    rows = [row for row in table_rows(section(EVENTS, "Alerts")) if len(row) == 5]
    expected = [
        [f"`{kind.name}`", f"{kind.danger}{'' if kind.active else ', off'}", own_params(kind.name),
         ", ".join(f"`{one.name}` {one.text or 'none'}" for one in kind.own) or "none"]
        for kind in KINDS
        if kind.name in examples()
    ]  # fmt: skip
    assert [[row[0], row[1], row[3], row[4]] for row in rows] == expected


def test_all_alerts_have_the_id_of_a_host_but_those_that_the_page_says_have_none() -> None:
    bodies = {**examples(), **logins.alerts()}
    without = {
        kind for kind, body in bodies.items() if "host_pub" not in body["attributes"]["params"]
    }
    assert without == set(logins.alerts())
    said = " ".join(section(EVENTS, "Alerts").split())
    assert "has no ids, nor have [alerts about sign-ins](#alerts-about-sign-ins)" in said


def test_the_sign_ins_are_real_events() -> None:
    text = section(EVENTS, "Log Authn")
    (whole,) = code_blocks(text, "json")
    (lines,) = code_blocks(text, "jsonl")
    shown = [json.loads(one) for one in (whole, *lines.splitlines())]
    assert shown == logins.sign_ins()
    explained = {
        name.strip("` ") for row in table_rows(text) if len(row) == 2 for name in row[0].split(",")
    }
    assert set().union(*(body["attributes"] for body in shown)) == explained


def test_the_alerts_about_sign_ins_are_real_and_explained() -> None:
    text = section(EVENTS, "Alerts about sign-ins")
    (lines,) = code_blocks(text, "jsonl")
    shown = [json.loads(one) for one in lines.splitlines()]
    assert {body["attributes"]["type"]: body for body in shown} == logins.alerts()
    common = {"host", "type"}
    assert [[row[0], row[1], row[3], row[4]] for row in table_rows(text) if len(row) == 5] == [
        [
            f"`{kind.name}`",
            str(kind.danger),
            ", ".join(f"`{name}`" for name in sorted(set(params) - common)),
            ", ".join(f"`{one.name}` {one.text}" for one in kind.own),
        ]
        for kind in KINDS
        if kind.name in logins.alerts()
        for params in [logins.alerts()[kind.name]["attributes"]["params"]]
    ]


def test_the_alert_about_a_refused_event_is_real_and_explained() -> None:
    text = section(EVENTS, "Events of an account elsewhere")
    told = RefusedNews(
        "procustodibus", 'type: unknown type "log_errors"', waiting=1, alerted_ms=None
    )
    alert = taking_rules(DEFAULT_TERMS).alert(told, logins.NOW_MS)
    assert alert is not None
    (shown,) = code_blocks(text, "jsonl")
    assert json.loads(shown) == json.loads(alert.body)
    params = ", ".join(f"`{name}`" for name in sorted(json.loads(shown)["attributes"]["params"]))
    kind = kind_named(EVENT_REFUSED)
    [row] = [row for row in table_rows(text) if row[0] == f"`{kind.name}`"]
    assert [row[1], *row[3:]] == [str(kind.danger), params, "none"]
    assert f"{refusals.MOST_EVENTS:,} such events or {refusals.MOST_BYTES // 10**6} MB" in text


def test_every_kind_of_alert_has_its_place() -> None:
    placed = {*examples(), *logins.alerts(), EVENT_REFUSED}
    assert placed == {kind.name for kind in KINDS}


def own_params(kind: str) -> str:
    """The params that other kinds have not; of a clock that is ahead there is one more."""
    common = {"host", "host_pub", "interface", "interface_pub", "peer", "peer_pub"}
    own = set(examples()[kind]["attributes"]["params"]) - common
    more = {"ahead"} if kind == SOURCE_STALE else set()
    return ", ".join(f"`{name}`" for name in sorted(own | more)) or "none"
