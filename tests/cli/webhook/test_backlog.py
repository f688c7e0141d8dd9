"""Backlog of a webhook: paused, sent now, skipped, released and counted."""

from __future__ import annotations

from cli.exit_codes import ExitCode
from domain.event_types import EventType
from store.queue import delivery_requests
from tests.cli.webhook.webhooks import add, answered, record, shown, with_backlog
from tests.support.program import Tocsin
from tests.support.program_store import access_of, enter_worker
from tests.support.stores import ACTOR, event, events, fields


def test_pause_and_unpause(tocsin: Tocsin) -> None:
    add(tocsin)
    add(tocsin, "--name", "siem")
    paused = tocsin.run("webhook", "pause", "1", "siem", "2")
    assert paused.stderr == (
        "Paused webhook 1: it is inactive, and collects, until `tocsin webhook unpause 1`.\n"
        "Paused webhook 2 (siem): it is inactive, and collects, until `tocsin webhook unpause 2`.\n"
    )
    assert not record(tocsin, 2).fields.active
    again = tocsin.run("webhook", "pause", "1")
    assert again.stderr == (
        "Paused already: webhook 1 is inactive, and collects, until `tocsin webhook unpause 1`.\n"
    )
    unpaused = tocsin.run("webhook", "unpause", "siem")
    assert unpaused.stderr == "Unpaused webhook 2 (siem) with 0 queued events: it is active.\n"
    assert record(tocsin, 2).fields.active
    again = tocsin.run("webhook", "unpause", "siem")
    assert again.stderr == "Not paused: webhook 2 (siem) with 0 queued events is active.\n"
    assert tocsin.run("webhook", "pause", "1", "nope").returncode == ExitCode.NO_INPUT


def test_send_starts_a_run_and_says_what_holds_it_back(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook = with_backlog(desk)
        done = tocsin.run("webhook", "send", "siem")
        assert done.returncode == ExitCode.OK
        assert done.stderr == (
            "3 events to webhook 1 (siem) now, after the pending delivery msg_1.\n"
            "No worker is running: `tocsin worker` starts one.\n"
        )
        assert desk.status(webhook).run_open
        enter_worker(desk)
        tocsin.run("webhook", "pause", "1")
        paused = tocsin.run("webhook", "send", "1").stderr
    assert paused == (
        "webhook 1 (siem) is inactive: the pending delivery msg_1 and 3 events go when it is "
        "active again: `tocsin webhook unpause 1`.\n"
    )


def test_send_says_that_nothing_waits(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook = desk.add(fields(name="siem"))
        assert tocsin.run("webhook", "send", "siem").stderr == (
            "Nothing waits for webhook 1 (siem).\n"
        )
        desk.append(event(1))
        desk.started(webhook)
        assert tocsin.run("webhook", "send", "siem").stderr == (
            "Nothing waits for webhook 1 (siem) but its pending delivery msg_1.\n"
            "No worker is running: `tocsin worker` starts one.\n"
        )
        tocsin.run("webhook", "pause", "siem")
        assert tocsin.run("webhook", "send", "siem").stderr.startswith(
            "webhook 1 (siem) is inactive: the pending delivery msg_1 goes when it is active again"
        )


def test_send_takes_several_or_none(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        with_backlog(desk)
        desk.add(fields(name="archive", active=False))
        desk.append(*events(6, 7))
        assert tocsin.run("webhook", "send", "siem", "nobody").returncode == ExitCode.NO_INPUT
        assert not desk.status(1).run_open
        done = tocsin.run("webhook", "send", "siem", "archive", "1")
        assert done.returncode == ExitCode.OK
        assert done.stderr == (
            "5 events to webhook 1 (siem) now, after the pending delivery msg_1.\n"
            "webhook 2 (archive) is inactive: 2 events go when it is active again: "
            "`tocsin webhook unpause 2`.\n"
            "No worker is running: `tocsin worker` starts one.\n"
        )
        assert desk.status(1).run_open


def test_skip_drops_a_counted_backlog(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.now_ms -= 7_200_000
        with_backlog(desk)
        desk.now_ms += 7_200_000
        desk.append(*events(6, 7))
        skip = ("webhook", "skip", "siem", "--before", "1h")
        asked = tocsin.run(*skip)
        assert asked.returncode == ExitCode.USAGE
        assert "Drop 3 queued events of webhook 1 (siem), accepted before" in asked.stderr
        assert desk.status(1).queued == 5
        done = tocsin.run(*skip, "--yes")
        assert done.returncode == ExitCode.OK
        assert done.stderr == "Dropped 3 events of webhook 1 (siem).\n"
        assert desk.status(1).queued == 2
        assert desk.status(1).skipped_events == 3
        assert desk.delivery("msg_1").state == "pending"
    nothing = tocsin.run(*skip)
    assert nothing.returncode == ExitCode.OK
    assert "has no queued event from before" in nothing.stderr


def test_release_sends_an_event_that_was_set_aside(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook = with_backlog(desk)
        desk.call(delivery_requests.reseal, "msg_1", ACTOR, desk.now_ms, idle=True, without=1)
        before = shown(tocsin, webhook)
        assert before["quarantined"] == 1
        assert before["quarantine"][0]["id"] == "e1"
        assert "`tocsin webhook release 1 e1` sends it" in tocsin.run("webhook", "show", "1").stdout
        done = tocsin.run("webhook", "release", "siem", "e1")
        assert done.returncode == ExitCode.OK
        assert "Event e1 goes to webhook 1 (siem)" in done.stderr
        assert shown(tocsin, webhook)["quarantine"][0]["released"] is not None
    assert tocsin.run("webhook", "release", "siem", "e1").returncode == ExitCode.CHECK_FAILED
    assert tocsin.run("webhook", "release", "siem", "e9").returncode == ExitCode.NO_INPUT


def test_events_that_come_while_the_question_is_open_are_not_dropped(tocsin: Tocsin) -> None:
    def one_more() -> None:
        with access_of(tocsin) as desk:
            desk.append(*events(100, 100))

    with access_of(tocsin) as desk:
        with_backlog(desk)
    edit = ("webhook", "edit", "siem", "--type", "log_authn")
    status, said = answered(tocsin, *edit, reply="y", meanwhile=one_more)
    assert status == ExitCode.CHECK_FAILED
    assert "Drop 3 queued events" in said
    assert "has 4 queued events by now, not 3: nothing was saved or dropped, try again" in said
    assert record(tocsin, 1).fields.type is EventType.ALERTS
    assert answered(tocsin, *edit, reply="y")[0] == ExitCode.OK
    assert record(tocsin, 1).fields.type is EventType.LOG_AUTHN


def test_list_counts_what_waits_and_says_that_all_is_paused(tocsin: Tocsin) -> None:
    add(tocsin, "--name", "siem")
    with access_of(tocsin) as desk:
        desk.append(*events(1, 12))
        desk.end(desk.started(1), 500)
        desk.append(*events(13, 15))
    listed = tocsin.run("webhook", "list")
    header, row = listed.stdout.splitlines()
    assert header.split()[4:6] == ["WAITING", "PENDING"]
    assert row.split()[4:6] == ["15", "12"]
    assert listed.stderr == ""
    tocsin.run("worker", "pause")
    said = tocsin.run("webhook", "list")
    assert said.stdout == listed.stdout
    assert "All sending is paused: nothing goes before `tocsin worker unpause`." in said.stderr
