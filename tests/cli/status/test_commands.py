"""`tocsin status`: its JSON, its words, its check and its watch."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cli.config_file import default_configuration
from cli.context import Context
from cli.exit_codes import ExitCode
from cli.output import Output
from cli.status.commands import StatusWatch
from cli.status.report import read_report
from domain.event_types import EventType
from store import settings, sources, workers
from store.models import WebhookRow
from store.queue import delivery_requests
from store.records import StoredWorker
from store.vault import new_key
from store.workers import MISSED_BEAT_MS, OLD_HEARTBEAT_MS, SendingLock
from tests.support.program import ROOT, Tocsin
from tests.support.program_store import (
    access_of,
    change_store,
    enter_worker,
    newer,
    now_ms,
    status_of,
)
from tests.support.stores import ACTOR, MINUTE, Desk, event, events, fields
from tests.support.waiting import PATIENCE_S

Prepare = Callable[[Desk], None]


def check(tocsin: Tocsin, *options: str) -> tuple[int, str]:
    """The exit code and the line of `status --check`."""
    done = tocsin.run("status", "--check", *options)
    assert done.stdout.count("\n") == 1
    return done.returncode, done.stdout.rstrip("\n")


def healthy(desk: Desk) -> None:
    """A live worker, and a webhook that got its one event."""
    webhook = desk.add(fields(name="siem"))
    desk.append(event(1))
    desk.end(desk.started(webhook), 200)
    enter_worker(desk)


def failing(desk: Desk) -> None:
    """A live worker, and a webhook whose receiver answered 503 twice."""
    webhook = desk.add(fields(name="siem"))
    desk.append(*events(1, 50))
    for status in (None, 503):
        desk.end(desk.started(webhook), status)
    desk.append(*events(51, 62))
    enter_worker(desk)


def test_json_is_as_documented(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.add(fields(EventType.LOG_AUTHN))
        failing(desk)
        pending = desk.delivery("msg_1")
        status = status_of(tocsin)
    idle, webhook = status.pop("webhooks")
    assert webhook == {
        "id": 2,
        "name": "siem",
        "type": "alerts",
        "state": "active",
        "url": "https://example.com/hook",
        "waiting": 62,
        "queued": 12,
        "pending": {
            "id": "msg_1",
            "events": 50,
            "bytes": pending.bytes,
            "attempts": 2,
            "next_attempt": webhook["next_run"],
            "reason": "attempt 3, interval 3m",
            "last_status": 503,
            "last_error": None,
            "last_detail": "answered 503",
            "asked": None,
            "blocked": None,
        },
        "sending_since": None,
        "waiting_since": webhook["waiting_since"],
        "next_run": webhook["next_run"],
        "reason": "attempt 3, interval 3m",
        "last_attempt": webhook["last_attempt"],
        "last_status": 503,
        "last_error": None,
        "delivered_events": 0,
        "delivered_at": None,
        "skipped_events": 0,
        "quarantined": 0,
        "released": 0,
    }
    assert webhook["next_run"].endswith("Z")
    assert (idle["pending"], idle["queued"], idle["reason"]) == (None, 0, None)
    [worker] = status.pop("workers")
    assert {"id", "host", "pid", "kind", "heartbeat"} <= worker.keys()
    assert worker["heartbeat_old"] is False
    assert status.pop("events") == {
        "alerts": 62,
        "endpoint_stats": 0,
        "log_authn": 0,
        "log_changes": 0,
    }
    store = status.pop("store")
    upgrade = {"upgrade_percent", "upgrade_under_way", "copies"}
    assert store.keys() == {"path", "bytes", "free_bytes", "outdated", *upgrade}
    assert store["path"] == str(tocsin.db)
    assert [*status] == ["sources", "paused", "countries", "warnings", "notes"]


def test_the_last_attempts_words_come_with_the_pending_delivery(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook = desk.add()
        desk.append(event(1))
        desk.end(desk.started(webhook), None)
        enter_worker(desk)
        [one] = status_of(tocsin)["webhooks"]
        assert one["pending"]["last_detail"] == "connection refused"
        desk.started(webhook)
        [one] = status_of(tocsin)["webhooks"]
        assert one["pending"]["last_detail"] == "connection refused"
    assert one["reason"] == "attempt 2 is under way"
    assert one["sending_since"] is not None
    assert "attempt 1 of msg_1 (1 event): connection refused" in check(tocsin)[1]


def test_text_says_what_waits_and_why(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        desk.add(fields(name="quiet", active=False))
        said = tocsin.run("status").stdout
    header, siem, quiet = (line for line in said.splitlines() if line.startswith((" ", "ID")))
    assert header.split()[:3] == ["ID", "NAME", "TYPE"]
    assert siem.split()[:7] == ["1", "siem", "alerts", "active", "62", "50", "2"]
    assert "503, " in siem
    assert siem.endswith("attempt 3, interval 3m")
    assert quiet.split()[3] == "inactive"
    assert "worker   w1 (headless, hub, pid 812) sends, heartbeat " in said
    assert "alerts 62" in said
    assert str(tocsin.db) in said


@pytest.mark.parametrize(
    ("seqs", "words"),
    [
        ([2], "1 event in quarantine: `tocsin webhook show 1` lists it with the command that "),
        ([2, 3], "2 events in quarantine: `tocsin webhook show 1` lists them with the commands "),
    ],
)
def test_text_tells_of_events_in_quarantine(tocsin: Tocsin, seqs: list[int], words: str) -> None:
    with access_of(tocsin) as desk:
        webhook = desk.add(fields(name="siem"))
        desk.append(*events(1, 4))
        desk.end(desk.started(webhook), 503)
        for number, seq in enumerate(seqs, 1):
            set_aside(desk, f"msg_{number}", seq)
            desk.end(desk.started(webhook), 503)
        enter_worker(desk)
        assert f"NOTE: webhook 1 (siem): {words}" in tocsin.run("status").stdout
        desk.call(delivery_requests.release, 1, EventType.ALERTS, 2, ACTOR, desk.now_ms)
        assert f"{len(seqs)} event" not in " ".join(status_of(tocsin)["notes"])


def set_aside(desk: Desk, delivery: str, seq: int) -> None:
    """Put an event of a failing delivery in quarantine."""
    desk.call(delivery_requests.reseal, delivery, ACTOR, desk.now_ms, idle=True, without=seq)


def test_no_time_is_told_of_an_attempt_that_nobody_makes(tocsin: Tocsin) -> None:
    failed = "webhook 1 (siem): attempt 2 of msg_1 (50 events): answered 503"
    with access_of(tocsin) as desk:
        failing(desk)
        desk.call(settings.pause, ACTOR, desk.now_ms)
        line = check(tocsin)[1]
        assert f"{failed}, and all sending is paused by alice" in line
        desk.call(settings.unpause, ACTOR, desk.now_ms)
        assert f"{failed}, next at " in check(tocsin)[1]
        desk.call(workers.leave, "w1")
        line = check(tocsin)[1]
    assert f"{failed}, and no worker is sending" in line
    assert "next at" not in line


def test_nobody_sending_is_said_loudly_and_first(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.add()
        desk.append(*events(1, 3))
    first = tocsin.run("status").stdout.splitlines()[0]
    assert first.startswith("WARNING: nobody is sending while 3 events wait: start a worker")
    [webhook] = status_of(tocsin)["webhooks"]
    assert webhook["reason"] == "no worker is sending"


def test_an_empty_store_says_what_to_do(tocsin: Tocsin) -> None:
    with access_of(tocsin):
        pass
    done = tocsin.run("status")
    assert done.returncode == 0
    assert "tocsin webhook add" in done.stdout
    assert check(tocsin) == (0, "OK - 0 webhooks, 0 undelivered events")


def test_foreign_text_cannot_reach_the_terminal(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.add_source("hub")
        desk.call(sources.save_failure, "hub", "bad\x1b[31m", desk.now_ms)
    assert "\x1b" not in tocsin.run("status").stdout
    assert "\x1b" not in tocsin.run("status", "--json").stdout
    assert "\x1b" not in tocsin.run("status", "--check").stdout


def test_check_is_content_with_a_healthy_store(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        healthy(desk)
        desk.append(event(2))
    assert check(tocsin) == (0, "OK - 1 webhook, 1 undelivered event")
    done = tocsin.run("status", "--check", "--json")
    assert json.loads(done.stdout) == {"ok": True, "warnings": []}


def waits_for_20m(desk: Desk) -> None:
    healthy(desk)
    desk.now_ms -= 20 * MINUTE
    desk.append(event(2))


def blocked(desk: Desk) -> None:
    failing(desk)
    change_store(desk.store.path, "UPDATE event SET body = x'7b7d' WHERE key & 0xffff = 1")
    assert desk.start(1) is None


def paused(desk: Desk) -> None:
    healthy(desk)
    desk.call(settings.pause, ACTOR, desk.now_ms)


def source_in_error(desk: Desk) -> None:
    healthy(desk)
    desk.add_source()
    desk.call(sources.save_failure, "local", "wg is not there", desk.now_ms)


def without_worker(desk: Desk) -> None:
    healthy(desk)
    desk.append(event(2))
    desk.call(workers.leave, "w1")


def without_key(desk: Desk) -> None:
    desk.add(fields(headers=(("Authorization", "Bearer x"),)))
    enter_worker(desk)
    desk.store.vault.key_file.unlink()


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (failing, [], "webhook 1 (siem): attempt 2 of msg_1 (50 events): answered 503, next at "),
        (waits_for_20m, [], "webhook 1 (siem): an event waits for 20m"),
        (blocked, [], "webhook 1 (siem): delivery msg_1 is blocked: "),
        (paused, [], "all sending is paused by alice from 192.0.2.7 for "),
        (source_in_error, [], "source local: wg is not there"),
        (without_worker, [], "nobody is sending while 1 event waits: "),
        (without_key, [], "its URL, headers and secrets cannot be read"),
        (healthy, ["--set", "min_free_disk=100TB"], "less than min_free_disk"),
        (failing, ["--set", "warn_queue=61"], "62 undelivered events, more than warn_queue"),
    ],
)
def test_check_fails(tocsin: Tocsin, prepare: Prepare, options: list[str], words: str) -> None:
    with access_of(tocsin) as desk:
        prepare(desk)
    code, line = check(tocsin, *options)
    assert code == ExitCode.CHECK_FAILED
    assert line.startswith("FAIL - ")
    assert words in line
    warnings = json.loads(tocsin.run("status", "--check", "--json", *options).stdout)["warnings"]
    assert any(words in warning for warning in warnings)


def lose_key(desk: Desk) -> None:
    desk.store.vault.key_file.unlink()


def exchange_key(desk: Desk) -> None:
    desk.store.vault.key_file.unlink()
    desk.store.vault.write_key(new_key())


@pytest.mark.parametrize(
    ("spoil", "cure"),
    [(lose_key, "is missing: put it back"), (exchange_key, "put the right key file back")],
)
@pytest.mark.parametrize("prepare", [lambda _desk: None, without_worker])
def test_a_key_with_which_no_worker_starts_is_told_first(
    tocsin: Tocsin, prepare: Prepare, spoil: Prepare, cure: str
) -> None:
    with access_of(tocsin) as desk:
        prepare(desk)
        spoil(desk)
        key_file = desk.store.vault.key_file
    code, line = check(tocsin)
    assert code == ExitCode.CHECK_FAILED
    assert line.startswith(f"FAIL - the key file {key_file} is ")
    assert cure in line
    assert "no worker starts, and URLs, headers and secrets" in line
    status = tocsin.run("status").stdout
    assert status.startswith(f"WARNING: the key file {key_file} is ")
    assert ": start a worker" not in status
    assert tocsin.run("worker", "--once").returncode == ExitCode.UNAVAILABLE


def slow_webhook(desk: Desk) -> None:
    """An event may wait for two of the webhook's own intervals."""
    waits_for_20m(desk)
    desk.edit(1, fields(name="siem", interval_ms=11 * MINUTE))


def inactive_and_old(desk: Desk) -> None:
    waits_for_20m(desk)
    desk.edit(1, fields(name="siem", active=False))


def nothing_to_send_without_worker(desk: Desk) -> None:
    healthy(desk)
    desk.call(workers.leave, "w1")


def first_attempt_under_way(desk: Desk) -> None:
    webhook = desk.add()
    desk.append(event(1))
    desk.started(webhook)
    enter_worker(desk)


@pytest.mark.parametrize(
    "prepare",
    [slow_webhook, inactive_and_old, nothing_to_send_without_worker, first_attempt_under_way],
)
def test_check_passes(tocsin: Tocsin, prepare: Prepare) -> None:
    with access_of(tocsin) as desk:
        prepare(desk)
    assert check(tocsin)[0] == 0


def test_check_lists_only_the_first_of_many(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        enter_worker(desk)
        for number in range(8):
            desk.add_source(f"s{number}")
            desk.call(sources.save_failure, f"s{number}", "bad", desk.now_ms)
    line = check(tocsin)[1]
    assert "s4: bad" in line
    assert "s5: bad" not in line
    assert line.endswith("; and 3 more")


def test_check_tells_on_stdout_of_a_store_that_is_not_there(tocsin: Tocsin) -> None:
    code, line = check(tocsin)
    assert code == ExitCode.UNAVAILABLE
    assert line == f"FAIL - there is no store at {tocsin.db}"
    assert not tocsin.db.exists()


def test_a_silent_worker_with_the_lock_is_stopped_or_stuck(tocsin: Tocsin) -> None:
    lock = SendingLock(tocsin.db)
    with access_of(tocsin) as desk:
        desk.add()
        desk.append(event(1))
        enter_worker(desk, age_ms=OLD_HEARTBEAT_MS + 1_000)
        assert lock.acquire()
        held, held_check = tocsin.run("status").stdout, check(tocsin)
        lock.release()
        gone, gone_check = tocsin.run("status").stdout, check(tocsin)
    assert "pid 812) is stopped or stuck, and keeps the lock on purpose, heartbeat " in held
    assert held_check[0] == gone_check[0] == ExitCode.CHECK_FAILED
    assert "worker w1 (pid 812 on hub) is stopped or stuck" in held_check[1]
    assert "pid 812) is gone, heartbeat " in gone
    assert "start a worker" in gone_check[1]
    assert lock.acquire()
    lock.release()


def test_a_silent_worker_that_stood_by_is_no_alarm(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        enter_worker(desk, age_ms=OLD_HEARTBEAT_MS + 1_000, active=False)
    assert "pid 812) is stopped, stuck or gone" in tocsin.run("status").stdout
    assert check(tocsin)[0] == 0


def test_a_worker_whose_process_ended_is_gone(tocsin: Tocsin) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with access_of(tocsin) as desk:
        beat_ms = desk.now_ms - MISSED_BEAT_MS
        role = os.uname().nodename, ended.pid, "headless", False
        desk.call(workers.enter, StoredWorker("w1", *role, beat_ms, beat_ms))
    assert f"pid {ended.pid}) is gone, heartbeat " in tocsin.run("status").stdout
    [row] = json.loads(tocsin.run("worker", "list", "--json").stdout)
    assert row["role"] == "gone"
    assert " gone " in tocsin.run("worker", "list").stdout


def test_an_outdated_store_can_be_looked_at(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    done = newer(tocsin).run("status", "--json")
    assert done.returncode == 0, done.stderr
    assert "tocsin db upgrade" in done.stderr
    status = json.loads(done.stdout)
    assert status["store"]["outdated"] is True
    assert status["webhooks"][0]["queued"] == 12
    assert newer(tocsin).run("worker", "list").returncode == 0


def test_settings_of_the_store_count(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        waits_for_20m(desk)
        desk.call(settings.save, "check_age", "1h", ACTOR, desk.now_ms)
    assert check(tocsin)[0] == 0


def line_of(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_a_heartbeat_is_no_change(tocsin: Tocsin) -> None:
    written = io.StringIO()
    context = Context(default_configuration(), ACTOR, Output(written, written, written))
    show = StatusWatch(context, as_json=True)
    with access_of(tocsin) as desk:
        enter_worker(desk)
        show(read_report(desk.store, context))
        desk.call(workers.beat, "w1", desk.now_ms + 1_000, active=True)
        show(read_report(desk.store, context))
        assert written.getvalue().count("\n") == 1
        desk.call(workers.beat, "w1", desk.now_ms - 60_000, active=True)
        show(read_report(desk.store, context))
    assert written.getvalue().count("\n") == 2


def test_watch_prints_a_line_for_each_change(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        enter_worker(desk)
        watch = tocsin.start("status", "--watch", "--json")
        assert line_of(watch)["events"]["alerts"] == 0
        desk.call(workers.beat, "w1", now_ms(), active=True)  # which would be old some time
        desk.append(event(1))
        assert line_of(watch)["events"]["alerts"] == 1
        desk.call(workers.beat, "w1", now_ms(), active=True)
        desk.call(settings.pause, ACTOR, desk.now_ms)
        assert line_of(watch)["paused"]["by"] == ACTOR.text
    watch.send_signal(signal.SIGINT)
    assert watch.wait(timeout=PATIENCE_S) == 0
    assert watch.stderr is not None
    assert watch.stderr.read() == ""


def test_watch_without_json_prints_again_what_changed(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        watch = tocsin.start("status", "--watch")
        assert watch.stdout is not None
        assert any("alerts 0" in line for line in iter(watch.stdout.readline, ""))
        desk.append(event(1))
        assert any("alerts 1" in line for line in iter(watch.stdout.readline, ""))


def test_watch_draws_a_terminal_anew(tocsin: Tocsin) -> None:
    ours, theirs = pty.openpty()
    with access_of(tocsin) as desk:
        command = [*tocsin.command, "--db", str(tocsin.db), "status", "--watch"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tocsin.home)}
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment) as watch:
            os.close(theirs)
            assert "\x1b[2J" in read_until(ours, "alerts 0")
            desk.append(event(1))
            assert "\x1b[2J" in read_until(ours, "alerts 1")
            watch.send_signal(signal.SIGINT)
            assert watch.wait(timeout=PATIENCE_S) == 0
    os.close(ours)


def read_until(terminal: int, text: str) -> str:
    """Return all that a terminal shows until it shows a text."""
    shown = b""
    while text.encode() not in shown:
        shown += os.read(terminal, 4096)
    return shown.decode(errors="replace")


def test_check_leaves_a_look_by_hand_at_a_paused_source_alone(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        source_in_error(desk)
        desk.call(sources.pause, "local", ACTOR, desk.now_ms)
        desk.call(sources.save_failure, "local", "wg is not there", desk.now_ms)
        done = tocsin.run("status", "--check")
        assert (done.returncode, done.stdout[:2]) == (ExitCode.OK, "OK")


def test_a_time_in_the_future_is_warned_of(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        enter_worker(desk)
        now = desk.now_ms
        desk.now_ms = now + 3_600_000
        desk.append(event(1))
        desk.now_ms = now
        desk.append(event(2))
    code, line = check(tocsin)
    assert code == 1
    assert "alerts: an event has a time in the future, 20" in line
    assert "WARNING: alerts: an event has a time in the future" in tocsin.run("status").stdout


def test_names_that_look_alike_are_noted_and_fail_no_check(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        healthy(desk)
        other = desk.add(fields(name="other"))
        desk.call(WebhookRow.update(name="SIEM").where(WebhookRow.id == other).execute)
    assert check(tocsin)[0] == 0
    said = 'the names "SIEM", "siem" look alike: change all but one of them'
    assert f"NOTE: {said}\n" in tocsin.run("status").stdout
    assert json.loads(tocsin.run("status", "--json").stdout)["notes"] == [said]
