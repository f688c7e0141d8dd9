"""`tocsin webhook`: what is made, shown, changed, dropped and asked; and what stays hidden."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from cli.exit_codes import ExitCode
from domain.event_types import EventType
from store import audit
from store.maintenance.prune import Pruning, Retention
from tests.cli.webhook.webhooks import (
    ADD,
    SECRET,
    TOKEN,
    actions,
    add,
    answered,
    listed,
    record,
    refused,
    shown,
    with_backlog,
)
from tests.support.certificates import Authority
from tests.support.program import Tocsin
from tests.support.program_store import access_of, newer
from tests.support.stores import events, fields


def test_add_prints_the_id(tocsin: Tocsin) -> None:
    assert add(tocsin) == 1
    assert add(tocsin, "--name", "siem", "--state", "inactive", "--interval", "10s") == 2
    assert record(tocsin, 2).fields == fields(name="siem", active=False, interval_ms=10_000)


def test_an_interval_of_0_is_not_taken_for_none(tocsin: Tocsin) -> None:
    assert add(tocsin, "--interval", "0s", "--retry-interval", "5s") == 1
    wanted = fields(interval_ms=0, retry_interval_ms=5_000)
    assert record(tocsin, 1).fields == wanted
    shape = json.loads(tocsin.run("webhook", "show", "1", "--json").stdout)
    assert (shape["interval"], shape["retry_interval"]) == ("0s", "5s")
    assert tocsin.run("webhook", "edit", "1", "--max-events", "7").returncode == 0
    assert record(tocsin, 1).fields == replace(wanted, max_events=7)
    assert tocsin.run("webhook", "edit", "1", "--retry-interval", "0s").returncode != 0
    refused = tocsin.run("webhook", "edit", "1", "--retry-interval", "interval").stderr
    assert refused == (
        'tocsin: argument --retry-interval: only the setting retry_interval may be "interval"; '
        "to follow that setting leave this empty ('', in JSON null), or write a duration such as "
        "3m; "
        "see `tocsin webhook edit --help`\n"
    )
    assert tocsin.run("webhook", "edit", "1", "--interval", "", "--retry-interval", "").stdout == ""
    assert record(tocsin, 1).fields == fields(max_events=7)


@pytest.mark.parametrize(
    ("options", "settings", "interval", "retry"),
    [
        ((), (), "3m (the setting)", "3m (the interval)"),
        (("--interval", "1h"), (), "1h", "1h (the interval)"),
        (("--interval", "0s"), (), "0s: 1s after something waits", "3m (since the interval is 0s)"),
        (("--interval", "1h"), ("retry_interval=30s",), "1h", "30s (the setting)"),
        (("--retry-interval", "5s"), ("retry_interval=30s",), "3m (the setting)", "5s"),
        (
            (),
            ("interval=0s", "linger=0s"),
            "0s (the setting): as soon as something waits",
            "3m (since the interval is 0s)",
        ),
    ],
)
def test_show_says_the_waits_and_where_they_come_from(
    tocsin: Tocsin, options: tuple[str, ...], settings: tuple[str, ...], interval: str, retry: str
) -> None:
    add(tocsin, *options)
    given = [word for setting in settings for word in ("--set", setting)]
    lines = tocsin.run("webhook", "show", "1", *given).stdout.splitlines()
    shown = dict(re.split(r"  +", line, maxsplit=1) for line in lines)
    assert (shown["interval"], shown["retry interval"]) == (interval, retry)


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
    tocsin.run("webhook", "add", "--like", "1", "--interval", "", *other)
    assert record(tocsin, 4).fields.interval_ms is None
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
        assert ("WARNING: " in done.stderr) == refused
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
        "retry_interval": None,
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


@pytest.mark.usefixtures("made")
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


@pytest.mark.parametrize(("reply", "left"), [("n", 1), ("y", 0), ("", 1)])
def test_a_terminal_is_asked(tocsin: Tocsin, reply: str, left: int) -> None:
    add(tocsin)
    status, said = answered(tocsin, "webhook", "delete", "1", reply=reply)
    assert status == (ExitCode.CHECK_FAILED if left else ExitCode.OK)
    assert said.startswith("Delete webhook 1 with 0 queued events? [y/N] ")
    assert len(json.loads(tocsin.run("webhook", "list", "--json").stdout)) == left


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


def test_the_ten_minutes_of_a_deleted_webhook_go_by_the_uptime(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook_id = desk.add()
    tocsin.run("webhook", "delete", str(webhook_id), "--yes")
    with access_of(tocsin) as desk:
        retention = Retention(0, 0)
        uptime_ms = time.monotonic_ns() // 1_000_000
        jumped = desk.now_ms + 3_600_000
        assert desk.call(Pruning(retention, jumped, uptime_ms).step).webhooks == 0
        assert desk.call(Pruning(retention, desk.now_ms, uptime_ms + 600_000).step).webhooks == 1
    assert tocsin.run("webhook", "list", "--deleted", "--json").stdout.strip() == "[]"
