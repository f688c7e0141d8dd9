"""`tocsin audit`: who did what, in words, with nothing secret in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from cli.exit_codes import ExitCode
from domain.actors import Actor
from domain.webhooks import WebhookFields
from domain.wording import detail_text
from store import audit, webhooks
from store.webhook_edits import SetSecret
from tests.support.program import Tocsin
from tests.support.program_store import access_of, newer
from tests.support.stores import ACTOR, DAY, MINUTE, Desk, events, fields

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "Bearer 0123456789abcdef"


def audited(tocsin: Tocsin, *options: str) -> list[dict[str, Any]]:
    """Return what `audit --json` prints."""
    done = tocsin.run("audit", "--json", *options)
    assert done.returncode == 0, done.stderr
    changes: list[dict[str, Any]] = json.loads(done.stdout)
    return changes


def siem(**changes: object) -> WebhookFields:
    return replace(fields(name="siem", headers=(("Authorization", TOKEN),)), **changes)


def two_webhooks(desk: Desk) -> None:
    """One that is edited and rotated, and another one."""
    first = desk.add(siem(), secret=SECRET)
    desk.add(fields())
    desk.edit(first, siem(interval_ms=60 * MINUTE), SetSecret(None))


def test_newest_first_and_in_full(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        two_webhooks(desk)
    edit, *adds = audited(tocsin)
    assert [change["webhook"] for change in adds] == [2, 1]
    assert edit.pop("at").endswith("Z")
    assert edit.pop("id") == 3
    assert edit == {
        "who": "alice from 192.0.2.7",
        "user": "alice",
        "login": "alice",
        "address": "192.0.2.7",
        "action": "webhook.edit",
        "webhook": 1,
        "detail": {
            "before": {"interval": None, "secret": "set"},
            "after": {"interval": "1h", "secret": "removed"},
        },
    }


def test_text_says_who_what_and_from_where(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        two_webhooks(desk)
    header, edit, *_ = tocsin.run("audit").stdout.splitlines()
    assert header.split() == ["WHEN", "WHO", "ACTION", "WEBHOOK", "WHAT"]
    when, rest = edit.split(maxsplit=1)
    assert when.endswith("Z")
    assert rest.split(maxsplit=5) == [
        *("alice", "from", "192.0.2.7", "webhook.edit", "1"),
        "interval none -> 1h, secret set -> removed",
    ]


def test_nothing_secret_is_in_it(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        two_webhooks(desk)
    for options in ([], ["--json"]):
        said = tocsin.run("audit", *options).stdout
        assert "0123456789" not in said
        assert "MfKQ9r8" not in said
        assert "Authorization" in said


@pytest.mark.parametrize("reference", ["1", "siem"])
def test_of_one_webhook(tocsin: Tocsin, reference: str) -> None:
    with access_of(tocsin) as desk:
        two_webhooks(desk)
    actions = [change["action"] for change in audited(tocsin, "--webhook", reference)]
    assert actions == ["webhook.edit", "webhook.add"]


def test_the_trail_outlives_its_webhook(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        two_webhooks(desk)
        desk.now_ms -= DAY
        desk.call(webhooks.delete, [1], ACTOR, desk.now_ms)
    assert tocsin.run("db", "prune").returncode == 0
    assert len(audited(tocsin, "--webhook", "1")) == 3


def test_a_number_that_no_webhook_has_finds_nothing(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        two_webhooks(desk)
    assert audited(tocsin, "--webhook", "99") == []
    assert tocsin.run("audit", "--webhook", "9" * 40).returncode == ExitCode.NO_INPUT


def test_an_unknown_name_is_said(tocsin: Tocsin) -> None:
    with access_of(tocsin):
        pass
    done = tocsin.run("audit", "--webhook", "nobody")
    assert done.returncode == ExitCode.NO_INPUT
    assert "no webhook nobody" in done.stderr


def test_since_and_limit(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.add()
        desk.now_ms -= 2 * DAY
        desk.add()
        desk.add()
    assert [change["webhook"] for change in audited(tocsin, "--since", "1d")] == [1]
    assert [change["webhook"] for change in audited(tocsin, "--limit", "2")] == [3, 2]
    assert len(audited(tocsin, "--limit", "9" * 30)) == 3


def test_the_filter_of_the_screen_finds_the_same_here(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        two_webhooks(desk)
    for words, expected in (
        ("edit", [3]),
        ("!edit", [2, 1]),
        ("webhook:siem", [3, 1]),
        ("!webhook:siem", [2]),
        ("ALICE since:1h", [3, 2, 1]),
        ("192.0.2.99", []),
    ):
        assert [one["id"] for one in audited(tocsin, "--filter", words)] == expected, words
    assert [one["id"] for one in audited(tocsin, "--filter", "add", "--webhook", "1")] == [1]
    assert [one["id"] for one in audited(tocsin, "--filter", "add", "--limit", "1")] == [2]
    done = tocsin.run("audit", "--filter", "since:yesterday")
    assert done.returncode == ExitCode.USAGE
    assert "--filter: " in done.stderr


def test_foreign_text_cannot_reach_the_terminal(tocsin: Tocsin) -> None:
    evil = Actor("root", "mallory\x1b[2J", "192.0.2.9\x07")
    with access_of(tocsin) as desk:
        desk.call(audit.note_alone, evil, "webhook.test", desk.now_ms, 1, error="x\x1b[31m\n")
    for options in ([], ["--json"]):
        said = tocsin.run("audit", *options).stdout
        assert "\x1b" not in said
        assert "\x07" not in said
    assert len(tocsin.run("audit").stdout.splitlines()) == 2


def test_an_outdated_store_can_be_read(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        two_webhooks(desk)
    done = newer(tocsin).run("audit")
    assert done.returncode == 0
    assert "webhook.edit" in done.stdout


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ({}, ""),
        ({"events": 0}, "events 0"),
        ({"delivery": "msg_1", "events": 3}, "delivery msg_1, events 3"),
        ({"before_ms": 0, "events": 3}, "accepted before 1970-01-01T00:00:00Z, events 3"),
        ({"setting": "interval", "before": None, "after": "1m"}, "setting interval, none -> 1m"),
        ({"setting": "interval", "before": "1m", "after": "2m"}, "setting interval, 1m -> 2m"),
        ({"status": None, "error": "ConnectError"}, "error ConnectError"),
        (
            {"before": {"headers": []}, "after": {"headers": ["A: ••••", "B: ••••"]}},
            "headers none -> [A: ••••, B: ••••]",
        ),
        (
            {"before": {"max_events": 5}, "after": {"max_events": None}, "dropped_events": 2},
            "dropped events 2, max events 5 -> none",
        ),
        (
            {
                "after": {
                    "name": None,
                    "type": "alerts",
                    "interval_ms": 0,
                    "retry_interval_ms": 1000,
                    "secret": "set",
                }
            },
            "type alerts, interval 0s, retry interval 1s, secret set",
        ),
    ],
)
def test_words(detail: dict[str, object], words: str) -> None:
    assert detail_text(detail) == words


def test_what_admins_ask_of_deliveries_is_in_it(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook = desk.add()
        desk.append(*events(1, 3))
        desk.end(desk.started(webhook), 503)
    assert tocsin.run("delivery", "skip", "msg_1", "--yes").returncode == 0
    newest = audited(tocsin)[0]
    assert (newest["action"], newest["webhook"]) == ("delivery.skip", 1)
    assert newest["detail"] == {"delivery": "msg_1", "events": 3}
