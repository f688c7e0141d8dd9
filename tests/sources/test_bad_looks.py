"""Output that cannot be a look is an error with a reason, and loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.event_types import EventType
from domain.events import read_event
from sources.base import SourceError
from sources.wireguard.snapshot import REMEMBER_GONE_MS, decode_state
from sources.wireguard.source import WireGuardSource
from tests.support.wireguard.dumps import PeerRow, dump, key

NOW_MS = 1_795_502_130_500
DAY_MS = 86_400_000
ALICE = PeerRow("alice")
BOB = PeerRow("bob", endpoint="203.0.113.2:1", allowed_ips="10.99.0.3/32")
MOVED = replace(ALICE, handshake=1_795_502_107, rx=1404, tx=1348, endpoint="192.0.2.2:1")
BEFORE, AFTER = dump(ALICE, BOB), dump(MOVED)


class Host:
    """A host whose `wg` is a script, and a source that looks at it."""

    def __init__(self, folder: Path) -> None:
        self._script = folder / "wg-like"
        self._dump = folder / "dump"
        self.source = WireGuardSource(str(self._script), host="hub")
        self.state: bytes | None = None

    def look(self, text: str, now_ms: int = NOW_MS, *, end: str = "") -> list[dict[str, Any]]:
        """One poll of a `wg` that prints this and ends so; the handshakes and changes."""
        self._dump.write_text(text)
        self._script.write_text(f"#!/bin/sh\ncat '{self._dump}'\n{end}\n")
        self._script.chmod(0o700)
        batch = self.source.poll(now_ms, self.state)
        self.state = batch.state
        for event in batch.events:
            assert read_event(event.body, now_ms=0, random64=lambda: 0).body == event.body
        return [
            json.loads(event.body) for event in batch.events if event.type is not EventType.ALERTS
        ]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def told(bodies: list[dict[str, Any]]) -> list[str]:
    """Return the subjects of the events, in short."""
    found = [body["attributes"] for body in bodies]
    return sorted(one.get("field", f"handshake +{one.get('rx_delta')}") for one in found)


@pytest.mark.parametrize(
    ("text", "end", "reason"),
    [
        (BEFORE[:-1], "", "line 3 of the dump: the dump ends in the middle of it"),
        (BEFORE[:200], "", "line 2 of the dump: the dump ends in the middle of it"),
        (BEFORE[100:], "", "line 1 of the dump"),
        (ALICE.text, "", "line 1 of the dump: it is a peer of an interface"),
        (BEFORE.replace("\t404\t", "\t-404\t"), "", "line 2 of the dump: the count of bytes"),
        (BEFORE.replace("\n", "\r\n"), "", "line 1 of the dump: the fwmark"),
        ("Welcome to the gateway!\n" + BEFORE, "", "line 1 of the dump: it has 1 fields"),
        (BEFORE + BEFORE, "", "its interface was listed before"),
        ("\0\x1b[2J\n", "", "line 1 of the dump: it has 1 fields"),
        ("", "echo 'Unable to access interface wg0: Permission denied' >&2; exit 1", "Permission"),
        (BEFORE, "exit 1", "it said nothing: "),
        (BEFORE, "kill -9 $$", "failed with signal 9"),
    ],
)
def test_a_bad_look_is_an_error_and_the_next_good_one_tells_all(
    host: Host, text: str, end: str, reason: str
) -> None:
    host.look(BEFORE)
    with pytest.raises(SourceError) as failed:
        host.look(text, end=end)
    assert reason in failed.value.reason
    assert failed.value.cure
    assert key("alice") not in str(failed.value)
    assert told(host.look(AFTER)) == ["handshake +1000", "ip", "removed"]


def test_an_empty_dump_removes_nobody(host: Host) -> None:
    host.look(BEFORE)
    assert host.look("") == []
    assert told(host.look("")) == ["up"]
    assert told(host.look(AFTER)) == ["handshake +1000", "ip", "removed", "up"]


@pytest.mark.parametrize("now_ms", [0, NOW_MS - 400 * DAY_MS, NOW_MS + 40_000 * DAY_MS])
def test_a_clock_of_ours_that_jumps_loses_nothing(host: Host, now_ms: int) -> None:
    host.look(BEFORE)
    assert told(host.look(AFTER, now_ms)) == ["handshake +1000", "ip", "removed"]
    assert host.look(AFTER, NOW_MS) == []
    assert told(host.look(BEFORE, NOW_MS + 1)) == [
        "added",
        "handshake +404",
        "handshake +404",
        "ip",
    ]


@pytest.mark.parametrize("handshake", [1, 1_700_000_000, 4_000_000_000, 253_402_300_799])
def test_a_stamp_of_whatever_time_is_a_handshake_once(host: Host, handshake: int) -> None:
    host.look(dump(ALICE))
    odd = dump(replace(ALICE, handshake=handshake, rx=500))
    (body,) = host.look(odd)
    assert body["attributes"]["rx_delta"] == 96
    assert host.look(odd) == []
    assert told(host.look(dump(replace(ALICE, rx=600)))) == ["handshake +100"]


def test_counters_that_go_back_count_from_nothing(host: Host) -> None:
    host.look(dump(replace(ALICE, rx=5000, tx=5000)))
    assert host.look(dump(replace(ALICE, rx=100, tx=5001))) == []
    back = replace(MOVED, rx=300, endpoint=ALICE.endpoint)  # the tx of MOVED is lower
    assert told(host.look(dump(back))) == ["handshake +400"], "with the 100 that were seen"


def test_an_absence_ends_when_a_clock_comes_back_from_the_future(host: Host) -> None:
    host.look(BEFORE, NOW_MS)
    host.look("", NOW_MS + REMEMBER_GONE_MS)
    assert told(host.look("", NOW_MS)) == ["up"]
    assert host.state is not None
    assert list(decode_state(host.state).snapshot.interfaces) == ["wg0"]
