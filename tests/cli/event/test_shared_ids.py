"""Commands that are given the id of an event, where several events have it."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from cli.event.lookup import SHOWN
from cli.exit_codes import ExitCode
from store.queue import deliveries, delivery_requests
from tests.support.program import Tocsin
from tests.support.program_store import access_of
from tests.support.receiver_client import Receiver
from tests.support.stores import ACTOR, Desk, event, fields, namesakes

EARLY, LATE = "2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"


def failing(desk: Desk) -> None:
    """A webhook with a delivery of three events that failed: two of one id, one between them."""
    webhook = desk.add(fields(name="siem"))
    early, late = namesakes("door 1", EARLY, LATE)
    desk.append(early, event(2), late)
    desk.end(desk.started(webhook), 503)


def quarantined(desk: Desk, *seqs: int) -> None:
    """The same, with these events in quarantine."""
    failing(desk)
    for place, seq in enumerate(seqs, 1):
        delivery = f"msg_{place}"
        desk.call(delivery_requests.reseal, delivery, ACTOR, desk.now_ms, idle=True, without=seq)
        desk.end(desk.started(1), 503)


def asked(tocsin: Tocsin, *command: str) -> list[str]:
    """The lines that say which events there are, and how to name one."""
    done = tocsin.run(*command)
    assert done.returncode == ExitCode.BAD_DATA, done.stderr
    assert done.stdout == ""
    return done.stderr.replace("tocsin: ", "").splitlines()


def test_show_lists_them_and_shows_the_one_that_was_created_then(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    first, *lines = asked(tocsin, "event", "show", "door 1")
    assert (
        first
        == f"2 events have the id door 1: choose one, such as the first with --created {EARLY}"
    )
    assert [line.partition(", accepted")[0] for line in lines] == [
        f"  alerts number 1: created {EARLY}",
        f"  alerts number 3: created {LATE}",
    ]
    for option in (("--created", "2026-11-24T10:00:00+01:00"), ("--number", "3")):
        shown = tocsin.run("event", "show", "door 1", *option, "--json")
        assert json.loads(shown.stdout)["seq"] == 3, shown.stderr


def test_none_that_was_created_then_is_not_found(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    for option in (("--created", "2026-11-24T08:00:01Z"), ("--number", "2")):
        done = tocsin.run("event", "show", "alerts", "door 1", *option)
        assert done.returncode == ExitCode.NO_INPUT
        assert "no event with the id door 1 was created then or has that number" in done.stderr
        assert f"alerts number 3: created {LATE}" in done.stderr


def test_an_option_that_is_no_time_is_refused(tocsin: Tocsin) -> None:
    done = tocsin.run("event", "show", "a", "--created", "yesterday")
    assert done.returncode == ExitCode.USAGE
    assert "is not an RFC 3339 time with its zone: write it like" in done.stderr


def test_those_created_in_one_second_are_told_apart_by_number(tocsin: Tocsin) -> None:
    (given,) = namesakes("door", EARLY)
    (filled_in,) = namesakes("door", EARLY)
    with access_of(tocsin) as desk:
        desk.append(given, replace(filled_in, created_s=None))
    first, *lines = asked(tocsin, "event", "show", "door", "--created", EARLY)
    assert first == "2 events have the id door: choose one, such as the first with --number 1"
    assert len(lines) == 2
    shown = tocsin.run("event", "show", "door", "--number", "2", "--json")
    assert json.loads(shown.stdout)["seq"] == 2


def test_of_many_the_first_are_listed_and_counted(tocsin: Tocsin) -> None:
    times = [f"2026-11-24T08:00:{second:02}Z" for second in range(SHOWN + 5)]
    given = namesakes("beat", *times)
    twin = namesakes("beat", times[0])[0]
    with access_of(tocsin) as desk:
        desk.append(*given)
        first, *lines = asked(tocsin, "event", "show", "beat")
        assert first == (
            f"{SHOWN + 5} events have the id beat: choose one, such as the first with "
            f"--created {times[0]}"
        )
        assert len(lines) == SHOWN + 1
        assert lines[-1] == "  and 5 more"
        shown = tocsin.run("event", "show", "beat", "--number", str(SHOWN + 3), "--json")
        assert json.loads(shown.stdout)["seq"] == SHOWN + 3
        unknown = tocsin.run("event", "show", "beat", "--number", "99")
        assert unknown.returncode == ExitCode.NO_INPUT
        assert unknown.stderr.endswith("  and 5 more\n")
        desk.append(replace(twin, created_s=None))
    assert asked(tocsin, "event", "show", "beat")[0].endswith("the first with --number 1")


def test_a_reseal_without_one_of_them(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        reseal = ("delivery", "reseal", "msg_1", "--without", "door 1", "--yes")
        assert asked(tocsin, *reseal)[0].endswith(f"with --created {EARLY}")
        assert desk.delivery("msg_1").state == "pending"
        done = tocsin.run(*reseal, "--created", LATE)
        assert done.returncode == ExitCode.OK, done.stderr
        assert "`tocsin webhook release 1 'door 1'` sends it" in done.stderr
        assert [one.seq for one in desk.call(deliveries.quarantine)] == [3]


@pytest.mark.parametrize(
    "command",
    [("delivery", "reseal", "msg_1"), ("webhook", "test", "siem", "--url", "http://127.0.0.1:1/")],
)
def test_the_choice_among_ids_needs_the_id(tocsin: Tocsin, command: tuple[str, ...]) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    done = tocsin.run(*command, "--number", "3")
    assert done.returncode == ExitCode.USAGE
    assert "--created and --number choose among the events with the id of --" in done.stderr


def test_a_release_of_one_of_them(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        quarantined(desk, 1, 3)
        shown = tocsin.run("webhook", "show", "siem").stdout
        commands = [
            f"`tocsin webhook release 1 'door 1' --created {time}`" for time in (EARLY, LATE)
        ]
        assert all(f"{command} sends it" in shown for command in commands)
        as_json = json.loads(tocsin.run("webhook", "show", "siem", "--json").stdout)
        held = [(one["seq"], one["created"]) for one in as_json["quarantine"]]
        assert held == [(1, EARLY), (3, LATE)]
        assert asked(tocsin, "webhook", "release", "siem", "door 1")[0].endswith(EARLY)
        done = tocsin.run("webhook", "release", "siem", "door 1", "--created", held[1][1])
        assert done.returncode == ExitCode.OK, done.stderr
        assert [(one.seq, one.released_ms is None) for one in desk.call(deliveries.quarantine)] == [
            (1, True),
            (3, False),
        ]
        again = tocsin.run("webhook", "release", "siem", "door 1", "--created", LATE)
        assert again.returncode == ExitCode.CHECK_FAILED
        assert "was released already" in again.stderr
        assert tocsin.run("webhook", "release", "siem", "door 1").returncode == ExitCode.OK
        assert tocsin.run("webhook", "release", "siem", "e9").returncode == ExitCode.NO_INPUT


def test_a_test_with_one_of_them(tocsin: Tocsin, receiver: Receiver) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    url = receiver.url("/ok/try")
    test = ("webhook", "test", "siem", "--url", url, "--event", "door 1")
    assert asked(tocsin, *test)[0].endswith(EARLY)
    assert receiver.requests("/ok/try") == []
    assert tocsin.run(*test, "--created", LATE).returncode == ExitCode.OK
    [request] = receiver.requests("/ok/try")
    assert request.events[0]["attributes"]["created"] == LATE


def test_a_refused_event_is_named_so_that_the_command_leaves_out_that_one(tocsin: Tocsin) -> None:
    refused = b'{"accepted":2,"repeated":0,"refused":[{"place":"event 3 of 3","id":"door 1"}]}'
    with access_of(tocsin) as desk:
        failing(desk)
        desk.end(desk.started(1), 409, answer=refused)
    said = tocsin.run("delivery", "show", "msg_1").stderr
    command = f"tocsin delivery reseal msg_1 --without 'door 1' --created {LATE}"
    assert f"`{command}` sends the others on" in said
