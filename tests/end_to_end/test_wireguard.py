"""The whole road: real handshakes on a real hub, the headless worker there, a real receiver."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.program import COMMAND, ROOT, Tocsin
from tests.support.waiting import PATIENCE_S
from tests.support.wireguard.rig import PeerCounters, Rig, rig_or_skip

_KEEPALIVES = (0, 32, 64)  # bytes of none, one or two passive ones
_HANDSHAKES = (0, 92, 148)  # bytes of none, an answer, a first message: a slow peer makes one more
_WITHOUT_DATA = {a + b for a in _KEEPALIVES for b in _HANDSHAKES}
_PATH = "/ok/stats"
_GET = "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1]).read().decode())"
# The source polls as seldom as in real life; each part of the test starts the worker anew.
_ENVIRONMENT = {"TOCSIN_LINGER": "0s"}


@pytest.fixture
def rig() -> Iterator[Rig]:
    yield from rig_or_skip()


@pytest.fixture
def tocsin_on_hub(rig: Rig, tmp_path: Path) -> Iterator[Tocsin]:
    """The program, run on the hub, with a store that is still to be made."""
    command = tuple(rig.hub.argv(*COMMAND))
    program = Tocsin(tmp_path, tmp_path / "tocsin.db", command, dict(_ENVIRONMENT))
    yield program
    program.kill_all()


class ReceiverOnHub:
    """A receiver in a process of its own on the hub, where the webhook's URL leads."""

    def __init__(self, rig: Rig, base_url: str) -> None:
        self._rig = rig
        self._base_url = base_url

    @property
    def url(self) -> str:
        """The URL of the webhook."""
        return self._base_url + _PATH

    def events(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many events were acknowledged, and return them in their order."""
        answer = self._get("/_wait", path=_PATH, events=str(count), timeout=str(PATIENCE_S))
        assert answer["met"], f"no {count} events within {PATIENCE_S:.0f} s, only {answer}"
        requests = self._get("/_requests", path=_PATH, bodies="1")
        return [
            event for request in requests for event in json.loads(base64.b64decode(request["body"]))
        ]

    def _get(self, place: str, **query: str) -> Any:
        url = f"{self._base_url}{place}?{urlencode(query)}"
        return json.loads(self._rig.hub.run(sys.executable, "-c", _GET, url))


@pytest.fixture
def receiver_on_hub(rig: Rig) -> Iterator[ReceiverOnHub]:
    program = str(ROOT / "tests" / "support" / "receiver.py")
    command = rig.hub.argv(sys.executable, program, "--follow-stdin")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield ReceiverOnHub(rig, process.stdout.readline().decode().strip())
        finally:
            process.kill()


@contextmanager
def running_worker(tocsin: Tocsin) -> Iterator[None]:
    """A headless worker that watches the hub, and that ends well when it is told to."""
    worker = tocsin.start("worker", "run")
    assert worker.stderr is not None
    assert "sending for" in worker.stderr.readline()
    yield
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=PATIENCE_S)
    assert worker.returncode == 0, said


def done(tocsin: Tocsin, *arguments: str) -> str:
    """Run a command that must succeed, and return its output."""
    result = tocsin.run(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def attributes_of(rig: Rig, name: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the events say of a peer. Its address tells it from the other."""
    address = rig.counters(name).endpoint.rpartition(":")[0]
    return [event["attributes"] for event in events if event["attributes"]["ip"] == address]


def assert_same_data(event: dict[str, Any], seen: PeerCounters) -> None:
    """The event's totals are `wg show`'s; on a slow machine a message passes between the looks."""
    for told, counted in ((event["rx_total"], seen.rx), (event["tx_total"], seen.tx)):
        assert abs(counted - told) in _WITHOUT_DATA


def test_handshakes_reach_the_receiver_with_the_right_totals_and_deltas(
    rig: Rig, tocsin_on_hub: Tocsin, receiver_on_hub: ReceiverOnHub
) -> None:
    url = receiver_on_hub.url
    done(
        tocsin_on_hub,
        *("webhook", "add", "--type", "endpoint_stats", "--url", url, "--interval", "1s"),
    )
    # Nobody has shaken hands yet: this look is the baseline of both peers.
    done(tocsin_on_hub, "source", "add", "wireguard", "--every", "2s")
    done(tocsin_on_hub, "source", "run", "local", "--once")

    rig.ping("alice", count=20)
    rig.ping("bob")
    with running_worker(tocsin_on_hub):
        events = receiver_on_hub.events(2)
        for name in ("alice", "bob"):
            (first,) = attributes_of(rig, name, events)
            seen = rig.counters(name)
            assert_same_data(first, seen)
            assert (first["rx_delta"], first["tx_delta"]) == (first["rx_total"], first["tx_total"])
            assert f"{first['ip']}:{first['port']}" == seen.endpoint

        # While the worker runs: what it saw last is what the deltas add up to.
        rig.ping("alice", count=50, size=1200)
        rig.shake_hands_again("alice")
        told = attributes_of(rig, "alice", receiver_on_hub.events(3))
        assert sum(event["rx_delta"] for event in told) == told[-1]["rx_total"]
        assert sum(event["tx_delta"] for event in told) == told[-1]["tx_total"]

    # What happened while no worker ran is told by the next one.
    rig.ping("alice", count=50, size=1200)
    rig.shake_hands_again("alice")
    seen = rig.counters("alice")
    so_far = len(receiver_on_hub.events(3))
    with running_worker(tocsin_on_hub):
        told = attributes_of(rig, "alice", receiver_on_hub.events(so_far + 1))
    assert_same_data(told[-1], seen)
    assert sum(event["rx_delta"] for event in told) == told[-1]["rx_total"]
    assert sum(event["tx_delta"] for event in told) == told[-1]["tx_total"]

    # A restart of the interface that regains its totals at once is told by the interface's number.
    before = rig.counters("bob")
    rig.hub.stop_wireguard()
    rig.start_hub()
    rig.shake_hands_again("bob")
    rig.ping("bob", count=20)
    seen = rig.counters("bob")
    assert seen.rx > before.rx
    so_far = len(receiver_on_hub.events(4))
    with running_worker(tocsin_on_hub):
        last = attributes_of(rig, "bob", receiver_on_hub.events(so_far + 1))[-1]
    assert_same_data(last, seen)
    # What was seen before the restart, after the last event, counts in this one.
    assert last["rx_delta"] - last["rx_total"] in _WITHOUT_DATA
    assert last["tx_delta"] - last["tx_total"] in _WITHOUT_DATA

    done(tocsin_on_hub, "worker", "--until-empty", "--timeout", "60s")
    status = json.loads(done(tocsin_on_hub, "status", "--json"))
    told_in_all = status["events"]["endpoint_stats"]
    assert len(receiver_on_hub.events(so_far + 1)) == told_in_all
    assert [webhook["queued"] for webhook in status["webhooks"]] == [0]
