"""`tocsin host` and `tocsin broker`: adding, listing, renewing and deleting who signs in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from domain.clients import AGENT, BROKER
from domain.source_kinds import SIGN_INS
from store import clients, sources
from store.queue import broker_cursors
from tests.support.program import Tocsin
from tests.support.program_store import access_of
from tests.support.stores import events

URL = "https://tocsin.example:8786"
NOUNS = ("host", "broker")


def run(tocsin: Tocsin, *arguments: str, code: ExitCode = ExitCode.OK) -> str:
    """Return what a command says on stdout, or on stderr where it fails."""
    done = tocsin.run(*arguments)
    assert done.returncode == code, done.stderr
    return done.stdout if code is ExitCode.OK else done.stderr


def listed(tocsin: Tocsin, noun: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(tocsin, noun, "list", "--json"))
    return found


def code_in(text: str) -> str:
    found = re.search(r"^Code = (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def test_a_new_host_gets_two_files_and_a_source(tocsin: Tocsin) -> None:
    printed = run(tocsin, "host", "add", "hub", "--url", URL)
    [host] = listed(tocsin, "host")
    assert printed.splitlines()[:7] == [
        "# /etc/wireguard/procustodibus.conf",
        "[Procustodibus]",
        f"Api = {URL}",
        f"Host = {host['host']}",
        f"Agent = {host['agent']}",
        "ReadOnly = true",
        "RedactSecrets = true",
    ]
    assert "# /etc/wireguard/procustodibus-setup.conf\n[Procustodibus.Setup]\n" in printed
    assert re.search(r"^Expires = [0-9T:-]{19}Z$", printed, re.MULTILINE)
    assert (host["name"], host["state"], host["accepted_events"]) == ("hub", "no key", 0)
    assert "no key" in tocsin.run("source", "list").stdout
    assert json.loads(run(tocsin, "source", "show", "hub", "--json"))["kind"] == "agent"


def test_the_files_are_written_into_a_folder(tocsin: Tocsin, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    printed = run(tocsin, "host", "add", "hub", "--url", URL, "--into", str(folder))
    main, setup = folder / "procustodibus.conf", folder / "procustodibus-setup.conf"
    assert printed.splitlines() == [str(main), str(setup)]
    code = code_in(setup.read_text())
    assert code not in printed
    assert f"Api = {URL}\n" in main.read_text()
    assert setup.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert code_in(run(tocsin, "host", "renew", "hub", "--url", URL)) != code


@pytest.mark.parametrize("noun", NOUNS)
def test_a_folder_that_cannot_take_the_files_is_refused_before_a_code_is_made(
    tocsin: Tocsin, tmp_path: Path, noun: str
) -> None:
    into = ("--url", URL, "--into")
    (tmp_path / "file").touch()
    told = run(tocsin, noun, "add", "x", *into, str(tmp_path / "file"), code=ExitCode.CHECK_FAILED)
    assert "file cannot be made a folder: File exists; name another folder" in told
    run(tocsin, noun, "add", "first", *into, str(tmp_path))
    told = run(tocsin, noun, "add", "x", *into, str(tmp_path), code=ExitCode.CHECK_FAILED)
    assert "is there already: move it away" in told
    assert [one["name"] for one in listed(tocsin, noun)] == ["first"]


def test_a_new_broker_stands_at_the_head_of_the_queues(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.append(*events(1, 3))
    printed = run(tocsin, "broker", "add", "siem", "--url", URL)
    assert "[Broker.Setup]" in printed
    with access_of(tocsin) as desk:
        desk.append(*events(4, 5))
    [broker] = listed(tocsin, "broker")
    assert (broker["name"], broker["queued"]["alerts"]) == ("siem", 2)
    assert " 2\n" in run(tocsin, "broker", "list")
    assert re.search(r"^Queued alerts +2$", run(tocsin, "broker", "show", "siem"), re.MULTILINE)


@pytest.mark.parametrize("noun", NOUNS)
def test_an_address_that_only_this_machine_reaches_is_warned_of(tocsin: Tocsin, noun: str) -> None:
    run(tocsin, "source", "add", "http", "--serves", "agents,queues")
    warning = "WARNING: http://127.0.0.1:8786 is found from this machine only: for another one set"
    assert warning in tocsin.run(noun, "add", "one").stderr
    assert warning in tocsin.run(noun, "renew", "one").stderr
    assert "WARNING" not in tocsin.run(noun, "add", "two", "--url", URL).stderr


@pytest.mark.parametrize(
    ("noun", "steps"),
    [
        (
            "host",
            (
                "install procustodibus-agent==1.10.4`",
                "procustodibus-agent --test",
                "--loop=120",
                "CA",
            ),
        ),
        ("broker", ("pip install procustodibus-broker", "--loop=60", "python -m certifi")),
    ],
)
def test_what_comes_next_is_told_in_its_order(
    tocsin: Tocsin, noun: str, steps: tuple[str, ...]
) -> None:
    said = tocsin.run(noun, "add", "one", "--url", URL).stderr
    positions = [said.find(step) for step in steps]
    assert -1 not in positions
    assert positions == sorted(positions)


@pytest.mark.parametrize("noun", NOUNS)
def test_the_code_is_shown_once_and_kept_nowhere(tocsin: Tocsin, noun: str) -> None:
    code = code_in(run(tocsin, noun, "add", "one", "--url", URL))
    assert code not in run(tocsin, noun, "show", "one", "--url", URL)
    assert code not in run(tocsin, noun, "list", "--json") + run(tocsin, "audit", "--json")
    for file in tocsin.db.parent.glob("tocsin.db*"):
        assert code.encode() not in file.read_bytes()


@pytest.mark.parametrize(("noun", "kind"), [("host", AGENT), ("broker", BROKER)])
def test_renew_gives_another_code_and_takes_the_key_away(
    tocsin: Tocsin, noun: str, kind: str
) -> None:
    first = code_in(run(tocsin, noun, "add", "one", "--url", URL))
    with access_of(tocsin) as desk:
        user = desk.call(clients.find, kind, "one").user_id
        assert desk.call(clients.set_up, kind, user, first, "key", "192.0.2.1", desk.now_ms)
    assert listed(tocsin, noun)[0]["state"] == "active"
    asked = run(tocsin, noun, "renew", "one", "--url", URL, code=ExitCode.USAGE)
    assert f"new set-up code for the {noun} one? Its key is worth nothing from then on." in asked
    assert listed(tocsin, noun)[0]["state"] == "active"
    with access_of(tocsin) as desk:
        desk.call(clients.note_seen, "one", desk.now_ms - 65_000)
    assert re.search(r"^one .* 1m\d+s ago", run(tocsin, noun, "list"), re.MULTILINE)
    assert code_in(run(tocsin, noun, "renew", "one", "--url", URL, "--yes")) != first
    assert listed(tocsin, noun)[0]["state"] == "no key"
    with access_of(tocsin) as desk:
        assert not desk.call(clients.set_up, kind, user, first, "key", "192.0.2.1", desk.now_ms)


def test_a_host_and_a_broker_share_no_name(tocsin: Tocsin) -> None:
    run(tocsin, "host", "add", "hub", "--url", URL)
    said = run(tocsin, "broker", "add", "hub", "--url", URL, code=ExitCode.CHECK_FAILED)
    assert "there is a host hub already" in said
    assert listed(tocsin, "broker") == []


def test_a_host_needs_a_name_that_no_source_has(tocsin: Tocsin) -> None:
    run(tocsin, "source", "add", "http")
    said = run(tocsin, "host", "add", "http", "--url", URL, code=ExitCode.CHECK_FAILED)
    assert "there is a source http already" in said
    assert listed(tocsin, "host") == []


def test_deleting_a_host_deletes_its_source_and_the_other_way_round(tocsin: Tocsin) -> None:
    run(tocsin, "host", "add", "one", "--url", URL)
    run(tocsin, "host", "add", "two", "--url", URL)
    assert "--yes" in run(tocsin, "host", "delete", "one", code=ExitCode.USAGE)
    run(tocsin, "host", "delete", "one", "--yes")
    run(tocsin, "source", "delete", "two", "--yes")
    with access_of(tocsin) as desk:
        assert [one.kind for one in desk.call(sources.load_all)] == [SIGN_INS]
        assert desk.call(clients.load_all, AGENT) == []


def test_deleting_a_broker_tells_what_it_gives_up(tocsin: Tocsin) -> None:
    run(tocsin, "broker", "add", "siem", "--url", URL)
    with access_of(tocsin) as desk:
        desk.append(*events(1, 3))
    run(tocsin, "broker", "delete", "siem", "--yes")
    with access_of(tocsin) as desk:
        assert desk.call(broker_cursors.queued) == {}


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("command", ["show", "renew", "delete"])
def test_an_unknown_name_is_told_with_the_way_to_the_list(
    tocsin: Tocsin, noun: str, command: str
) -> None:
    run(tocsin, noun, "add", "one", "--url", URL)
    more = ("--yes",) if command == "delete" else ("--url", URL)
    said = run(tocsin, noun, command, "two", *more, code=ExitCode.NO_INPUT)
    assert f"no {noun} two; `tocsin {noun} list` shows what there is" in said


def test_the_url_is_that_of_the_source_that_serves_agents(tocsin: Tocsin) -> None:
    said = run(tocsin, "host", "add", "hub", code=ExitCode.CHECK_FAILED)
    assert "`tocsin source add http --serves agents`" in said
    run(tocsin, "source", "add", "http", "--serves", "agents, events")
    assert "Api = http://127.0.0.1:8786\n" in run(tocsin, "host", "add", "hub")
    run(tocsin, "broker", "add", "siem", code=ExitCode.CHECK_FAILED)


@pytest.mark.parametrize(
    ("options", "url"),
    [
        (("--listen", "[::1]:8443", "--certificate", "/c.pem"), "https://[::1]:8443"),
        (("--listen", "0.0.0.0:8443", "--public-url", f"{URL}/"), URL),
        (("--listen", "0.0.0.0:8443"), None),
    ],
)
def test_the_url_follows_from_what_is_set_for_the_source(
    tocsin: Tocsin, options: tuple[str, ...], url: str | None
) -> None:
    tocsin.run("source", "add", "http", "--serves", "agents", *options)
    if url is None:
        assert "--url" in run(tocsin, "host", "add", "hub", code=ExitCode.CHECK_FAILED)
        run(tocsin, "host", "add", "hub", "--url", URL)
        assert "Api" not in run(tocsin, "host", "show", "hub")
    else:
        assert f"Api = {url}\n" in run(tocsin, "host", "add", "hub")


def test_a_url_that_is_none_is_refused(tocsin: Tocsin) -> None:
    said = run(tocsin, "host", "add", "hub", "--url", "tocsin.example", code=ExitCode.BAD_DATA)
    assert "write it like https://tocsin.example:8786" in said


def test_an_agent_is_told_to_ask_the_name_servers_of_its_host(tocsin: Tocsin) -> None:
    assert "DNS = off\n" in run(tocsin, "host", "add", "one", "--url", URL)
    assert "DNS" not in run(tocsin, "host", "add", "two", "--url", "https://192.0.2.1")


def test_a_broker_that_lags_far_behind_is_a_problem(tocsin: Tocsin) -> None:
    run(tocsin, "broker", "add", "siem", "--url", URL)
    with access_of(tocsin) as desk:
        desk.append(*events(1, 4))
    done = tocsin.run("status", "--set", "warn_queue=3")
    assert "broker siem: 4 events to pull, more than warn_queue" in done.stdout
    assert "broker siem" not in tocsin.run("status", "--set", "warn_queue=4").stdout


def test_who_did_what_is_in_the_audit(tocsin: Tocsin) -> None:
    for noun in NOUNS:
        run(tocsin, noun, "add", f"a-{noun}", "--url", URL)
        run(tocsin, noun, "renew", f"a-{noun}", "--url", URL)
        run(tocsin, noun, "delete", f"a-{noun}", "--yes")
    actions = [one["action"] for one in json.loads(run(tocsin, "audit", "--json"))]
    for noun in NOUNS:
        assert {f"{noun}.add", f"{noun}.renew", f"{noun}.delete"} <= set(actions)


@pytest.mark.parametrize(
    ("noun", "names", "question"),
    [
        ("host", ("hub",), "Delete the host hub, with all that is remembered? Events that came"),
        ("broker", ("siem",), "Delete the broker siem? Nothing was done"),
        ("broker", ("siem", "soc"), "Delete the brokers siem and soc, with 2 events yet to be"),
        ("token", ("edge",), "Delete the token edge? Whoever shows it is not let in any more."),
    ],
)
def test_what_would_be_deleted_is_asked_in_plain_words(
    tocsin: Tocsin, noun: str, names: tuple[str, ...], question: str
) -> None:
    for name in names:
        run(tocsin, noun, "add", name, *(["--url", URL] if noun != "token" else []))
    if len(names) > 1:
        with access_of(tocsin) as desk:
            desk.append(*events(1, 1))
    said = run(tocsin, noun, "delete", *names, code=ExitCode.USAGE)
    assert question in said
