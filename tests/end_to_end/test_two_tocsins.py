"""A Tocsin on a host sends to the central one, which is an ordinary webhook to it."""

from __future__ import annotations

import json
import shlex
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.program import Tocsin
from tests.support.program_store import free_port
from tests.support.waiting import PATIENCE_S, eventually

ROUNDS = 4
EVENTS = 60


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Tocsin]:
    yield from _program(tmp_path / "centre")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Tocsin]:
    yield from _program(tmp_path / "host")


def _program(home: Path) -> Iterator[Tocsin]:
    home.mkdir(mode=0o700)
    program = Tocsin(home, home / "tocsin.db", environment={"TOCSIN_LINGER": "0s"})
    yield program
    program.kill_all()


def test_nothing_is_lost_or_doubled_while_the_centre_falls_and_rises(
    centre: Tocsin, host: Tocsin, tmp_path: Path
) -> None:
    port = free_port()
    done(centre, "source", "add", "http", "--listen", f"127.0.0.1:{port}")
    token = done(centre, "token", "add", "host").strip()
    hook = ("webhook", "add", "--type", "alerts", "--interval", "1s", "--max-events", "7")
    url = f"http://127.0.0.1:{port}/events"
    done(host, *hook, "--url", url, "--header", f"Authorization: Bearer {token}")
    host.start("worker", "run", log=tmp_path / "host.log")
    sent: list[str] = []
    for round_ in range(ROUNDS):
        sent += emit(host, round_)  # the centre is down
        taken = len(received(centre))
        worker = centre.start("worker", "run", log=tmp_path / "centre.log")
        arrive(centre, taken + 10)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        sent += emit(host, round_ + 100)
    centre.start("worker", "run", log=tmp_path / "centre.log")
    arrive(centre, len(sent))
    assert received(centre) == sent
    assert json.loads(done(host, "status", "--json"))["webhooks"][0]["skipped_events"] == 0


def test_an_event_that_the_centre_refuses_is_named_and_left_out(
    centre: Tocsin, host: Tocsin, tmp_path: Path
) -> None:
    port = free_port()
    done(centre, "source", "add", "http", "--listen", f"127.0.0.1:{port}")
    token = done(centre, "token", "add", "host").strip()
    done(centre, "event", "emit", stdin=alert("door-1", "of another host"))
    centre.start("worker", "run", log=tmp_path / "centre.log")
    eventually(lambda: answers(port), "the centre listens")
    url = f"http://127.0.0.1:{port}/events"
    hook = ("webhook", "add", "--type", "alerts", "--url", url)
    done(host, *hook, "--header", f"Authorization: Bearer {token}")
    ids = ("h1", "door-1", "h2")
    done(host, "event", "emit", stdin="\n".join(alert(id_, "of this host") for id_ in ids))
    for _ in range(2):
        assert host.run("worker", "run", "--once").returncode == 75
        assert received(centre) == ["door-1", "h1", "h2"]
        [pending] = json.loads(done(host, "delivery", "list", "--state", "pending", "--json"))
        assert "it refuses event door-1 and has taken all others" in (
            done(host, "delivery", "show", pending["id"])
        )
        done(host, "delivery", "retry", pending["id"])
    told = host.run("delivery", "show", pending["id"]).stderr
    _, command, _ = told.split("`")
    assert command == f"tocsin delivery reseal {pending['id']} --without door-1"
    done(host, *shlex.split(command)[1:], "--yes")
    assert host.run("worker", "run", "--until-empty").returncode == 0
    assert received(centre) == ["door-1", "h1", "h2"]
    [held] = json.loads(done(host, "webhook", "show", "1", "--json"))["quarantine"]
    assert held["id"] == "door-1"


def alert(id_: str, text: str) -> str:
    """An event of a moment, by which it is known wherever it comes."""
    attributes = {"text": text, "created": "2026-12-01T08:00:00Z"}
    return json.dumps({"type": "alerts", "id": id_, "attributes": attributes})


def emit(host: Tocsin, round_: int) -> list[str]:
    """Queue some events on the host; their ids."""
    ids = [f"r{round_}n{number}" for number in range(EVENTS // 2)]
    lines = [json.dumps({"type": "alerts", "id": id_, "attributes": {}}) for id_ in ids]
    done(host, "event", "emit", stdin="\n".join(lines))
    return ids


def arrive(centre: Tocsin, count: int) -> None:
    """Wait until the centre has taken so many events, of which each request has seven."""
    what = f"{count} events arrive"
    eventually(lambda: len(received(centre)) >= count, what, seconds=3 * PATIENCE_S)


def received(centre: Tocsin) -> list[str]:
    """The ids in the order in which the centre took them."""
    listed = centre.run("event", "list", "--type", "alerts", "--limit", "10000", "--json").stdout
    return [event["id"] for event in json.loads(listed)]


def done(tocsin: Tocsin, *arguments: str, stdin: str = "") -> str:
    finished = tocsin.run(*arguments, stdin=stdin)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
