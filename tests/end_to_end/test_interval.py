"""An interval of 0 as an admin has it: a worker with a source of its own, and a real receiver."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO, cast

import pytest

from cli.exit_codes import ExitCode
from tests.support.program import Tocsin
from tests.support.program_store import access_of, answers, said, status_of
from tests.support.receiver_client import Receiver, Request
from tests.support.stores import event, events
from tests.support.waiting import PATIENCE_S, eventually, eventually_is

COUNT = 200


@pytest.fixture
def receiver(shared_receiver: Receiver) -> Receiver:
    return shared_receiver


def done(tocsin: Tocsin, *words: str) -> str:
    result = tocsin.run(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


@contextmanager
def program(tocsin: Tocsin, **settings: str) -> Iterator[IO[bytes]]:
    """A worker with a socket source, and the connection of a program that hands events in."""
    path = tocsin.home / "s"
    done(tocsin, "source", "add", "socket", "--path", str(path))
    for name, value in settings.items():
        done(tocsin, "config", "set", name, value)
    tocsin.start("worker", "run", log=tocsin.home / "worker.log")
    eventually(lambda: answers(str(path)), "the source listens")
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.connect(str(path))
        with connection.makefile("rwb") as stream:
            yield cast("IO[bytes]", stream)


def hand_in(stream: IO[bytes], first: int, last: int) -> None:
    """Hand events in one after the other, each when the one before it is safe."""
    for number in range(first, last + 1):
        event = {"type": "alerts", "id": f"e{number}", "attributes": {"number": number}}
        stream.write(json.dumps(event).encode() + b"\n")
        stream.flush()
        assert json.loads(stream.readline())["accepted"] == 1


def subscribe(tocsin: Tocsin, url: str, *options: str) -> None:
    done(tocsin, "webhook", "add", "--type", "alerts", "--url", url, *options)


def waiting(tocsin: Tocsin) -> tuple[str, int]:
    """Return the reason for which nothing is sent now, and the events in the queue."""
    [webhook] = status_of(tocsin)["webhooks"]
    return webhook["reason"], webhook["queued"]


def numbers(requests: list[Request]) -> list[int]:
    """The events of all requests that were answered with a 2XX, in order."""
    taken = [request for request in requests if request.status == 200]
    return [event["attributes"]["number"] for request in taken for event in request.events]


def test_single_events_are_grouped_by_the_request_under_way(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    path = "/held/grouped"
    subscribe(tocsin, receiver.url(path), "--interval", "0s")
    with program(tocsin, interval="1h", linger="0s", timeout="10m") as stream:
        hand_in(stream, 1, 1)
        receiver.wait(path, count=1)
        hand_in(stream, 2, COUNT // 2)
        receiver.release(path)
        hand_in(stream, COUNT // 2 + 1, COUNT)
        requests = receiver.wait(path, events=COUNT)
    assert numbers(requests) == list(range(1, COUNT + 1))
    first, second, *_ = requests
    assert len(first.ids) == 1
    assert len(second.ids) >= COUNT // 2 - 1


def test_a_failure_waits_its_own_time_and_the_queue_behind_it_goes_in_one_request(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    path = "/script:503,503,held/retried"
    subscribe(tocsin, receiver.url(path), "--interval", "0s", "--retry-interval", "1s")
    log = tocsin.home / "worker.log"
    with program(tocsin, retry_interval="1h", linger="0s", timeout="10m") as stream:
        hand_in(stream, 1, 1)
        receiver.wait(path, count=1)
        hand_in(stream, 2, 20)
        receiver.release(path)
        requests = receiver.wait(path, events=20)
        eventually(lambda: said(log, "retry interval 1s ±10%"), "the log tells of the wait")
    assert numbers(requests) == list(range(1, 21))
    first, second, third, _ = requests
    assert first.body == second.body == third.body
    assert [request.status for request in requests] == [503, 503, 200, 200]
    for before, after in ((first, second), (second, third)):
        assert 0.85e9 < after.started_ns - before.started_ns < 600e9


def test_an_edit_while_it_runs_counts_for_what_comes_after_it(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    """A webhook that waits an hour between its runs goes on at once, and the other way round."""
    path = "/ok/edited"
    subscribe(tocsin, receiver.url(path))
    with program(tocsin, interval="1h", linger="0s") as stream:
        hand_in(stream, 1, 1)
        receiver.wait(path, events=1)
        hand_in(stream, 2, 3)
        eventually_is(("next run, interval 1h", 2), lambda: waiting(tocsin))
        done(tocsin, "webhook", "edit", "1", "--interval", "0s")
        receiver.wait(path, events=3)
        hand_in(stream, 4, 4)
        receiver.wait(path, events=4)
        done(tocsin, "webhook", "edit", "1", "--interval", "")
        hand_in(stream, 5, 5)
        eventually_is(("next run, interval 1h", 1), lambda: waiting(tocsin))
    assert numbers(receiver.requests(path)) == [1, 2, 3, 4]


@pytest.mark.parametrize("until", ["--once", "--until-empty"])
def test_a_worker_that_ends_by_itself_ends_while_events_go_on_coming(
    tocsin: Tocsin, receiver: Receiver, until: str
) -> None:
    path = f"/held/ends{until}"
    subscribe(tocsin, receiver.url(path), "--interval", "0s")
    with access_of(tocsin) as desk:
        desk.append(*events(1, 5))
        last = 6
        process = tocsin.start("worker", "run", until, log=tocsin.home / "worker.log")
        receiver.wait(path, count=1)
        desk.append(event(last))
        receiver.release(path)
        ends = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < ends:
            last += 1
            desk.append(event(last))
        assert process.poll() == ExitCode.OK
        status = desk.status(1)
    assert status.pending is None
    assert 5 <= status.delivered_events < last
