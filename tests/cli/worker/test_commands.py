"""`tocsin worker` as a process of its own: when it ends and how, who sends, who stands by."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from domain.webhooks import WebhookFields
from store import migrations, workers
from store.queue import deliveries
from store.workers import OLD_HEARTBEAT_MS, SendingLock
from tests.support.program import Tocsin
from tests.support.program_store import access_of, change_store, newer, now_ms, said, status_of
from tests.support.receiver_client import Receiver
from tests.support.stores import ALERTS, Desk, event, events
from tests.support.waiting import PATIENCE_S, eventually

QUICK = {"TOCSIN_INTERVAL": "1s", "TOCSIN_LINGER": "0s"}
TAKEOVER_S = OLD_HEARTBEAT_MS / 1000
"""One second is what is promised; a machine that is busy with other things gets some more, but not
until the heartbeat of the one before is old."""


@pytest.fixture
def tocsin(tocsin: Tocsin) -> Tocsin:
    tocsin.environment.update(QUICK)
    return tocsin


def subscribe(tocsin: Tocsin, url: str, count: int = 3) -> None:
    """A webhook with so many events queued."""
    with access_of(tocsin) as desk:
        desk.add(WebhookFields(ALERTS, url))
        desk.append(*events(1, count))


def log_of(tocsin: Tocsin, name: str) -> Path:
    return tocsin.home / f"{name}.log"


def start_worker(tocsin: Tocsin, name: str, *options: str) -> subprocess.Popen[str]:
    """Start a worker and wait until it sends or stands by."""
    log = log_of(tocsin, name)
    process = tocsin.start("worker", "run", *options, log=log)
    eventually(
        lambda: said(log, "sending for") or said(log, "standing by"), f"{name} sends or stands by"
    )
    return process


def stop_between_writes(tocsin: Tocsin, process: subprocess.Popen[str]) -> None:
    """Stop a process at a moment at which it keeps no other from writing to the store."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        if may_be_written(tocsin.db):
            return
        process.send_signal(signal.SIGCONT)
        os.waitpid(process.pid, os.WCONTINUED)


def may_be_written(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


def workers_of(tocsin: Tocsin) -> list[dict[str, Any]]:
    """Return what `worker list --json` says."""
    done = tocsin.run("worker", "list", "--json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def delivered_of(desk: Desk) -> int:
    return desk.status(1).delivered_events


def test_once_sends_what_is_due_and_ends(tocsin: Tocsin, receiver: Receiver) -> None:
    subscribe(tocsin, receiver.url("/ok/once"))
    done = tocsin.run("worker", "--once")
    assert done.returncode == 0, done.stderr
    [request] = receiver.requests("/ok/once")
    assert [event["id"] for event in request.events] == ["e1", "e2", "e3"]
    [webhook] = status_of(tocsin)["webhooks"]
    assert (webhook["queued"], webhook["pending"], webhook["delivered_events"]) == (0, None, 3)
    assert workers_of(tocsin) == []


def test_a_store_that_may_not_be_written_is_refused_at_the_start(tocsin: Tocsin) -> None:
    subscribe(tocsin, "http://127.0.0.1:9/")
    tocsin.db.chmod(0o444)
    bounded = bound_by_modes(tocsin)
    for command in (("worker", "--once"), ("worker", "run"), ("event", "emit")):
        done = bounded.run(*command)
        assert done.returncode == ExitCode.UNAVAILABLE
        assert f"run `chmod u+rw {tocsin.db}`" in done.stderr
    assert "cannot be written" in bounded.run("status", "--check").stdout
    names = [f"{tocsin.db}{suffix}" for suffix in ("", "-wal", "-shm")]  # as SQLite left them then
    done = bounded.run("worker", "--once")
    assert f"run `chmod u+rw {' '.join(names)}`" in done.stderr
    for name in names:
        Path(name).chmod(0o600)
    assert bounded.run("event", "emit", "-", stdin="[]").returncode == ExitCode.OK


def bound_by_modes(tocsin: Tocsin) -> Tocsin:
    """The program without root's right to pass over the modes of files."""
    if os.geteuid() != 0:
        return tocsin
    rights = "-dac_override,-dac_read_search"
    drop = ("setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}", "--")
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv command")
    return replace(tocsin, command=(*drop, *tocsin.command))


def test_once_with_nothing_to_do_ends_well(tocsin: Tocsin) -> None:
    with access_of(tocsin):
        pass
    assert tocsin.run("worker", "--once").returncode == 0


def test_once_tries_a_failing_receiver_once(tocsin: Tocsin, receiver: Receiver) -> None:
    subscribe(tocsin, receiver.url("/503/once"))
    tocsin.environment["TOCSIN_INTERVAL"] = "1h"
    done = tocsin.run("worker", "--once")
    assert done.returncode == ExitCode.TEMPORARY
    assert "Undelivered: 3 events of 1 webhook" in done.stderr
    assert len(receiver.requests("/503/once")) == 1
    [webhook] = status_of(tocsin)["webhooks"]
    assert webhook["pending"]["last_status"] == 503
    assert webhook["pending"]["last_detail"] == "answered 503 Service Unavailable"
    assert webhook["pending"]["attempts"] == 1


def test_until_empty_goes_on_until_all_is_delivered(tocsin: Tocsin, receiver: Receiver) -> None:
    subscribe(tocsin, receiver.url("/flaky:2/empty"))
    done = tocsin.run("worker", "--until-empty")
    assert done.returncode == 0, done.stderr
    statuses = [request.status for request in receiver.requests("/flaky:2/empty")]
    assert statuses == [500, 500, 200]


def test_once_leaves_the_sending_to_the_worker_that_sends(tocsin: Tocsin) -> None:
    with access_of(tocsin):
        pass
    start_worker(tocsin, "one")
    done = tocsin.run("worker", "--once")
    assert (done.returncode, "left it to that one" in done.stderr) == (0, True)


def test_until_empty_gives_up_in_time(tocsin: Tocsin, receiver: Receiver) -> None:
    subscribe(tocsin, receiver.url("/503/late"))
    done = tocsin.run("worker", "--until-empty", "--timeout", "5s")
    assert done.returncode == ExitCode.TEMPORARY
    assert receiver.requests("/503/late")
    assert workers_of(tocsin) == []


@pytest.mark.parametrize("words", [(), ("--once",)])
def test_a_timeout_without_an_end_is_refused(tocsin: Tocsin, words: tuple[str, ...]) -> None:
    done = tocsin.run("worker", *words, "--timeout", "1s")
    assert done.returncode == ExitCode.USAGE
    assert "--until-empty" in done.stderr
    assert not tocsin.db.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_the_attempt_in_flight_end(
    tocsin: Tocsin, receiver: Receiver, number: signal.Signals
) -> None:
    subscribe(tocsin, receiver.url("/held/stop"))
    tocsin.environment["TOCSIN_GRACE"] = "1m"
    worker = start_worker(tocsin, "one")
    receiver.wait("/held/stop", count=1)
    worker.send_signal(number)
    eventually(lambda: said(log_of(tocsin, "one"), "waiting up to 1m for 1"), "it is to stop")
    receiver.release("/held/stop")
    assert worker.wait(timeout=PATIENCE_S) == 0
    [request] = receiver.requests("/held/stop")
    assert request.status == 200
    [webhook] = status_of(tocsin)["webhooks"]
    assert (webhook["delivered_events"], webhook["pending"]) == (3, None)
    assert workers_of(tocsin) == []
    lock = SendingLock(tocsin.db)
    assert lock.acquire()
    lock.release()


def test_an_attempt_longer_than_the_grace_is_cut_off_and_noted(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    subscribe(tocsin, receiver.url("/hang/stop"))
    tocsin.environment["TOCSIN_GRACE"] = "0s"
    worker = start_worker(tocsin, "one")
    receiver.wait("/hang/stop", count=1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=PATIENCE_S) == 0
    with access_of(tocsin) as desk:
        pending = desk.status(1).pending
        assert pending is not None
        [attempt] = desk.call(deliveries.attempts, pending.id)
    assert pending.sending_since_ms is None
    assert attempt.error == "CutOff"


def test_after_a_kill_in_an_attempt_everything_says_that_nobody_sends(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    path = "/script:503,hang/killed"
    subscribe(tocsin, receiver.url(path))
    worker = start_worker(tocsin, "one")
    receiver.wait(path, count=2)
    worker.kill()
    worker.wait()
    status = tocsin.run("status").stdout
    assert "nobody is sending" in status
    assert "attempt 1 of msg_" in status
    assert "attempt 2 was cut off and is made again" in status
    assert f"pid {worker.pid}) is gone" in status
    assert "under way" not in status + tocsin.run("status", "--check").stdout
    [webhook] = status_of(tocsin)["webhooks"]
    assert (webhook["sending_since"], webhook["reason"]) == (None, "no worker is sending")
    assert [one["role"] for one in workers_of(tocsin)] == ["gone"]
    assert "sending" not in tocsin.run("delivery", "list").stdout
    assert tocsin.run("delivery", "list", "--filter", "state:sending").stdout.count("msg_") == 0
    checked = tocsin.run("db", "check")
    assert checked.returncode == 0, checked.stdout


def test_a_second_signal_ends_at_once(tocsin: Tocsin, receiver: Receiver) -> None:
    subscribe(tocsin, receiver.url("/hang/twice"))
    tocsin.environment["TOCSIN_GRACE"] = "10m"
    worker = start_worker(tocsin, "one")
    receiver.wait("/hang/twice", count=1)
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=PATIENCE_S) == ExitCode.INTERRUPTED


@pytest.mark.parametrize("how", ["--once", "--until-empty"])
def test_while_paused_what_ends_by_itself_does_not_start(
    tocsin: Tocsin, receiver: Receiver, how: str
) -> None:
    subscribe(tocsin, receiver.url("/ok/paused"))
    assert tocsin.run("worker", "pause").returncode == 0
    done = tocsin.run("worker", how)
    assert done.returncode == ExitCode.TEMPORARY
    assert "tocsin worker unpause" in done.stderr
    assert receiver.requests("/ok/paused") == []


def test_a_pause_holds_a_running_worker_until_it_ends(tocsin: Tocsin, receiver: Receiver) -> None:
    subscribe(tocsin, receiver.url("/ok/held"))
    assert tocsin.run("worker", "pause").returncode == 0
    start_worker(tocsin, "one")
    [webhook] = status_of(tocsin)["webhooks"]
    assert "all sending is paused by " in webhook["reason"]
    assert webhook["queued"] == 3
    assert receiver.requests() == []
    assert tocsin.run("worker", "unpause").stderr == "Unpaused: sending is active.\n"
    receiver.wait("/ok/held", acked=1)
    assert tocsin.run("worker", "unpause").stderr == "Not paused: sending is active.\n"


@pytest.mark.usefixtures("made")
def test_an_unpause_says_where_no_worker_runs(tocsin: Tocsin) -> None:
    paused = tocsin.run("worker", "pause").stderr
    assert paused == (
        "Paused: nothing is sent until `tocsin worker unpause`; events are still queued.\n"
    )
    missing = "No worker is running: `tocsin worker` starts one.\n"
    for word in ("Unpaused", "Not paused"):
        done = tocsin.run("worker", "unpause").stderr
        assert done == f"{word}: sending is active.\n{missing}"


def test_the_second_stands_by_and_takes_over_when_the_first_is_killed(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    subscribe(tocsin, receiver.url("/ok/takeover"))
    first = start_worker(tocsin, "first")
    second = start_worker(tocsin, "second")
    receiver.wait("/ok/takeover", events=3)
    assert said(log_of(tocsin, "second"), "standing by")
    assert [row["role"] for row in workers_of(tocsin)] == ["active", "standing by"]

    first.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    eventually(lambda: said(log_of(tocsin, "second"), "sending for"), "the second sends")
    assert time.monotonic() - killed < TAKEOVER_S
    with access_of(tocsin) as desk:
        desk.append(event(4))
    receiver.wait("/ok/takeover", events=4)
    active = [row["pid"] for row in workers_of(tocsin) if row["role"] == "active"]
    assert active == [second.pid]


def test_what_was_in_flight_is_sent_again_with_the_same_id_and_bytes(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    path = "/script:hang,200/cut"
    subscribe(tocsin, receiver.url(path))
    first = start_worker(tocsin, "first")
    receiver.wait(path, count=1)
    first.send_signal(signal.SIGKILL)
    start_worker(tocsin, "second")
    one, two = receiver.wait(path, acked=1)
    assert one.body == two.body
    assert one.header("webhook-id") == two.header("webhook-id")
    assert said(log_of(tocsin, "second"), "cut off")


def test_a_stopped_worker_keeps_the_lock_and_status_says_so(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    subscribe(tocsin, receiver.url("/ok/stopped"))
    worker = start_worker(tocsin, "first")
    with access_of(tocsin) as desk:
        eventually(lambda: delivered_of(desk) == 3, "the delivery is recorded")
    [row] = workers_of(tocsin)
    stop_between_writes(tocsin, worker)
    start_worker(tocsin, "second")
    assert said(log_of(tocsin, "second"), "standing by")
    with access_of(tocsin) as desk:
        desk.append(event(4))
        # What fifteen seconds would make of it.
        desk.call(workers.beat, row["id"], now_ms() - OLD_HEARTBEAT_MS - 1_000, active=True)
    shown = tocsin.run("status")
    assert f"pid {worker.pid}) is stopped or stuck, and keeps the lock on purpose" in shown.stdout
    check = tocsin.run("status", "--check")
    assert check.returncode == ExitCode.CHECK_FAILED
    assert f"worker {row['id']} (pid {worker.pid} on " in check.stdout
    assert [row["heartbeat_old"] for row in workers_of(tocsin)] == [True, False]
    assert len(receiver.requests("/ok/stopped")) == 1
    worker.send_signal(signal.SIGCONT)
    receiver.wait("/ok/stopped", events=4)
    assert worker.poll() is None


def test_events_of_another_process_are_sent_soon(tocsin: Tocsin, receiver: Receiver) -> None:
    subscribe(tocsin, receiver.url("/ok/soon"), count=0)
    start_worker(tocsin, "one")
    emitted = tocsin.run("event", "emit", stdin='{"type": "alerts", "attributes": {}}')
    assert json.loads(emitted.stdout) == {"accepted": 1, "repeated": 0}
    receiver.wait("/ok/soon", events=1)


def test_a_worker_overtaken_by_a_newer_schema_ends(tocsin: Tocsin, receiver: Receiver) -> None:
    subscribe(tocsin, receiver.url("/ok/newer"))
    worker = start_worker(tocsin, "one")
    receiver.wait("/ok/newer", acked=1)
    with access_of(tocsin) as desk:
        eventually(lambda: delivered_of(desk) == 3, "the delivery is recorded")
    change_store(tocsin.db, "PRAGMA user_version = 99")
    assert worker.wait(timeout=PATIENCE_S) == ExitCode.TEMPORARY
    assert said(log_of(tocsin, "one"), "a newer Tocsin has changed the store")


def test_a_headless_start_upgrades_an_older_store_after_a_backup(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    subscribe(tocsin, receiver.url("/ok/upgrade"))
    done = newer(tocsin).run("worker", "--once")
    assert done.returncode == 0, done.stderr
    assert len(receiver.requests("/ok/upgrade")) == 1
    assert [path.name for path in tocsin.home.glob("*.before-schema-*")] == [
        f"tocsin.db.before-schema-{migrations.LATEST + 1}"
    ]


def test_without_the_right_key_it_does_not_start(tocsin: Tocsin) -> None:
    subscribe(tocsin, "http://127.0.0.1:9/")
    (tocsin.home / "tocsin.key").unlink()
    done = tocsin.run("worker", "run")
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "tocsin.key is missing" in done.stderr
    assert workers_of(tocsin) == []


def test_list_in_columns(tocsin: Tocsin) -> None:
    with access_of(tocsin):
        pass
    worker = start_worker(tocsin, "one")
    header, line = tocsin.run("worker", "list").stdout.splitlines()
    assert header.split() == ["WORKER", "ROLE", "KIND", "HOST", "PID", "HEARTBEAT"]
    assert line.split()[1:3] == ["active", "headless"]
    assert str(worker.pid) in line.split()
    assert line.endswith(" ago")
