"""docs/events.md shows real events, and says of the play what the source tells of it."""

from __future__ import annotations

import json

import pytest

from domain.event_types import EventType
from domain.events import Event
from tests.documents import DOCS, code_blocks, section, table_rows
from tests.sources.play import EXPECTED, played

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
    [("Endpoint Stats", EventType.ENDPOINT_STATS), ("Log Changes", EventType.LOG_CHANGES)],
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
    assert rows == [[step, "<br>".join(told) or "nothing"] for step, told in EXPECTED.items()]
