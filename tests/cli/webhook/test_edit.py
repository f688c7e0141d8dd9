"""`tocsin webhook edit`: what is changed, what is refused, and what is asked before."""

from __future__ import annotations

import json

from cli.exit_codes import ExitCode
from domain.event_types import EventType
from domain.wording import second_text
from store.workers import SendingLock
from tests.cli.webhook.webhooks import SECRET, add, record, refused, shown, with_backlog
from tests.support.program import Tocsin
from tests.support.program_store import access_of
from tests.support.stores import fields


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
        slower = tocsin.run("webhook", "edit", "1", "--retry-interval", "1h").stderr
        waits_until_ms = desk.delivery("msg_1").next_attempt_ms
        assert waits_until_ms is not None
        stays = f"Its next attempt stays at {second_text(waits_until_ms)}: `tocsin delivery retry"
        assert stays in slower
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
