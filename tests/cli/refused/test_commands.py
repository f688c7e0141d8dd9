"""`tocsin refused`, and what of it `source` and `status` show."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from domain.source_kinds import PROCUSTODIBUS
from store import audit, refusals, sources
from store.records import StoredRefusal
from tests.support.program import Tocsin
from tests.support.program_store import access_of, change_store, status_of
from tests.support.receiver_client import Receiver

ODD = b'{"type": "log_errors", "id": "e1", "site": "their own", "score": 0.50}'
NO_OBJECT = b"[17]"
HALF = b'{"type": "ale'


def taken(tocsin: Tocsin, *texts: bytes) -> list[str]:
    """Let a source take these; their ids."""
    with access_of(tocsin) as desk:
        desk.add_source("pc", PROCUSTODIBUS, url="https://api.example", broker="abc")
        desk.refuse(*texts)
        return [one.id for one in desk.call(refusals.load_all)]


def kept(tocsin: Tocsin) -> list[StoredRefusal]:
    with access_of(tocsin) as desk:
        return desk.call(refusals.load_all)


def changes(tocsin: Tocsin) -> list[tuple[str, dict[str, object]]]:
    """The audit trail of what is refused, oldest first."""
    with access_of(tocsin) as desk:
        lines = desk.call(audit.changes)[::-1]
    return [(one.action, one.detail) for one in lines if one.action.startswith("refused.")]


def add_webhook(tocsin: Tocsin, url: str, *options: str) -> None:
    add = ("webhook", "add", "--type", "alerts", "--name", "siem", "--url", url)
    assert tocsin.run(*add, *options).returncode == ExitCode.OK


def test_a_source_shows_what_it_could_not_queue(tocsin: Tocsin) -> None:
    ids = taken(tocsin, ODD, NO_OBJECT)
    shown = tocsin.run("source", "show", "pc").stdout
    assert "2 events, kept whole: `tocsin refused list pc`" in shown
    for id_ in ids:
        assert id_ in shown
    assert json.loads(tocsin.run("source", "show", "pc", "--json").stdout)["refused_events"] == 2
    [pc, own] = json.loads(tocsin.run("source", "list", "--json").stdout)
    assert (pc["refused_events"], own["refused_events"]) == (2, 0)


def test_the_list_is_whole_and_of_one_source(tocsin: Tocsin) -> None:
    [first, second] = taken(tocsin, ODD, NO_OBJECT)
    listed = tocsin.run("refused", "list").stdout.splitlines()
    assert listed[1].split()[:3] == [first, "pc", "alerts"]
    assert "waiting  type: unknown type" in listed[1]
    assert listed[2].startswith(second)
    assert tocsin.run("refused", "list", "other", "--json").stdout == "[]\n"


def test_one_is_printed_byte_for_byte(tocsin: Tocsin) -> None:
    [odd, half] = taken(tocsin, ODD, HALF)
    done = tocsin.run("refused", "show", odd)
    assert done.stdout.encode() == ODD
    assert "taken by pc from alerts at " in done.stderr
    assert json.loads(tocsin.run("refused", "show", half, "--json").stdout)["text"] == HALF.decode()
    gone = tocsin.run("refused", "show", "nothing")
    assert (gone.returncode, gone.stdout) == (ExitCode.NO_INPUT, "")
    assert "no refused event nothing; `tocsin refused list` shows what there is" in gone.stderr


def test_an_export_has_every_byte_and_is_never_written_over(tocsin: Tocsin, tmp_path: Path) -> None:
    taken(tocsin, ODD, b'{"id": "\xff"}')
    file = tmp_path / "refused.jsonl"
    assert tocsin.run("refused", "export", str(file)).returncode == ExitCode.OK
    lines: list[Any] = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["text"] for one in lines] == [ODD.decode(), None]
    assert lines[1]["base64"] == "eyJpZCI6ICL/In0="
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert tocsin.run("refused", "export", str(file)).returncode == ExitCode.CHECK_FAILED
    assert tocsin.run("refused", "export").stdout == file.read_text()
    assert len(kept(tocsin)) == 2


def test_one_is_sent_whole_to_the_webhook_that_is_named(tocsin: Tocsin, receiver: Receiver) -> None:
    [id_] = taken(tocsin, ODD)
    fields = ("--extra-field", "site: ours", "--extra-field", "via: tocsin")
    add_webhook(tocsin, receiver.url("/script:503,200/hand"), *fields, "--secret", "generate")
    failed = tocsin.run("refused", "send", id_, "--to", "siem")
    assert failed.returncode == ExitCode.CHECK_FAILED
    assert f"{id_}: not delivered: answered 503" in failed.stdout
    assert "0 of 1 refused event delivered." in failed.stderr
    [one] = kept(tocsin)
    assert (one.state, one.attempts, one.last_error) == ("waiting", 1, "status 503")
    done = tocsin.run("refused", "send", id_, "--to", "siem")
    assert done.returncode == ExitCode.OK, done.stderr
    first, second = receiver.requests("/script:503,200/hand")
    assert first.body == second.body == b"[" + ODD[:-1] + b',"via":"tocsin"}]'
    assert first.header("webhook-id") == second.header("webhook-id")
    assert str(first.header("webhook-id")).startswith("msg_hand_")
    assert first.header("webhook-signature")
    [one] = kept(tocsin)
    assert (one.state, one.attempts, one.sent_to, one.last_error) == ("sent", 2, 1, None)
    told = [(action, detail["refused"], detail["status"]) for action, detail in changes(tocsin)]
    assert told == [("refused.send", id_, 503), ("refused.send", id_, 200)]
    masked = receiver.url("/script:503,200/••••")
    assert {detail["url"] for _, detail in changes(tocsin)} == {masked}
    assert "sent to webhook 1" in tocsin.run("refused", "list").stdout
    assert status_of(tocsin)["webhooks"][0]["queued"] == 0, "it is outside of the queue"


def test_other_bytes_are_sent_under_another_id(tocsin: Tocsin, receiver: Receiver) -> None:
    [id_] = taken(tocsin, ODD)
    add_webhook(tocsin, receiver.url("/script:200/edited"))
    assert tocsin.run("refused", "send", id_, "--to", "siem").returncode == ExitCode.OK
    assert (
        tocsin.run("webhook", "edit", "siem", "--extra-field", "via: t").returncode == ExitCode.OK
    )
    assert tocsin.run("refused", "send", id_, "--to", "siem").returncode == ExitCode.OK
    first, second = receiver.requests("/script:200/edited")
    assert first.body != second.body
    assert first.header("webhook-id") != second.header("webhook-id")


def test_those_of_a_source_are_sent_one_after_the_other(tocsin: Tocsin, receiver: Receiver) -> None:
    taken(tocsin, ODD, NO_OBJECT, b'{"id":"e3"}')
    add_webhook(tocsin, receiver.url("/script:200,500,200/all"), "--extra-field", "via: tocsin")
    send = ("refused", "send", "--source", "pc", "--to", "1", "--json")
    first = tocsin.run(*send)
    assert first.returncode == ExitCode.CHECK_FAILED
    assert [json.loads(line)["status"] for line in first.stdout.splitlines()] == [200, 500]
    assert tocsin.run(*send).returncode == ExitCode.OK
    bodies = [one.body for one in receiver.requests("/script:200,500,200/all")]
    assert bodies[1:] == [b"[[17]]", b"[[17]]", b'[{"id":"e3","via":"tocsin"}]']
    assert [one.state for one in kept(tocsin)] == ["sent"] * 3
    nothing = tocsin.run(*send)
    assert (nothing.returncode, nothing.stdout) == (ExitCode.OK, "")


def test_nothing_is_sent_where_nothing_may_be(tocsin: Tocsin, receiver: Receiver) -> None:
    [odd, half] = taken(tocsin, ODD, HALF)
    add_webhook(tocsin, receiver.url("/ok/none"))
    send = ("refused", "send", odd, "--to", "siem")
    tocsin.run("webhook", "pause", "siem")
    assert "is inactive, and nothing is sent to it: `tocsin webhook unpause 1` first" in (
        tocsin.run(*send).stderr
    )
    tocsin.run("webhook", "unpause", "siem")
    tocsin.run("worker", "pause")
    assert "all sending is paused: `tocsin worker unpause` first" in tocsin.run(*send).stderr
    tocsin.run("worker", "unpause")
    broken = tocsin.run("refused", "send", half, "--to", "siem")
    assert broken.returncode == ExitCode.CHECK_FAILED
    assert "it is no whole JSON text, and no receiver could read it: export it" in broken.stderr
    assert tocsin.run("refused", "send", odd, "--to", "nobody").returncode == ExitCode.NO_INPUT
    assert receiver.requests("/ok/none") == []
    assert changes(tocsin) == []


@pytest.mark.parametrize("command", [("send", "--to", "1"), ("drop", "--yes")])
def test_which_ones_are_meant_must_be_said(tocsin: Tocsin, command: tuple[str, ...]) -> None:
    taken(tocsin, ODD)
    add_webhook(tocsin, "https://siem.example/")
    done = tocsin.run("refused", *command)
    assert done.returncode == ExitCode.USAGE
    assert "name some by their ids, or give --source NAME" in done.stderr


def test_some_are_dropped_after_asking(tocsin: Tocsin) -> None:
    ids = taken(tocsin, ODD, NO_OBJECT, HALF)
    asked = tocsin.run("refused", "drop", ids[0])
    assert asked.returncode == ExitCode.USAGE
    assert "Forget 1 refused event, of which 1 went to no webhook? There is no other" in (
        asked.stderr
    )
    assert tocsin.run("refused", "drop", ids[0], "nothing", "--yes").returncode == ExitCode.NO_INPUT
    assert len(kept(tocsin)) == 3
    assert tocsin.run("refused", "drop", ids[0], "--yes").returncode == ExitCode.OK
    assert [one.id for one in kept(tocsin)] == ids[1:]
    assert tocsin.run("refused", "drop", "--source", "pc", "--yes").returncode == ExitCode.OK
    assert kept(tocsin) == []
    assert [detail["events"] for _, detail in changes(tocsin)] == [1, 2]


def test_they_outlive_their_source_and_status_says_so(tocsin: Tocsin) -> None:
    taken(tocsin, ODD)
    asked = tocsin.run("source", "delete", "pc").stderr
    assert "Events that came from there stay, also the 1 that were refused." in asked
    assert tocsin.run("source", "delete", "pc", "--yes").returncode == ExitCode.OK
    assert len(kept(tocsin)) == 1
    assert_told(tocsin)


def test_a_failure_of_their_source_does_not_hide_them(tocsin: Tocsin) -> None:
    taken(tocsin, ODD)
    with access_of(tocsin) as desk:
        desk.call(sources.save_failure, "pc", "it is away", desk.now_ms)
    assert "source pc: it is away" in assert_told(tocsin)


def assert_told(tocsin: Tocsin) -> str:
    """The line of `status --check`, which names what is kept."""
    check = tocsin.run("status", "--check")
    assert check.returncode == ExitCode.CHECK_FAILED
    assert "pc: it keeps 1 event that could not be queued: `tocsin refused list pc`" in check.stdout
    return check.stdout


def test_they_are_in_a_backup(tocsin: Tocsin, tmp_path: Path) -> None:
    [id_] = taken(tocsin, ODD)
    copy = tmp_path / "copy.db"
    assert tocsin.run("db", "backup", str(copy)).returncode == ExitCode.OK
    refuses = tocsin.run("db", "restore", str(copy))
    assert "is not empty" in refuses.stderr, "what is refused is something"
    tocsin.run("refused", "drop", id_, "--yes")
    change_store(tocsin.db, "DELETE FROM webhook")
    assert tocsin.run("db", "restore", str(copy), "--yes").returncode == ExitCode.OK
    assert tocsin.run("refused", "show", id_).stdout.encode() == ODD
