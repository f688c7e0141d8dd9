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
from sources.wireguard.derive import derive
from sources.wireguard.dump import parse_dump
from sources.wireguard.names import NameFiles
from sources.wireguard.snapshot import decode_state, encode_state
from sources.wireguard.source import WireGuardSource
from sources.wireguard.terms import DeriveTerms, Names
from tests.sources.play import EXPECTED, lines, recording
from tests.wireguard_play import STEPS, Play
from tests.wireguard_rig import Rig, rig_or_skip


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    yield from rig_or_skip()


def test_the_steps_are_those_that_are_written_down() -> None:
    assert list(STEPS) == list(EXPECTED)


def test_a_whole_play_gives_exactly_these_events(rig: Rig, tmp_path: Path) -> None:
    play = Play(rig)
    names_file = tmp_path / "names"
    source = WireGuardSource(
        shlex.join(rig.hub.argv("wg", "show", "all", "dump")), names=NameFiles(str(names_file))
    )
    state, told, events = None, {}, list[Event]()
    for name, step in STEPS.items():
        step(play)
        names_file.write_text("".join(f"{key} {who}\n" for key, who in play.names.items()))
        batch = source.poll(time.time_ns() // 1_000_000, state)
        state = batch.state
        told[name] = lines(batch.events, play.names)
        events.extend(batch.events)
    assert told == EXPECTED
    assert len({event.id for event in events}) == len(events)
    assert {event.type for event in events} <= set(EventType)


@pytest.mark.parametrize("reverse", [False, True])
def test_its_recording_gives_exactly_these_events(reverse: bool) -> None:
    names, looks = recording()
    state, told = None, {}
    terms = DeriveTerms(user="somebody", names=Names("hub", names))
    for look in looks:
        dump_lines = look.dump.splitlines(keepends=True)
        text = "".join(reversed(dump_lines) if reverse else dump_lines)
        read = parse_dump(text, host="hub", read_at_ms=look.read_at_ms, ifindex=lambda _: None)
        derived = derive(state, read, terms)
        state = decode_state(encode_state(derived.state))
        told[look.step] = lines(derived.events, names)
    assert told == EXPECTED
