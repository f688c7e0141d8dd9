"""The source against a real `wg` that asks a real WireGuard."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.actors import Actor
from domain.event_types import EventType
from domain.ids import resource_id
from domain.settings import DEFAULTS
from domain.source_kinds import WIREGUARD
from sources.base import Batch, SourceError
from sources.runner import run_one
from sources.wireguard.command import DumpCommand
from sources.wireguard.snapshot import decode_state
from sources.wireguard.source import WireGuardSource
from store import sources as stored_sources
from store.database import Store, open_store
from store.events.reading import after
from store.records import AppendResult
from tests.support.wireguard.rig import Rig, rig_or_skip

ACTOR = Actor("admin")


@pytest.fixture
def rig() -> Iterator[Rig]:
    yield from rig_or_skip()


def dump_text(rig: Rig) -> str:
    """The command that prints the hub's dump."""
    return shlex.join(rig.hub.argv("wg", "show", "all", "dump"))


class Polling:
    """A source that watches the hub, poll by poll."""

    def __init__(self, rig: Rig) -> None:
        self._source = WireGuardSource(dump_text(rig), host="hub")
        self.state: bytes | None = None

    def batch(self) -> Batch:
        batch = self._source.poll(time.time_ns() // 1_000_000, self.state)
        self.state = batch.state
        return batch

    def events(self) -> dict[str, dict[str, Any]]:
        """The attributes of the events of one poll, by the id of their endpoint."""
        bodies = [json.loads(event.body) for event in self.batch().events]
        return {
            body["relationships"]["endpoint"]["data"][0]["id"]: body["attributes"]
            for body in bodies
        }


def endpoint(rig: Rig, name: str) -> str:
    """The id of a peer of the hub."""
    return resource_id("endpoints", "hub", "wg0", rig.peers[name].public_key)


def test_handshakes_become_events_whose_deltas_add_up(rig: Rig) -> None:
    polling = Polling(rig)
    assert polling.events() == {}
    rig.ping("alice")
    first = polling.events()
    assert list(first) == [endpoint(rig, "alice")]
    assert polling.events() == {}
    rig.ping("alice", count=20, size=1200)
    assert polling.events() == {}
    rig.shake_hands_again("alice")
    rig.ping("bob")
    second = polling.events()
    assert set(second) == {endpoint(rig, "alice"), endpoint(rig, "bob")}
    told = [first[endpoint(rig, "alice")], second[endpoint(rig, "alice")]]
    seen = rig.counters("alice")
    assert (told[1]["rx_total"], told[1]["tx_total"]) == (seen.rx, seen.tx)
    assert sum(event["rx_delta"] for event in told) == seen.rx
    assert sum(event["tx_delta"] for event in told) == seen.tx
    assert f"{told[1]['ip']}:{told[1]['port']}" == seen.endpoint
    assert told[0]["handshake"] < told[1]["handshake"] <= told[1]["created"]


def test_a_restart_counts_from_nothing(rig: Rig) -> None:
    polling = Polling(rig)
    polling.batch()
    rig.ping("alice", count=20)
    assert len(polling.events()) == 1
    rig.hub.stop_wireguard()
    assert polling.events() == {}
    rig.start_hub()
    rig.shake_hands_again("alice")
    event = polling.events()[endpoint(rig, "alice")]
    seen = rig.counters("alice")
    assert (event["rx_delta"], event["tx_delta"]) == (seen.rx, seen.tx)


def test_an_interface_that_wg_cannot_read_is_a_warning(rig: Rig) -> None:
    polling = Polling(rig)
    polling.batch()
    with rig.hub.unreadable_interface("wg1"):
        rig.ping("alice")
        batch = polling.batch()
    assert batch.warning.startswith("wg cannot read wg1: ")
    assert len(batch.events) == 1


def test_a_wireguard_that_does_not_answer_is_an_error_in_time(rig: Rig) -> None:
    command = DumpCommand(dump_text(rig), timeout_s=3.0)
    with (
        rig.hub.stopped_wireguard(),
        pytest.raises(SourceError, match=r"gave no answer within 3 s"),
    ):
        command.run()
    assert command.run().dump.startswith("wg0\t")


def test_an_account_without_the_right_is_told_the_cure(rig: Rig) -> None:
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    command = DumpCommand(shlex.join(rig.hub.argv(*nobody, "wg", "show", "all", "dump")))
    with pytest.raises(SourceError) as failed:
        command.run()
    assert failed.value.cure.startswith("put `sudo -n` before `wg` inside the source's")


def test_no_secret_key_of_a_real_dump_is_kept(rig: Rig) -> None:
    preshared_key = rig.hub.run("wg", "genpsk").strip()
    rig.hub.run(
        *("wg", "set", "wg0", "peer", rig.peers["alice"].public_key),
        *("preshared-key", "/dev/stdin"),
        given=preshared_key,
    )
    dump = DumpCommand(dump_text(rig)).run().dump
    assert preshared_key in dump
    assert rig.hub.private_key in dump
    polling = Polling(rig)
    polling.batch()
    rig.ping("bob")
    batch = polling.batch()
    kept = (batch.state + b"".join(event.body for event in batch.events)).decode()
    assert rig.hub.public_key in kept
    assert preshared_key not in kept
    assert rig.hub.private_key not in kept
    peers = decode_state(batch.state).snapshot.interfaces["wg0"].peers
    assert peers[rig.peers["alice"].public_key].preshared_key_hash


def test_several_hosts_are_watched_at_once(rig: Rig, tmp_path: Path) -> None:
    hosts = {"hub": rig.hub, **rig.peers}
    store = open_store(tmp_path / "tocsin.db")
    for name, host in hosts.items():
        command = shlex.join(host.argv("wg", "show", "all", "dump"))
        store.call(stored_sources.add, WIREGUARD, name, {"command": command}, ACTOR, 1)

    def look() -> AppendResult:
        async def all_at_once() -> list[AppendResult]:
            return await asyncio.gather(*(look_once(name, store) for name in hosts))

        return sum(asyncio.run(all_at_once()), AppendResult(0, 0))

    assert look().accepted == 0
    rig.ping("alice")
    assert look().accepted == 2
    bodies = [
        json.loads(one.body) for one in store.call(after, EventType.ENDPOINT_STATS, 0, limit=9)
    ]
    store.close()
    assert {body["attributes"]["host"] for body in bodies} == {"hub", "alice"}
    ends = [body["relationships"]["endpoint"]["data"][0]["id"] for body in bodies]
    assert len(set(ends)) == 2


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def look_once(name: str, store: Store) -> AppendResult:
    """One look of one source."""
    stop = asyncio.Event()
    return await run_one(name, store, DEFAULTS, now_ms, stop, on_failure=pytest.fail, once=True)
