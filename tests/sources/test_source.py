from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from sources.base import SourceError
from sources.wireguard.snapshot import decode_state
from sources.wireguard.source import WireGuardSource, machine_key
from tests.sources.dumps import PeerRow, dump, interface_row, key

NOW_MS = 1_795_502_130_500
ALICE = PeerRow("alice", preshared_key=key("preshared"))
LATER = replace(ALICE, handshake=1_795_502_107, rx=1404, tx=1348)


def source(dump_file: Path, host: str | None = "hub") -> WireGuardSource:
    """A source whose dump is what the file holds."""
    return WireGuardSource(f"cat '{dump_file}'", host=host)


@pytest.fixture
def dump_file(tmp_path: Path) -> Path:
    file = tmp_path / "dump.txt"
    file.write_text(dump(ALICE))
    return file


def test_polls_follow_each_other_through_the_stored_state(dump_file: Path) -> None:
    wireguard = source(dump_file)
    first = wireguard.poll(NOW_MS, None)
    dump_file.write_text(dump(LATER))
    second = wireguard.poll(NOW_MS + 30_000, first.state)
    assert (first.events, first.warning) == ((), "")
    assert [json.loads(event.body)["attributes"]["rx_delta"] for event in second.events] == [1000]
    assert source(dump_file).poll(NOW_MS + 60_000, second.state).events == ()


def test_no_secret_key_is_in_events_or_state(dump_file: Path) -> None:
    assert key("preshared") in dump_file.read_text()
    first = source(dump_file).poll(NOW_MS, None)
    dump_file.write_text(dump(LATER))
    second = source(dump_file).poll(NOW_MS, first.state)
    kept = b"".join([first.state, second.state, *(event.body for event in second.events)])
    assert key("alice").encode() in kept
    assert key("preshared").encode() not in kept
    assert key("private wg0").encode() not in kept


@pytest.mark.parametrize("text", [dump(LATER)[:-3], dump(LATER).replace("1404", "many")])
def test_a_broken_dump_is_an_error_without_keys(dump_file: Path, text: str) -> None:
    dump_file.write_text(text)
    with pytest.raises(SourceError) as failed:
        source(dump_file).poll(NOW_MS, None)
    assert "printed no whole dump: line 2 of the dump" in failed.value.reason
    said = repr(failed.value) + repr(failed.value.__cause__)
    assert key("preshared") not in said
    assert key("private wg0") not in said


def test_the_host_is_what_it_was_at_the_first_poll(dump_file: Path) -> None:
    first = source(dump_file, host="old name").poll(NOW_MS, None)
    second = source(dump_file, host="new name").poll(NOW_MS, first.state)
    assert decode_state(second.state).snapshot.host == "old name"


def test_a_host_without_a_given_key_is_the_machine(dump_file: Path) -> None:
    state = decode_state(source(dump_file, host=None).poll(NOW_MS, None).state)
    assert state.snapshot.host == machine_key(Path("/etc/machine-id"))


def test_the_machine_is_its_id_or_its_name(tmp_path: Path) -> None:
    machine_id = tmp_path / "machine-id"
    assert machine_key(machine_id) == socket.gethostname()
    machine_id.write_text("")
    assert machine_key(machine_id) == socket.gethostname()
    machine_id.write_text("8f3c8f0d9a5b4c6e8d7f6a5b4c3d2e1f\n")
    assert machine_key(machine_id) == "8f3c8f0d9a5b4c6e8d7f6a5b4c3d2e1f"


def test_an_interface_that_wg_cannot_read_keeps_what_was_known(tmp_path: Path) -> None:
    both, one = tmp_path / "both", tmp_path / "one"
    both.write_text(dump(ALICE) + interface_row("wg1"))
    one.write_text(interface_row("wg1"))
    script = tmp_path / "wg-like"
    script.write_text(
        f"#!/bin/sh\necho 'Unable to access interface wg0: Protocol error' >&2\ncat {one}\n"
    )
    script.chmod(0o700)
    known = source(both).poll(NOW_MS, None)
    batch = WireGuardSource(str(script)).poll(NOW_MS + 1, known.state)
    assert batch.warning.startswith("wg cannot read wg0: ")
    before, after = decode_state(known.state), decode_state(batch.state)
    assert after.snapshot.interfaces == before.snapshot.interfaces
    assert after.baselines == before.baselines


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (b"", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b'{"snapshot": 1}', "damaged"),
        (
            b'{"snapshot":{"host":"h","read_at_ms":0,"interfaces":{}},"baselines":{},"version":2}',
            "it has form 2, and this version reads form 1",
        ),
    ],
)
def test_a_state_that_cannot_be_used_is_told_of(
    dump_file: Path, stored: bytes, reason: str
) -> None:
    batch = source(dump_file).poll(NOW_MS, stored)
    assert reason in batch.warning
    assert "it started afresh" in batch.warning
    assert decode_state(batch.state).snapshot.interfaces["wg0"].peers.keys() == {key("alice")}


def test_the_index_is_known_for_interfaces_of_a_local_wg(tmp_path: Path) -> None:
    loopback = socket.if_indextoname(1)
    text = tmp_path / "dump.txt"
    text.write_text(interface_row(loopback) + interface_row("wg-not-there"))
    wg = tmp_path / "wg"
    wg.write_text(f"#!/bin/sh\ncat {text}\n")
    wg.chmod(0o700)
    local = decode_state(WireGuardSource(str(wg)).poll(NOW_MS, None).state).snapshot.interfaces
    assert {name: interface.ifindex for name, interface in local.items()} == {
        loopback: 1,
        "wg-not-there": None,
    }
    remote = decode_state(source(text).poll(NOW_MS, None).state).snapshot.interfaces
    assert remote[loopback].ifindex is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_dump_that_may_not_be_read_is_an_error(dump_file: Path) -> None:
    dump_file.chmod(0)
    with pytest.raises(SourceError, match="set wireguard_command to `sudo -n wg"):
        source(dump_file).poll(NOW_MS, None)
