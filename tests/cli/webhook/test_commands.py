"""`tocsin webhook`: what is made, shown, changed, dropped and asked; and what stays hidden."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cli.exit_codes import ExitCode
from delivery.testing import ABANDONED
from domain.event_types import EventType
from store import audit, webhooks
from store.maintenance.prune import Retention, prune_some
from store.queue import delivery_requests
from store.records import Webhook
from store.workers import SendingLock
from tests.support.certificates import Authority
from tests.support.program import ROOT, Tocsin
from tests.support.program_store import access_of, enter_worker, newer
from tests.support.receiver_client import Receiver
from tests.support.stores import ACTOR, Desk, events, fields

TOKEN = "Bearer s3cret-token-3f9a"
SECRET = "whsec_" + "QUJD" * 10
ADD = ("webhook", "add", "--type", "alerts", "--url", "https://example.com/hook")


def add(tocsin: Tocsin, *options: str, stdin: str = "") -> int:
    """Add a webhook that must be taken; its id."""
    done = tocsin.run(*ADD, *options, stdin=stdin)
    assert done.returncode == ExitCode.OK, done.stderr
    return int(done.stdout)


def listed(tocsin: Tocsin) -> list[int]:
    """The ids of all webhooks."""
    return [one["id"] for one in json.loads(tocsin.run("webhook", "list", "--json").stdout)]


def refused(tocsin: Tocsin, *command: str, stdin: str = "") -> str:
    """What is said about values that are refused."""
    done = tocsin.run(*command, stdin=stdin)
    assert done.returncode == ExitCode.BAD_DATA, done.stderr
    assert done.stdout == ""
    return done.stderr


def shown(tocsin: Tocsin, webhook: int | str, *options: str) -> Any:
    """What `webhook show --json` says."""
    done = tocsin.run("webhook", "show", str(webhook), "--json", *options)
    assert done.returncode == ExitCode.OK, done.stderr
    return json.loads(done.stdout)


def record(tocsin: Tocsin, webhook_id: int) -> Webhook:
    """The webhook as the store has it."""
    with access_of(tocsin) as desk:
        return desk.call(webhooks.find, webhook_id, desk.store.vault)


def actions(tocsin: Tocsin) -> list[str]:
    """The audit trail's actions, oldest first."""
    with access_of(tocsin) as desk:
        return [change.action for change in desk.call(audit.changes)][::-1]


def with_backlog(desk: Desk, name: str = "siem") -> int:
    """A webhook with a failing delivery of two events and three more queued."""
    webhook = desk.add(fields(name=name))
    desk.append(*events(1, 2))
    desk.end(desk.started(webhook), 503)
    desk.append(*events(3, 5))
    return webhook


def test_add_prints_the_id(tocsin: Tocsin) -> None:
    assert add(tocsin) == 1
    assert add(tocsin, "--name", "siem", "--state", "inactive", "--interval", "10s") == 2
    assert record(tocsin, 2).fields == fields(name="siem", active=False, interval_ms=10_000)


def test_add_like_another_takes_all_but_the_name(tocsin: Tocsin) -> None:
    given = ("--header", f"Authorization: {TOKEN}", "--extra-field", "source: tocsin")
    add(tocsin, "--name", "siem", "--secret", SECRET, "--interval", "1h", *given)
    done = tocsin.run("webhook", "add", "--like", "siem")
    assert done.returncode == ExitCode.OK, done.stderr
    first, second = record(tocsin, 1), record(tocsin, 2)
    assert second.fields == replace(first.fields, name=None, type=EventType.ENDPOINT_STATS)
    assert second.secrets == first.secrets
    other = ("--type", "alerts", "--url", "https://example.org/in", "--secret", "none")
    done = tocsin.run("webhook", "add", "--like", "1", "--name", "other", *other)
    assert done.returncode == ExitCode.OK, done.stderr
    third = record(tocsin, 3)
    assert third.fields == replace(first.fields, name="other", url="https://example.org/in")
    assert third.secrets is None
    assert tocsin.run("webhook", "add", "--like", "nobody").returncode == ExitCode.NO_INPUT


def test_add_needs_a_type_and_a_url(tocsin: Tocsin) -> None:
    done = tocsin.run("webhook", "add", "--name", "siem")
    assert done.returncode == ExitCode.USAGE
    assert "--type and --url must be given, or --like" in done.stderr


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("http://169.254.169.254/latest", True),
        ("http://[fe80::1]:8080/", True),
        ("http://192.0.2.7/", False),
        ("https://example.com/", False),
    ],
)
def test_an_address_that_the_policy_refuses_is_saved_by_force_alone(
    tocsin: Tocsin, url: str, refused: bool
) -> None:
    assert add(tocsin) == 1
    for words in (("add", "--type", "alerts"), ("edit", "1")):
        done = tocsin.run("webhook", *words, "--url", url)
        assert done.returncode == (ExitCode.BAD_DATA if refused else ExitCode.OK), done.stderr
        assert ("nothing will be sent to it; allow it with" in done.stderr) == refused
        assert ("or save it with --force" in done.stderr) == refused
        done = tocsin.run("webhook", *words, "--url", url, "--force", "--max-events", "7")
        assert done.returncode == ExitCode.OK, done.stderr
        assert ("network_policy local: nothing will be sent to it." in done.stderr) == refused
    done = tocsin.run("webhook", "edit", "1", "--name", "x")
    assert done.returncode == ExitCode.OK, done.stderr
    assert ("nothing will be sent to it" in tocsin.run("status").stdout) == refused
    done = tocsin.run("webhook", "add", "--like", "1", "--set", "network_policy=open")
    assert (done.returncode, "nothing will be sent" in done.stderr) == (ExitCode.OK, False)


def test_a_url_without_a_key_among_the_extra_fields_is_noted(tocsin: Tocsin) -> None:
    assert add(tocsin) == 1
    for field, noted in (("http://127.0.0.1/x", True), ("console: http://127.0.0.1/x", False)):
        done = tocsin.run("webhook", "edit", "1", "--extra-field", field)
        assert done.returncode == 0, done.stderr
        assert ("http is taken as the key" in done.stderr) == noted
        tocsin.run("webhook", "edit", "1", "--unset-extra-field", "http")


def test_add_prints_json(tocsin: Tocsin) -> None:
    options = ("--header", "X-Foo: bar & baz", "--extra-field", "source: tocsin", "--json")
    made = json.loads(tocsin.run(*ADD, *options).stdout)
    created = made.pop("created")
    assert made.pop("updated") == created
    assert made == {
        "id": 1,
        "name": None,
        "type": "alerts",
        "state": "active",
        "url": "https://example.com/hook",
        "headers": ["X-Foo: ••••"],
        "extra_fields": ["source: tocsin"],
        "max_events": None,
        "max_bytes": None,
        "interval": None,
        "ca_file": None,
        "secret": False,
        "secret_rotation_ends": None,
        "revision": 1,
        "deleted": None,
        "waiting": 0,
        "queued": 0,
        "pending": None,
        "quarantined": 0,
        "released": 0,
    }


def test_header_values_come_from_files_and_stdin(tocsin: Tocsin, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    add(tocsin, "--header", f"Authorization: @{token}", "--header", "X-Foo: @-", stdin="a @b\n")
    assert record(tocsin, 1).fields.headers == (("Authorization", TOKEN), ("X-Foo", "a @b"))


@pytest.mark.parametrize("from_stdin", [True, False])
def test_headers_file_holds_them_all(tocsin: Tocsin, tmp_path: Path, from_stdin: bool) -> None:
    text = f"Authorization: {TOKEN}\n\nX-Foo: @literally\n"
    file = tmp_path / "headers"
    file.write_text(text)
    name = "-" if from_stdin else str(file)
    add(tocsin, "--headers-file", name, "--header", "x-foo: other", stdin=text)
    assert record(tocsin, 1).fields.headers == (("Authorization", TOKEN), ("x-foo", "other"))


def test_values_that_cannot_be_read(tocsin: Tocsin, tmp_path: Path) -> None:
    missing = tocsin.run(*ADD, "--header", f"A: @{tmp_path}/none")
    assert missing.returncode == ExitCode.NO_INPUT
    assert missing.stderr == f"tocsin: {tmp_path}/none: No such file or directory\n"
    twice = tocsin.run(*ADD, "--header", "A: @-", "--headers-file", "-", stdin="x: y")
    assert twice.returncode == ExitCode.USAGE
    assert "stdin can be read for one value only" in twice.stderr
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    assert "is no UTF-8 text" in refused(tocsin, *ADD, "--header", f"A: @{binary}")
    assert not tocsin.db.exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--header", "s3cret"), "headers: one has no colon"),
        (("--header", "A: s3cret", "--header", "a: s3cret"), "headers: a is given more than once"),
        (("--header", "A: @-"), "headers: the value of A has a character that is not printable"),
        (("--header", "Host: s3cret"), "headers: Host is set by Tocsin itself"),
        (("--extra-field", "id: 1"), "extra_fields: id is the event's own"),
        (("--secret", "s3cret"), "secret: it does not start with whsec_"),
        (("--secret", "rotate"), "secret: it does not start with whsec_"),
        (("--ca-file", "/dev/null"), "ca_file: "),
        (("--name", "12"), "name: 12 would be taken for an id"),
    ],
)
def test_bad_values_are_named_without_their_secrets(
    tocsin: Tocsin, options: tuple[str, ...], reason: str
) -> None:
    said = refused(tocsin, *ADD, *options, stdin="s3cret\nB: s3cret")
    assert said.startswith(f"tocsin: {reason}")
    assert "s3cret" not in said
    assert not tocsin.db.exists()


def test_everything_that_is_wrong_is_named_at_once(tocsin: Tocsin) -> None:
    said = refused(tocsin, *ADD, "--url", "ftp://x", "--name", "7", "--max-bytes", "1")
    assert [line.split(":")[1].strip() for line in said.splitlines()] == [
        "url",
        "name",
        "max_bytes",
    ]


def test_a_ca_file_is_looked_into(tocsin: Tocsin, authority: Authority) -> None:
    add(tocsin, "--ca-file", os.path.relpath(authority.file, tocsin.home))
    assert record(tocsin, 1).fields.ca_file == str(authority.file)
    tocsin.run("webhook", "edit", "1", "--ca-file", "")
    assert record(tocsin, 1).fields.ca_file is None


def test_a_new_secret_is_shown_once(tocsin: Tocsin, tmp_path: Path) -> None:
    done = tocsin.run(*ADD, "--secret", "generate")
    secrets = record(tocsin, 1).secrets
    assert secrets is not None
    assert done.stdout == "1\n"
    assert done.stderr == f"Its signing secret, for the receiver: {secrets.current}\n"
    made = json.loads(tocsin.run(*ADD, "--secret", "generate", "--json").stdout)
    second = record(tocsin, 2).secrets
    assert second is not None
    assert made["generated_secret"] == second.current
    assert made["secret"] is True
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    own = tocsin.run(*ADD, "--secret", f"@{file}")
    assert own.stdout == "3\n"
    assert SECRET not in own.stderr
    third = record(tocsin, 3).secrets
    assert third is not None
    assert third.current == SECRET


def test_a_webhook_may_start_at_kept_events(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.now_ms -= 3_600_000
        desk.append(*events(1, 3))
        desk.now_ms += 3_600_000
        desk.append(*events(4, 5))
    for start, queued in (("now", 0), ("start", 5), ("30m", 2)):
        assert shown(tocsin, add(tocsin, "--from", start))["queued"] == queued


def test_list_masks_what_is_secret(tocsin: Tocsin) -> None:
    add(tocsin, "--header", f"Authorization: {TOKEN}", "--secret", SECRET, "--name", "siem")
    add(tocsin, "--type", "log_authn")
    listed = tocsin.run("webhook", "list", "--json").stdout
    assert [one["headers"] for one in json.loads(listed)] == [["Authorization: ••••3f9a"], []]
    in_words = tocsin.run("webhook", "list").stdout
    assert in_words.splitlines()[0].split()[:3] == ["ID", "NAME", "TYPE"]
    for text in (listed, in_words, tocsin.run("webhook", "show", "siem").stdout):
        assert "s3cret" not in text
        assert SECRET not in text
    only = json.loads(tocsin.run("webhook", "list", "--type", "log_authn", "--json").stdout)
    assert [one["id"] for one in only] == [2]
    assert "webhook.reveal" not in actions(tocsin)


def test_reveal_shows_and_is_recorded(tocsin: Tocsin) -> None:
    add(tocsin, "--header", f"Authorization: {TOKEN}", "--secret", SECRET)
    add(tocsin)
    revealed = shown(tocsin, 1, "--reveal")
    assert revealed["headers"] == [f"Authorization: {TOKEN}"]
    assert revealed["secrets"] == [SECRET]
    for command in (("show", "1"), ("list",), ("list", "--json")):
        text = tocsin.run("webhook", *command, "--reveal").stdout
        assert TOKEN in text
        assert SECRET in text
    assert actions(tocsin) == ["webhook.add", "webhook.add", *["webhook.reveal"] * 4]
    with access_of(tocsin) as desk:
        assert TOKEN not in str(desk.call(audit.changes))


def test_without_a_record_nothing_is_revealed(tocsin: Tocsin) -> None:
    add(tocsin, "--header", f"Authorization: {TOKEN}")
    done = newer(tocsin).run("webhook", "show", "1", "--reveal")
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "--reveal: it must be recorded" in done.stderr
    assert done.stdout == ""
    assert newer(tocsin).run("webhook", "show", "1").returncode == ExitCode.OK


def test_without_the_key_webhooks_are_shown_and_not_changed(tocsin: Tocsin) -> None:
    add(tocsin, "--header", f"Authorization: {TOKEN}", "--name", "siem")
    tocsin.db.with_name("tocsin.key").rename(tocsin.home / "elsewhere")
    done = tocsin.run("webhook", "list", "--json")
    assert json.loads(done.stdout)[0]["headers"] is None
    assert "key file" in done.stderr
    for command in (("edit", "1", "--name", "x"), ("test", "1"), ("show", "1", "--reveal")):
        failed = tocsin.run("webhook", *command)
        assert failed.returncode == ExitCode.UNAVAILABLE
        assert "put it back" in failed.stderr
    (tocsin.home / "elsewhere").rename(tocsin.db.with_name("tocsin.key"))
    assert record(tocsin, 1).fields.headers == (("Authorization", TOKEN),)


def test_edit_changes_only_what_is_given(tocsin: Tocsin) -> None:
    add(tocsin, "--name", "siem", "--header", "A: 1", "--header", "B: 2", "--max-events", "5")
    edit = ("webhook", "edit", "siem")
    assert tocsin.run(*edit, "--header", "b: 3", "--header", "C: 4").returncode == ExitCode.OK
    assert record(tocsin, 1).fields == fields(
        name="siem", headers=(("A", "1"), ("b", "3"), ("C", "4")), max_events=5
    )
    tocsin.run(*edit, "--unset-header", "a", "--max-events", "", "--extra-field", "k: v")
    tocsin.run(*edit, "--name", "", "--state", "inactive", "--max-bytes", "64KiB")
    assert record(tocsin, 1).fields == fields(
        active=False, headers=(("b", "3"), ("C", "4")), extra_fields=(("k", "v"),), max_bytes=65_536
    )
    tocsin.run("webhook", "edit", "1", "--headers-file", "-", "--unset-extra-field", "k", stdin="")
    assert record(tocsin, 1).fields == fields(active=False, max_bytes=65_536)
    assert record(tocsin, 1).revision == 5


def test_edit_refuses_what_cannot_be_meant(tocsin: Tocsin) -> None:
    add(tocsin)
    add(tocsin)
    assert "there is no X to remove" in refused(
        tocsin, "webhook", "edit", "1", "--unset-header", "X"
    )
    for options, said in (
        ((), "nothing to change was given"),
        (("2", "--name", "x"), "--name is for one webhook"),
        (("2", "--name", "x", "--revision", "1"), "--name is for one webhook"),
    ):
        done = tocsin.run("webhook", "edit", "1", *options)
        assert done.returncode == ExitCode.USAGE
        assert said in done.stderr
    moved = tocsin.run("webhook", "edit", "1", "--revision", "7", "--name", "x")
    assert moved.returncode == ExitCode.CHECK_FAILED
    assert "was changed meanwhile (revision 7 is now 1" in moved.stderr
    assert tocsin.run("webhook", "edit", "9", "--name", "x").returncode == ExitCode.NO_INPUT
    assert record(tocsin, 1).revision == 1


def test_edit_of_nothing_says_so(tocsin: Tocsin) -> None:
    add(tocsin, "--name", "siem")
    done = tocsin.run("webhook", "edit", "siem", "--name", "siem")
    assert done.returncode == 0
    assert "Nothing to change: webhook 1 (siem)" in done.stderr
    assert record(tocsin, 1).revision == 1


def test_edit_of_several_prints_them_all(tocsin: Tocsin) -> None:
    add(tocsin)
    add(tocsin)
    done = tocsin.run("webhook", "edit", "1", "2", "1", "--interval", "1m", "--json")
    assert [(one["id"], one["interval"]) for one in json.loads(done.stdout)] == [
        (1, "1m"),
        (2, "1m"),
    ]


def test_secrets_are_generated_rotated_retired_and_removed(tocsin: Tocsin) -> None:
    add(tocsin)
    edit = ("webhook", "edit", "1", "--secret")
    assert tocsin.run(*edit, "rotate").returncode == ExitCode.CHECK_FAILED
    generated = tocsin.run(*edit, "generate")
    first = record(tocsin, 1).secrets
    assert first is not None
    assert f"Its new signing secret, for the receiver: {first.current}" in generated.stderr
    done = tocsin.run(*edit, "rotate", "--json")
    rotated = json.loads(done.stdout)
    second = record(tocsin, 1).secrets
    assert second is not None
    assert (second.current, second.previous) == (rotated[0]["generated_secret"], first.current)
    ends = rotated[0]["secret_rotation_ends"]
    assert ends is not None
    assert f"The secret before it signs too until {ends[:19]}" in done.stderr
    again = tocsin.run(*edit, "rotate")
    assert again.returncode == ExitCode.CHECK_FAILED
    assert f"signs until {ends[:19]}" in again.stderr
    assert tocsin.run(*edit, "retire").returncode == ExitCode.OK
    retired = record(tocsin, 1).secrets
    assert retired is not None
    assert (retired.current, retired.previous) == (second.current, None)
    assert tocsin.run(*edit, "none").returncode == ExitCode.OK
    assert record(tocsin, 1).secrets is None
    assert tocsin.run(*edit, "@-", stdin=SECRET).returncode == ExitCode.OK
    own = record(tocsin, 1).secrets
    assert own is not None
    assert own.current == SECRET


def test_edit_of_the_type_asks_with_the_number_it_drops(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        with_backlog(desk)
    edit = ("webhook", "edit", "siem", "--type", "log_authn")
    asked = tocsin.run(*edit)
    assert asked.returncode == ExitCode.USAGE
    assert "Drop 3 queued events of webhook 1 (siem), to change the type from" in asked.stderr
    assert "add --yes" in asked.stderr
    assert record(tocsin, 1).fields.type is EventType.ALERTS
    done = tocsin.run(*edit, "--yes")
    assert done.returncode == ExitCode.OK
    assert "Saved webhook 1 (siem), revision 2, 3 events dropped." in done.stderr
    assert "The pending delivery msg_1 (2 events) keeps its body." in done.stderr
    assert record(tocsin, 1).fields.type is EventType.LOG_AUTHN
    assert shown(tocsin, 1)["queued"] == 0


def test_edit_of_the_type_without_a_queue_asks_nothing(tocsin: Tocsin) -> None:
    add(tocsin)
    assert tocsin.run("webhook", "edit", "1", "--type", "log_authn").returncode == ExitCode.OK


def test_edit_says_what_becomes_of_the_pending_delivery(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        with_backlog(desk)
        moved = tocsin.run("webhook", "edit", "1", "--url", "https://example.com/new")
        assert "keeps its body and is tried again now, with the new settings" in moved.stderr
        assert desk.delivery("msg_1").reason == "attempt 2, its settings were changed"
        extended = tocsin.run("webhook", "edit", "1", "--extra-field", "k: v")
        assert "keeps its body. `tocsin delivery reseal msg_1` seals" in extended.stderr
        desk.started(1)
        lock = SendingLock(tocsin.db)
        assert lock.acquire()
        flying = tocsin.run("webhook", "edit", "1", "--header", "A: 1")
        lock.release()
    assert "is tried again when the attempt in flight is over" in flying.stderr


def test_pause_and_unpause(tocsin: Tocsin) -> None:
    add(tocsin)
    add(tocsin, "--name", "siem")
    paused = tocsin.run("webhook", "pause", "1", "siem", "2")
    assert paused.stderr == "2 webhooks made inactive.\n"
    assert not record(tocsin, 2).fields.active
    again = tocsin.run("webhook", "pause", "1")
    assert again.stderr == "0 webhooks made inactive; 1 webhook was so already.\n"
    unpaused = tocsin.run("webhook", "unpause", "siem")
    assert "Active: webhook 2 (siem) with 0 queued events." in unpaused.stderr
    assert record(tocsin, 2).fields.active
    assert tocsin.run("webhook", "pause", "1", "nope").returncode == ExitCode.NO_INPUT


def test_delete_asks_with_the_numbers_and_undelete_brings_back(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        with_backlog(desk)
    add(tocsin)
    asked = tocsin.run("webhook", "delete", "siem", "2")
    assert asked.returncode == ExitCode.USAGE
    assert (
        "Delete webhook 1 (siem) with 3 queued events and the pending delivery msg_1 (2 events); "
        "webhook 2 with 0 queued events?"
    ) in asked.stderr
    assert len(json.loads(tocsin.run("webhook", "list", "--json").stdout)) == 2
    done = tocsin.run("webhook", "delete", "siem", "2", "--yes")
    assert done.returncode == ExitCode.OK
    assert "Within ten minutes `tocsin webhook undelete 1 2` brings them back." in done.stderr
    assert json.loads(tocsin.run("webhook", "list", "--json").stdout) == []
    gone = json.loads(tocsin.run("webhook", "list", "--deleted", "--json").stdout)
    assert [one["id"] for one in gone] == [1, 2]
    assert gone[0]["deleted"] is not None
    assert "can be brought back until" in tocsin.run("webhook", "show", "siem").stdout
    assert tocsin.run("webhook", "pause", "1").returncode == ExitCode.NO_INPUT
    back = tocsin.run("webhook", "undelete", "siem")
    assert back.returncode == ExitCode.OK
    assert "Brought back webhook 1 (siem) with 3 queued events and the pending" in back.stderr
    assert shown(tocsin, "siem")["pending"] == "msg_1"
    assert tocsin.run("webhook", "undelete", "siem").returncode == ExitCode.CHECK_FAILED


def test_several_are_brought_back_at_once_or_none(tocsin: Tocsin) -> None:
    for name in ("siem", "pager"):
        add(tocsin, "--name", name)
    tocsin.run("webhook", "delete", "siem", "pager", "--yes")
    other = add(tocsin, "--name", "pager")
    done = tocsin.run("webhook", "undelete", "siem", "2")
    assert done.returncode == ExitCode.CHECK_FAILED
    assert "the name pager is taken by webhook 3" in done.stderr
    assert listed(tocsin) == [other]
    tocsin.run("webhook", "delete", str(other), "--yes")
    done = tocsin.run("webhook", "undelete", "siem", "2", "1")
    assert done.returncode == ExitCode.OK, done.stderr
    assert done.stderr.splitlines() == [
        "Brought back webhook 1 (siem) with 0 queued events.",
        "Brought back webhook 2 (pager) with 0 queued events.",
    ]
    assert listed(tocsin) == [1, 2]


def test_undelete_by_name_means_the_one_that_was_deleted_last(tocsin: Tocsin) -> None:
    for _ in range(2):
        webhook = add(tocsin, "--name", "siem")
        tocsin.run("webhook", "delete", "siem", "--yes")
    assert tocsin.run("webhook", "undelete", "siem").returncode == ExitCode.OK
    assert [one["id"] for one in json.loads(tocsin.run("webhook", "list", "--json").stdout)] == [
        webhook
    ]


def answered(
    tocsin: Tocsin, *command: str, reply: str, meanwhile: Callable[[], object] = lambda: None
) -> tuple[int, str]:
    """Run a command on a terminal and answer its question; its exit status and what it said."""
    terminal, programs_end = pty.openpty()
    with subprocess.Popen(
        [*tocsin.command, "--db", str(tocsin.db), *command],
        stdin=programs_end,
        stdout=subprocess.DEVNULL,
        stderr=programs_end,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tocsin.home), "PATH": os.environ["PATH"]},
    ) as process:
        os.close(programs_end)
        said = b""
        while not said.endswith(b"[y/N] "):
            said += os.read(terminal, 1024)
        meanwhile()
        os.write(terminal, reply.encode() + b"\n")
        status = process.wait(timeout=30)
    said += os.read(terminal, 65_536)
    os.close(terminal)
    return status, said.decode()


@pytest.mark.parametrize(("reply", "left"), [("n", 1), ("y", 0), ("", 1)])
def test_a_terminal_is_asked(tocsin: Tocsin, reply: str, left: int) -> None:
    add(tocsin)
    status, said = answered(tocsin, "webhook", "delete", "1", reply=reply)
    assert status == (ExitCode.CHECK_FAILED if left else ExitCode.OK)
    assert said.startswith("Delete webhook 1 with 0 queued events? [y/N] ")
    assert len(json.loads(tocsin.run("webhook", "list", "--json").stdout)) == left


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
    assert "webhook 1 (siem) is inactive" in paused
    assert "No worker" not in paused


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
            "2 events to webhook 2 (archive) now.\n"
            "webhook 2 (archive) is inactive: nothing goes before `tocsin webhook unpause 2`.\n"
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
        desk.call(delivery_requests.reseal, "msg_1", ACTOR, desk.now_ms, idle=True, without="e1")
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


def test_test_sends_one_marked_event_and_prints_the_answer(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    url = receiver.url("/ok/try")
    add(tocsin, "--url", url, "--header", f"Authorization: {TOKEN}", "--secret", SECRET)
    done = tocsin.run("webhook", "test", "1")
    assert done.returncode == ExitCode.OK, done.stderr
    assert done.stdout.startswith("delivered: answered 200 OK, after ")
    [request] = receiver.requests("/ok/try")
    assert request.header("authorization") == TOKEN
    assert (request.header("webhook-id") or "").startswith("msg_test_")
    [sent] = request.events
    assert (sent["type"], sent["attributes"]["test"]) == ("alerts", True)
    assert actions(tocsin) == ["webhook.add", "webhook.test"]
    assert shown(tocsin, 1)["queued"] == 0


def test_what_is_not_saved_is_tested_as_the_options_say(tocsin: Tocsin, receiver: Receiver) -> None:
    options = ("--type", "log_authn", "--url", receiver.url("/ok/new"), "--json")
    header = ("--header", "Authorization: @-", "--extra-field", "source: tocsin")
    done = tocsin.run("webhook", "test", *options, *header, stdin=TOKEN)
    assert done.returncode == ExitCode.OK, done.stderr
    assert json.loads(done.stdout)["webhook"] is None
    [request] = receiver.requests("/ok/new")
    assert request.header("authorization") == TOKEN
    assert (request.events[0]["type"], request.events[0]["source"]) == ("log_authn", "tocsin")
    assert (listed(tocsin), actions(tocsin)) == ([], ["webhook.test"])


def test_an_edit_is_tested_before_it_is_saved(tocsin: Tocsin, receiver: Receiver) -> None:
    add(tocsin, "--url", receiver.url("/503/old"), "--header", f"Authorization: {TOKEN}")
    changed = ("--url", receiver.url("/ok/new"), "--secret", SECRET)
    done = tocsin.run("webhook", "test", "1", *changed)
    assert done.returncode == ExitCode.OK, done.stderr
    [request] = receiver.requests("/ok/new")
    assert request.header("authorization") == TOKEN
    assert request.header("webhook-signature")
    assert shown(tocsin, 1, "--reveal")["url"] == receiver.url("/503/old")


def test_a_test_without_the_saved_secret_is_unsigned(tocsin: Tocsin, receiver: Receiver) -> None:
    add(tocsin, "--url", receiver.url("/ok/try"), "--secret", SECRET)
    for options in ((), ("--secret", "none")):
        assert tocsin.run("webhook", "test", "1", *options).returncode == ExitCode.OK
    signed, unsigned = receiver.requests("/ok/try")
    assert signed.header("webhook-signature")
    assert unsigned.header("webhook-signature") is None


def test_a_test_of_nothing_says_what_to_give(tocsin: Tocsin) -> None:
    done = tocsin.run("webhook", "test", "--type", "alerts")
    assert done.returncode == ExitCode.USAGE
    assert "--url must be given, or the ID of a webhook" in done.stderr


def test_test_of_a_failing_receiver_is_a_failed_check(tocsin: Tocsin, receiver: Receiver) -> None:
    add(tocsin, "--url", receiver.url("/503/try"))
    add(tocsin, "--url", "http://127.0.0.1:1/")
    answered = tocsin.run("webhook", "test", "1", "--json")
    assert answered.returncode == ExitCode.CHECK_FAILED
    outcome = json.loads(answered.stdout)
    assert (outcome["delivered"], outcome["status"]) == (False, 503)
    silent = tocsin.run("webhook", "test", "2")
    assert silent.returncode == ExitCode.CHECK_FAILED
    assert silent.stdout.startswith("not delivered: connection refused")


def test_a_test_that_is_interrupted_is_in_the_audit_trail(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    add(tocsin, "--url", receiver.url("/hang/try"))
    process = tocsin.start("webhook", "test", "1")
    receiver.wait(count=1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == ExitCode.INTERRUPTED
    with access_of(tocsin) as desk:
        noted = desk.call(audit.changes)[0]
    assert (noted.action, noted.detail["error"]) == ("webhook.test", ABANDONED)


def test_ids_that_mean_nothing(tocsin: Tocsin) -> None:
    add(tocsin)
    for command, reference in (
        (("show",), "9"),
        (("pause",), "9" * 30),
        (("delete", "--yes"), "nope"),
        (("undelete",), "9" * 5000),
        (("test",), "\x1b[31m"),
    ):
        done = tocsin.run("webhook", *command, reference)
        assert done.returncode == ExitCode.NO_INPUT, done.stderr
        assert "\x1b" not in done.stderr


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


def test_the_ten_minutes_of_a_deleted_webhook_go_by_the_uptime(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook_id = desk.add()
    tocsin.run("webhook", "delete", str(webhook_id), "--yes")
    with access_of(tocsin) as desk:
        retention = Retention(0, 0)
        uptime_ms = time.monotonic_ns() // 1_000_000
        jumped = desk.now_ms + 3_600_000
        assert desk.call(prune_some, retention, jumped, uptime_ms).webhooks == 0
        assert desk.call(prune_some, retention, desk.now_ms, uptime_ms + 600_000).webhooks == 1
    assert tocsin.run("webhook", "list", "--deleted", "--json").stdout.strip() == "[]"
