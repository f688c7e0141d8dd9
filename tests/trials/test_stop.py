"""End of a headless worker that is told to stop."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest

from cli.exit_codes import ExitCode
from store import workers
from tests.support.program import Tocsin
from tests.support.receiver_client import Receiver
from tests.support.running_worker import opened_desk
from tests.support.waiting import eventually
from tests.trials.rig import Emitter, Fleet, add_webhooks

Signal = signal.Signals
WAITING = "for 1 in flight"


def sending(tocsin: Tocsin, receiver: Receiver, path: str, **environment: str) -> Fleet:
    """Start a worker and wait until its request has come in."""
    tocsin.environment |= {"TOCSIN_LINGER": "0s", **environment}
    add_webhooks(tocsin, [receiver.url(path)])
    emitter = Emitter(tocsin)
    emitter.feed([1, 2])
    assert emitter.finish() == 2
    fleet = Fleet(tocsin)
    fleet.start()
    receiver.wait(path, count=1)
    return fleet


def only_process(fleet: Fleet) -> subprocess.Popen[str]:
    (process,) = fleet.running.values()
    return process


@pytest.mark.parametrize(
    "signals",
    [[Signal.SIGTERM], [Signal.SIGINT], [Signal.SIGHUP], [Signal.SIGHUP] * 2],
    ids=["TERM", "INT", "HUP", "a closed terminal"],
)
def test_the_attempt_in_flight_is_finished_and_recorded(
    tocsin: Tocsin, shared_receiver: Receiver, signals: list[Signal]
) -> None:
    path = f"/slow:1/stop-{'-'.join(number.name for number in signals)}"
    fleet = sending(tocsin, shared_receiver, path)
    process = only_process(fleet)
    for number in signals:
        process.send_signal(number)
        eventually(lambda: WAITING in fleet.said())
    assert process.wait(30) == ExitCode.OK, fleet.said()
    with opened_desk(tocsin.db) as desk:
        assert desk.status(1).delivered_events == 2
        assert desk.call(workers.load_all) == []
        assert workers.SendingLock(tocsin.db).acquire()
    assert "Traceback" not in fleet.said()


def test_a_second_signal_ends_it_at_once(tocsin: Tocsin, shared_receiver: Receiver) -> None:
    path = "/hang/impatient"
    fleet = sending(tocsin, shared_receiver, path, TOCSIN_GRACE="10m")
    process = only_process(fleet)
    process.send_signal(signal.SIGTERM)
    eventually(lambda: WAITING in fleet.said())
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == ExitCode.INTERRUPTED


def test_a_store_that_is_locked_by_another_holds_up_no_end(
    tocsin: Tocsin, shared_receiver: Receiver
) -> None:
    path = "/hang/locked"
    fleet = sending(tocsin, shared_receiver, path, TOCSIN_GRACE="0s")
    process = only_process(fleet)
    with closing(sqlite3.connect(tocsin.db)) as other:
        other.execute("BEGIN IMMEDIATE")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == ExitCode.TEMPORARY
        other.rollback()
    with opened_desk(tocsin.db) as desk:
        assert desk.status(1).pending is not None


def test_until_empty_gives_up_when_its_time_is_over(
    tocsin: Tocsin, shared_receiver: Receiver
) -> None:
    path = "/503/out-of-time"
    add_webhooks(tocsin, [shared_receiver.url(path)])
    emitter = Emitter(tocsin)
    emitter.feed([1])
    assert emitter.finish() == 1
    ended = tocsin.run("worker", "--until-empty", "--timeout", "1s")
    assert ended.returncode == ExitCode.TEMPORARY, ended.stderr
    assert len(shared_receiver.requests(path)) == 1
