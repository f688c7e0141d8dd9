"""The grammar: every command is explained, leads somewhere and reads its options."""

from __future__ import annotations

import argparse
import inspect
import os
import re
from collections.abc import Iterator

import pytest

from cli.exit_codes import ExitCode, Failure
from cli.parser import COMMANDS, EVENT_TYPES, LEAVES, WIDEST, Parser, build, load
from domain.event_types import EventType

ISSUE = """
webhook add|list|show|edit|pause|unpause|delete|undelete|test|send|skip|release
alert list|show|edit|reset
event emit|list|show
delivery list|show|retry|skip|reseal
source list|show|add|edit|pause|unpause|delete|run
host add|list|show|renew|delete
broker add|list|show|renew|delete
token list|add|delete
worker run|list|pause|unpause
status
audit
refused list|show|export|send|drop
config show|set|unset|export|import
service install|uninstall|dump
db upgrade|check|backup|restore|prune|rekey
demo
completion
"""


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield child
                yield from parsers(child)


def leaves() -> dict[str, argparse.ArgumentParser]:
    return {
        parser.prog.removeprefix("tocsin "): parser
        for parser in parsers(build())
        if parser.get_default("run")
    }


LEAVES_BY_NAME = leaves()


def read(line: str) -> argparse.Namespace:
    words = line.split()
    return build(words).parse_args(words)


def test_the_commands_are_those_of_the_readme() -> None:
    expected = set()
    for line in ISSUE.split("\n")[1:-1]:
        group, _, names = line.partition(" ")
        expected |= {f"{group} {name}".strip() for name in names.split("|")}
    assert set(LEAVES_BY_NAME) == expected


def test_leaves_are_commands() -> None:
    assert set(LEAVES) < set(COMMANDS)


@pytest.mark.parametrize("name", LEAVES_BY_NAME)
def test_every_command_and_option_is_explained(name: str) -> None:
    parser = LEAVES_BY_NAME[name]
    assert parser.description
    for action in parser._actions:
        assert action.help, f"{name}: {action.dest}"
    assert parser.format_help().startswith(f"usage: tocsin {name} ")


@pytest.mark.parametrize("name", LEAVES_BY_NAME)
def test_every_command_names_a_function(name: str) -> None:
    target = LEAVES_BY_NAME[name].get_default("run")
    assert re.fullmatch(r"cli\.([a-z]+\.)?[a-z]+:[a-z_]+", target)


@pytest.mark.parametrize("name", LEAVES_BY_NAME)
def test_every_function_is_there(name: str) -> None:
    function = load(LEAVES_BY_NAME[name].get_default("run"))
    assert list(inspect.signature(function).parameters) == ["args", "context"]


@pytest.mark.parametrize(
    "name", [name for name in LEAVES_BY_NAME if re.search(r"\b(list|show|status|audit)$", name)]
)
def test_every_list_can_be_had_as_json(name: str) -> None:
    assert "--json" in LEAVES_BY_NAME[name]._option_string_actions


@pytest.mark.parametrize(
    "name",
    [
        *("webhook delete", "webhook skip", "webhook edit", "delivery skip", "delivery reseal"),
        *("config export", "config import"),
    ],
)
def test_what_loses_something_can_be_confirmed(name: str) -> None:
    assert "--yes" in LEAVES_BY_NAME[name]._option_string_actions


def test_event_types_are_all_of_them() -> None:
    assert list(EVENT_TYPES) == [str(event_type) for event_type in EventType]


def test_a_run_builds_only_what_its_words_can_mean() -> None:
    assert {parser.prog for parser in parsers(build(["tocsin", "event", "emit"]))} == {
        *(f"tocsin {name}" for name in COMMANDS),
        *("tocsin event emit", "tocsin event list", "tocsin event show"),
    }


def test_a_path_that_is_called_like_a_command_is_a_path() -> None:
    args = read("--db worker status --json")
    assert (args.setting_db, args.run, args.json) == ("worker", "cli.status.commands:show", True)


@pytest.mark.parametrize("line", ["worker --once", "worker run --once"])
def test_worker_alone_means_worker_run(line: str) -> None:
    args = read(line)
    assert (args.run, args.once) == ("cli.worker.commands:run", True)


def test_worker_alone_needs_no_options() -> None:
    assert read("worker").run == "cli.worker.commands:run"
    assert read("worker list").run == "cli.worker.commands:list_all"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("webhook add --type alerts --url u --interval 3m", "interval_ms", 180_000),
        ("webhook add --type alerts --url u --max-bytes 1MB", "max_bytes", 1_000_000),
        ("webhook add --type alerts --url u", "start_from", "now"),
        ("webhook add --type alerts --url u --from start", "start_from", "start"),
        (
            "webhook add --type alerts --url u --from 2026-01-01T00:00:00Z",
            "start_from",
            1767225600000,
        ),
        ("webhook edit 1", "state", None),
        ("webhook edit 1 --max-events=", "max_events", ""),
        ("webhook add --type alerts --url u --max-events=", "max_events", ""),
        ("webhook edit 1 --interval=", "interval_ms", ""),
        ("webhook edit 1 2 --name x", "ids", ["1", "2"]),
        ("webhook edit 1 --name x 2 3", "ids", ["1", "2", "3"]),
        ("event show alerts --json e1", "type_and_id", ["alerts", "e1"]),
        ("webhook edit 1 --header A:b --header C:d", "headers", ["A:b", "C:d"]),
        ("event emit", "file", "-"),
        ("config export", "file", None),
        ("config export --reveal x.json", "file", "x.json"),
        ("config import - --dry-run", "dry_run", True),
        ("delivery list --until 2026-01-01T00:00:00Z", "until_ms", 1767225600000),
        ("worker --until-empty --timeout 5m", "timeout_ms", 300_000),
        ("source add wireguard --every 5s", "option_every", "5s"),
        ("source edit local --unset every --unset host", "unset", ["every", "host"]),
        ("status --set interval=1m --set linger=0s", "set", ["interval=1m", "linger=0s"]),
    ],
)
def test_options_are_read(line: str, name: str, value: object) -> None:
    assert getattr(read(line), name) == value


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("webhook add --type alert --url u", "alerts"),
        ("webhook add --type alerts --url u --max-events 0", "from 1 up"),
        ("webhook add --type alerts --url u --max-events 00", "from 1 up"),
        ("webhook add --type alerts --url u --interval 3x", "3x"),
        ("delivery list --since yesterday", "yesterday"),
        ("worker --once --until-empty", "not allowed with"),
        ("delivery show msg_1 --curl --json", "not allowed with"),
        ("delivery show msg_1 --body --json", "not allowed with"),
        ("webhook delete", "ID"),
        ("config import", "FILE"),
        ("webhook list --del", "--del"),
    ],
)
def test_wrong_options_are_refused_in_words(line: str, said: str) -> None:
    with pytest.raises(Failure, match=re.escape(said)) as caught:
        read(line)
    assert caught.value.exit_code == ExitCode.USAGE


def test_help_of_every_parser_fits() -> None:
    for parser in [build(), *parsers(build())]:
        assert isinstance(parser, Parser)
        assert all(len(line) <= 100 for line in parser.format_help().splitlines())


def test_help_is_as_wide_as_usual_where_the_terminal_does_not_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((WIDEST, 50)))
    usual = build().format_help()
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((0, 0)))
    assert build().format_help() == usual


@pytest.mark.parametrize(
    ("name", "order"),
    [("audit", "newest first"), ("event list", "newest last"), ("delivery list", "newest last")],
)
def test_a_list_says_where_its_newest_are(name: str, order: str) -> None:
    assert f"the N newest, {order}" in " ".join(leaves()[name].format_help().split())


def test_what_was_mistyped_is_told_before_what_is_missing() -> None:
    with pytest.raises(Failure, match="unrecognized arguments: --bogus=1; see"):
        read("source add --bogus=1 --path x")
    with pytest.raises(Failure, match="the following arguments are required: kind"):
        read("source add --path x")


def test_a_switch_says_what_it_takes() -> None:
    for line in ("source add", "alert edit"):
        assert "on|off" in LEAVES_BY_NAME[line].format_help()
