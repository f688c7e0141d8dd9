from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.event_input import same_event
from domain.events import MAX_EVENT_BYTES
from sources.base import SourceError
from sources.wireguard.names import NameFiles
from sources.wireguard.snapshot import decode_state, snapshot_summary
from sources.wireguard.source import WireGuardSource, machine_key
from tests.support.wireguard.dumps import PeerRow, dump, idle, interface_row, key

NOW_MS = 1_795_502_130_500
ALICE = PeerRow("alice", preshared_key=key("preshared"))
LATER = replace(ALICE, handshake=1_795_502_107, rx=1404, tx=1348)


def source(dump_file: Path, host: str = "hub") -> WireGuardSource:
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


def test_a_look_that_sees_no_interface_warns(dump_file: Path) -> None:
    first = source(dump_file).poll(NOW_MS, None)
    assert (first.warning, snapshot_summary(first.state)) == ("", "1 peer on wg0")
    dump_file.write_text("")
    second = source(dump_file).poll(NOW_MS + 30_000, first.state)
    assert second.warning.startswith("no WireGuard interface is up: ")
    assert snapshot_summary(second.state) == "no interface", "what is gone is remembered, not seen"


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


def test_the_host_stays_what_it_was_when_its_memory_is_of_another_form(dump_file: Path) -> None:
    first = source(dump_file, host="old name").poll(NOW_MS, None)
    later = first.state.replace(b'"version":1', b'"version":2')
    second = source(dump_file, host="new name").poll(NOW_MS, later)
    assert "it has form 2" in second.warning
    assert decode_state(second.state).snapshot.host == "old name"


def test_two_sources_of_one_host_have_ids_of_their_own(dump_file: Path) -> None:
    ids: list[str] = []
    for name in ("netns-a", "netns-b"):
        wireguard = WireGuardSource(f"cat '{dump_file}'", name=name, host="gateway")
        dump_file.write_text(dump(ALICE))
        first = wireguard.poll(NOW_MS, None)
        dump_file.write_text(dump(LATER, PeerRow("bob")))
        batch = wireguard.poll(NOW_MS + 1, first.state)
        assert len(batch.events) == 4
        ids.extend(event.id for event in batch.events)
    assert len(set(ids)) == 8


@pytest.mark.parametrize(
    ("event_names", "told"), [(True, ["gateway", "wg0", "Alice"]), (False, [None, None, None])]
)
def test_names_come_from_the_options_and_the_files(
    dump_file: Path, tmp_path: Path, event_names: bool, told: list[str | None]
) -> None:
    names = tmp_path / "names"
    names.write_text(f"{key('alice')} Alice\nbroken\n")
    wireguard = WireGuardSource(
        f"cat '{dump_file}'",
        host="gateway",
        names=NameFiles(str(names)),
        event_names=event_names,
    )
    first = wireguard.poll(NOW_MS, None)
    dump_file.write_text(dump(LATER))
    batch = wireguard.poll(NOW_MS + 1, first.state)
    attributes = json.loads(batch.events[0].body)["attributes"]
    assert [attributes.get(name) for name in ("host", "interface", "peer")] == told
    assert batch.warning == f"{names}, line 2: it is not a public key and a name"


def test_another_name_makes_no_other_event(dump_file: Path, tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text(f"{key('alice')} Alice\n")
    wireguard = WireGuardSource(f"cat '{dump_file}'", names=NameFiles(str(names)))
    first = wireguard.poll(NOW_MS, None)
    dump_file.write_text(dump(LATER))
    (event,) = wireguard.poll(NOW_MS + 1, first.state).events
    names.write_text(f'{key("alice")} "Alice Liddell"\n')
    (renamed,) = wireguard.poll(NOW_MS + 60_000, first.state).events
    assert b"Alice Liddell" in renamed.body
    assert renamed.id == event.id
    assert same_event(event.body, renamed)


def test_a_host_without_a_given_key_is_the_machine(dump_file: Path) -> None:
    state = decode_state(source(dump_file, host="").poll(NOW_MS, None).state)
    assert state.snapshot.host == machine_key(Path("/etc/machine-id"))


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


def test_of_many_interfaces_that_wg_cannot_read_twenty_are_named(tmp_path: Path) -> None:
    complaints, script = tmp_path / "complaints", tmp_path / "wg-like"
    names = [f"{i:02}{'w' * 62}" for i in range(30)]
    complaints.write_text("".join(f"Unable to access interface {one}: no\n" for one in names))
    script.write_text(f"#!/bin/sh\ncat {complaints} >&2\n")
    script.chmod(0o700)
    warning = WireGuardSource(str(script)).poll(NOW_MS, None).warning
    assert warning.startswith(f"wg cannot read {names[0]}, {names[1]}, ")
    assert " and 10 more: see whether" in warning
    assert len(warning) < 1_200
    assert names[20] not in warning


def test_events_that_are_too_large_are_told_of(dump_file: Path) -> None:
    before = source(dump_file).poll(NOW_MS, None)
    dump_file.write_text(dump(ALICE, idle("dave")))
    batch = source(dump_file, host="h" * MAX_EVENT_BYTES).poll(NOW_MS + 1, before.state)
    assert batch.events == ()
    assert "events were dropped, since each was of more than 262,144 bytes" in batch.warning


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
    with pytest.raises(
        SourceError, match="Permission denied: run it by hand as the account of tocsin"
    ):
        source(dump_file).poll(NOW_MS, None)


@pytest.mark.parametrize("event_names", [True, False])
def test_an_alert_names_the_user_of_its_peer(
    dump_file: Path, tmp_path: Path, event_names: bool
) -> None:
    names = tmp_path / "names"
    names.write_text(f"{key('bob')} laptop robert\n{key('carol')} phone\n")
    wireguard = WireGuardSource(
        f"cat '{dump_file}'", host="hub", names=NameFiles(str(names)), event_names=event_names
    )
    first = wireguard.poll(NOW_MS, None)
    dump_file.write_text(dump(LATER, PeerRow("bob", allowed_ips="10.99.0.3/32"), idle("carol")))
    events = wireguard.poll(NOW_MS + 30_000, first.state).events
    told = [json.loads(event.body)["attributes"] for event in events]
    users = [one["params"].get("user") for one in told if one.get("type") == "endpoint_added"]
    assert sorted(users, key=str) == ([None, "robert"] if event_names else [None, None])
    assert not [one for one in told if "user" in one]
