"""A whole play gives exactly the events that are written down: on a real WireGuard network, and
from a recording of it.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.event_types import EventType
from domain.events import Event
from sources.wireguard.names import NameFiles
from sources.wireguard.source import WireGuardSource
from tests.support.wireguard.expected_events import (
    EXPECTED,
    NO_LEARNING,
    Places,
    alert_lines,
    expected_alerts,
    lines,
    played,
    recording,
)
from tests.support.wireguard.play import STEPS, Play
from tests.support.wireguard.rig import Rig, rig_or_skip


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    yield from rig_or_skip()


def test_the_steps_are_those_that_are_written_down() -> None:
    assert list(STEPS) == list(EXPECTED)


def test_a_whole_play_gives_exactly_these_events(rig: Rig, tmp_path: Path) -> None:
    play = Play(rig)
    names_file = tmp_path / "names"
    source = WireGuardSource(
        shlex.join(rig.hub.argv("wg", "show", "all", "dump")),
        names=NameFiles(str(names_file)),
        alerts=NO_LEARNING,
        geo=Places(),
    )
    state, told, alerts, events = None, {}, {}, list[Event]()
    for name, step in STEPS.items():
        step(play)
        names_file.write_text("".join(f'{key} "{who}"\n' for key, who in play.names.items()))
        batch = source.poll(time.time_ns() // 1_000_000, state)
        state = batch.state
        told[name] = lines(batch.events, play.names)
        alerts[name] = alert_lines(batch.events)
        events.extend(batch.events)
    assert told == EXPECTED
    assert alerts == expected_alerts()
    assert len({event.id for event in events}) == len(events)
    assert {event.type for event in events} <= set(EventType)


@pytest.mark.parametrize("reverse", [False, True])
def test_its_recording_gives_exactly_these_events(reverse: bool) -> None:
    names, _ = recording()
    events = played("hub", reverse=reverse)
    assert {step: lines(events[step], names) for step in events} == EXPECTED
    assert {step: alert_lines(events[step]) for step in events} == expected_alerts()
