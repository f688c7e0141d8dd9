"""The URL of a webhook is a secret: masked wherever it is not revealed, which is recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from cli.exit_codes import ExitCode
from store.migrations import remnants
from tests.support.program import Tocsin
from tests.support.program_store import access_of
from tests.support.stores import event

URL = "https://hooks.slack.com/services/T0123ABCD/B0456EFGH/aBcDeFgHiJkLmNoPqRsTuVwX"
SHOWN = "https://hooks.slack.com/services/••••"
NOWHERE = ("T0123ABCD", "aBcDeFgHiJkLmNoPqRsTuVwX")


def done(tocsin: Tocsin, *command: str, stdin: str = "", code: int = ExitCode.OK) -> str:
    """Return what a command writes on both streams."""
    result = tocsin.run(*command, stdin=stdin)
    assert result.returncode == code, result.stderr
    return result.stdout + result.stderr


def revealed(tocsin: Tocsin) -> Any:
    return json.loads(tocsin.run("config", "export", "--reveal", "--yes").stdout)


def masked(tocsin: Tocsin) -> Any:
    return json.loads(tocsin.run("config", "export").stdout)


def bring(tocsin: Tocsin, document: Any, code: int = ExitCode.OK) -> str:
    return done(tocsin, "config", "import", "--yes", "-", stdin=json.dumps(document), code=code)


@pytest.fixture
def slack(tocsin: Tocsin) -> Tocsin:
    """A store with a webhook whose URL was read from stdin, and that was tried once in vain."""
    done(
        tocsin,
        "webhook",
        "add",
        "--type",
        "alerts",
        "--name",
        "slack",
        "--url",
        "@-",
        stdin=f"{URL}\n",
    )
    with access_of(tocsin) as desk:
        desk.append(event(1))
        desk.end(desk.started(1), 500)
    return tocsin


@pytest.mark.parametrize(
    "command",
    [
        ("webhook", "list"),
        ("webhook", "list", "--json"),
        ("webhook", "show", "slack"),
        ("webhook", "show", "slack", "--json"),
        ("webhook", "edit", "slack", "--max-events", "9", "--json"),
        ("webhook", "add", "--like", "slack", "--json"),
        ("status",),
        ("status", "--json"),
        ("delivery", "list", "--json"),
        ("delivery", "show", "msg_1"),
        ("delivery", "show", "msg_1", "--json"),
        ("delivery", "show", "msg_1", "--curl"),
        ("audit", "--json"),
        ("config", "export"),
        ("webhook", "delete", "slack", "--yes"),
    ],
)
def test_no_command_writes_it(slack: Tocsin, command: tuple[str, ...]) -> None:
    written = done(slack, *command)
    assert not [secret for secret in NOWHERE if secret in written]


def test_a_reveal_shows_and_records_it(slack: Tocsin) -> None:
    for command in ("list", "show"):
        which = ("slack",) if command == "show" else ()
        assert URL in done(slack, "webhook", command, *which, "--reveal")
        assert URL in done(slack, "webhook", command, *which, "--reveal", "--json")
    audit = json.loads(slack.run("audit", "--json").stdout)
    assert [one["action"] for one in audit].count("webhook.reveal") == 4


def test_a_test_is_recorded_without_it(tocsin: Tocsin) -> None:
    url = "http://127.0.0.1:9/hook/T0123ABCD/aBcDeFgHiJkLmNoPqRsTuVwX"
    done(tocsin, "db", "upgrade")
    options = ("--type", "alerts", "--url", "@-")
    for more in ((), ("--json",)):
        told = done(tocsin, "webhook", "test", *options, *more, stdin=url, code=1)
        assert not [secret for secret in NOWHERE if secret in told]
    audit = done(tocsin, "audit", "--json")
    assert not [secret for secret in NOWHERE if secret in audit]
    assert json.loads(tocsin.run("audit", "--json").stdout)[0]["detail"]["url"] == (
        "http://127.0.0.1:9/hook/••••"
    )


def test_a_filter_finds_the_deliveries_by_what_is_shown_of_it(tocsin: Tocsin) -> None:
    done(tocsin, "webhook", "add", "--type", "alerts", "--url", "@-", stdin=URL)
    with access_of(tocsin) as desk:
        desk.append(event(1))
        desk.end(desk.started(1), 500)
    assert "msg_1" in done(tocsin, "delivery", "list", "--filter", "slack.com/services")
    assert "msg_1" not in done(tocsin, "delivery", "list", "--filter", "T0123ABCD")


def test_what_is_masked_is_kept_by_the_name_of_its_webhook(slack: Tocsin) -> None:
    document = masked(slack)
    assert document["webhooks"][0]["url"] == SHOWN
    assert "Nothing to change" in bring(slack, document)
    document["webhooks"][0]["max_events"] = 7
    bring(slack, document)
    assert revealed(slack)["webhooks"][0] | {"max_events": None, "url": SHOWN} == (
        document["webhooks"][0] | {"max_events": None}
    )
    assert revealed(slack)["webhooks"][0]["url"] == URL


def test_another_url_that_is_kept_is_told(slack: Tocsin) -> None:
    document = masked(slack)
    document["webhooks"][0] |= {"url": "https://example.com/a/••••", "max_events": 7}
    told = bring(slack, document)
    assert f"webhook 1 (slack) keeps its URL, {SHOWN}: that of the document is masked." in told
    assert revealed(slack)["webhooks"][0]["url"] == URL


def test_what_is_masked_is_refused_where_there_is_no_such_webhook(slack: Tocsin) -> None:
    document = masked(slack)
    document["webhooks"][0]["name"] = "another"
    said = bring(slack, document, code=ExitCode.BAD_DATA)
    assert "webhooks[0].url: it is masked, and this store has none to keep; " in said
    assert "export with --reveal, or write it in clear" in said


def test_without_a_name_it_is_kept_where_it_can_be_one_alone(slack: Tocsin) -> None:
    done(slack, "webhook", "edit", "slack", "--name", "")
    document = masked(slack)
    assert "Nothing to change" in bring(slack, document)
    done(slack, "webhook", "add", "--type", "alerts", "--url", "@-", stdin=f"{URL}2")
    assert "it is masked, and" in bring(slack, masked(slack), code=ExitCode.BAD_DATA)
    assert "Nothing to change" in bring(slack, revealed(slack))


def test_a_masked_url_is_no_url(slack: Tocsin) -> None:
    said = done(slack, "webhook", "edit", "slack", "--url", SHOWN, code=ExitCode.BAD_DATA)
    assert "url: it has the dots that stand for what is hidden; write the whole URL" in said


def test_an_empty_value_from_a_file_is_refused(slack: Tocsin) -> None:
    for named in ("@/dev/null", "@-"):
        said = done(
            slack,
            "webhook",
            "edit",
            "slack",
            "--header",
            f"X-Key: {named}",
            code=ExitCode.BAD_DATA,
        )
        place = "stdin" if named == "@-" else "/dev/null"
        assert f"headers: the value of X-Key is empty in {place}; write the value there" in said


def test_content_encoding_is_reserved_but_where_it_was_stored_before(slack: Tocsin) -> None:
    header = ("--header", "Content-Encoding: gzip")
    said = done(slack, "webhook", "edit", "slack", *header, code=ExitCode.BAD_DATA)
    assert "Content-Encoding is set by Tocsin itself; leave it out" in said
    with access_of(slack) as desk:
        stored = desk.status(1).webhook.fields
        desk.edit(1, replace(stored, headers=(("Content-Encoding", "gzip"),)))
    done(slack, "webhook", "edit", "slack", "--max-events", "5")
    assert "Nothing to change" in bring(slack, masked(slack))
    assert "it sends Content-Encoding" in done(slack, "status")
    done(slack, "webhook", "edit", "slack", "--unset-header", "Content-Encoding")
    assert "it sends Content-Encoding" not in done(slack, "status")


def test_what_an_upgrade_had_no_room_to_remove_is_removed_by_the_next(slack: Tocsin) -> None:
    with access_of(slack) as desk:
        desk.call(remnants.note)
    assert "still hold URLs of webhooks in clear" in done(slack, "status")
    assert "They are removed now." in done(slack, "db", "upgrade")
    assert "still hold" not in done(slack, "status")
