from __future__ import annotations

import json

import pytest

from domain.event_types import EventType


def test_there_are_the_four_types_of_the_contract() -> None:
    assert [str(event_type) for event_type in EventType] == [
        "alerts",
        "endpoint_stats",
        "log_authn",
        "log_changes",
    ]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("alerts", "Alerts"),
        ("endpoint_stats", "Endpoint Stats"),
        ("log_authn", "Log Authn"),
        ("log_changes", "Log Changes"),
    ],
)
def test_a_type_has_its_title_on_screen(name: str, title: str) -> None:
    assert EventType(name).title == title


def test_every_type_has_a_description_of_its_own_in_one_line() -> None:
    descriptions = {event_type.description for event_type in EventType}
    assert len(descriptions) == len(EventType)
    assert all("\n" not in text and 10 < len(text) <= 80 for text in descriptions)


def test_a_type_is_text_wherever_text_is_written() -> None:
    assert json.dumps({"type": EventType.ALERTS}) == '{"type": "alerts"}'
    assert f"{EventType.LOG_AUTHN}" == "log_authn"
