"""Parser of the command line: builds only the grammars of the commands that are named."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from cli.exit_codes import ExitCode, Failure

if TYPE_CHECKING:
    from domain.options import Kind


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
EVENT_TYPES = ("alerts", "endpoint_stats", "log_authn", "log_changes")
TYPE_AND_ID = "[TYPE] ID"
WIDEST = 100


class _Formatter(argparse.HelpFormatter):
    """Help texts as wide as the terminal; without `shutil`, which would cost each start 10 ms."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=_columns())

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        """Leave the dots out behind a word that is optional itself."""
        if action.metavar == TYPE_AND_ID:
            return TYPE_AND_ID
        return super()._format_args(action, default_metavar)


def _columns() -> int:
    try:
        return min(os.get_terminal_size(1).columns or WIDEST, WIDEST)
    except OSError:
        return WIDEST


class Parser(argparse.ArgumentParser):
    """ArgumentParser that raises a Failure: one line, and the help to read.

    `default_command` is run where none of `command_names` is given.
    """

    default_command: str | None = None
    command_names: Collection[str] = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Formatter, allow_abbrev=False, **options)
        self._read: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self.default_command and not {*self.command_names, "-h", "--help"}.intersection(args):
            args = [self.default_command, *args]
        self._read = args
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown and not self._takes_more(unknown, namespace):
            # An error of this parser, not of the one above: it is this one's help that helps.
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return namespace, []

    def _takes_more(self, words: list[str], namespace: argparse.Namespace) -> bool:
        """Add words behind an option to those before it, where several may be given.

        argparse ends a positional argument at the first option.
        """
        several = [action for action in self._get_positional_actions() if action.nargs == "+"]
        if not several or any(word.startswith("-") for word in words):
            return False
        getattr(namespace, several[0].dest).extend(words)
        return True

    def error(self, message: str) -> NoReturn:
        unknown = self._unknown_options()
        if unknown and message.startswith("the following arguments are required"):
            message = f"unrecognized arguments: {' '.join(unknown)}"
        raise Failure(f"{message}; see `{self.prog} --help`", ExitCode.USAGE)

    def _unknown_options(self) -> list[str]:
        """Mistyped options, which argparse does not name where an argument is missing too."""
        if self._subparsers is not None:
            return []
        options = [word for word in self._read if word.startswith("--")]
        return [
            option
            for option in options
            if option.partition("=")[0] not in self._option_string_actions
        ]


def add_commands(parser: Parser, *, required: bool = True) -> Commands:
    """Let `parser` take a command."""
    return parser.add_subparsers(
        title="commands",
        metavar="COMMAND",
        required=required,
        prog=parser.prog,
        parser_class=Parser,
    )


def add_group(commands: Commands, name: str, help_text: str) -> Parser:
    """Add a command that has commands of its own."""
    return commands.add_parser(name, help=help_text, description=sentence(help_text))


def add_leaf(
    commands: Commands, name: str, run: str, help_text: str, *, epilog: str | None = None
) -> Parser:
    """Add a command that runs `run`, a "module:function" that is imported when it is needed."""
    parser = add_standalone_leaf(commands, name, run, help_text)
    parser.epilog = epilog
    parser.set_defaults(standalone=False)
    add_global_options(parser, default=argparse.SUPPRESS)
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        default=argparse.SUPPRESS,
        help="use this value of a setting, for this run only",
    )
    return parser


def add_standalone_leaf(commands: Commands, name: str, run: str, help_text: str) -> Parser:
    """Add a command that works without settings and store, also where those are broken."""
    parser = commands.add_parser(name, help=help_text, description=sentence(help_text))
    parser.set_defaults(run=run, standalone=True)
    return parser


def add_global_options(parser: Parser, *, default: str | None) -> None:
    """Add options that may stand before and after the command: the paths of store and file."""
    parser.add_argument(
        "--db",
        dest="setting_db",
        metavar="PATH",
        default=default,
        help="the store to use (TOCSIN_DB)",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=default,
        help="the configuration file to read (TOCSIN_CONFIG)",
    )
    add_new_store(parser, default=default or False)


def add_new_store(parser: Parser, *, default: str | bool) -> None:
    """Add --new-store."""
    parser.add_argument(
        "--new-store",
        action="store_true",
        default=default,
        help="make a store where one was before, or where its key was put beforehand",
    )


def metavar_of(kind: Kind) -> str:
    """The word for a value of that kind in a help text."""
    return "on|off" if kind.switches else kind.name.upper()


def add_mouse(parser: Parser, *, default: str | None) -> None:
    """Add --mouse."""
    parser.add_argument(
        "--mouse",
        dest="setting_mouse",
        metavar="MODE",
        default=default,
        help="what the screen hears of the mouse: off, clicks or all (TOCSIN_MOUSE)",
    )


def add_json(parser: argparse._ActionsContainer) -> None:
    """Add --json to a parser, or to a group of switches that exclude each other."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_yes(parser: Parser) -> None:
    """Add --yes."""
    parser.add_argument("--yes", action="store_true", help="do it without asking")


def add_since(parser: Parser, help_text: str) -> None:
    """Add --since."""
    parser.add_argument("--since", dest="since_ms", type=moment, metavar="TIME", help=help_text)


def add_event_choice(parser: Parser) -> None:
    """Add --created and --number, for an event that is named by its id."""
    parser.add_argument(
        "--created",
        dest="created_s",
        type=second,
        metavar="TIME",
        help="of several events with that id the one that was created then, to the second",
    )
    parser.add_argument(
        "--number",
        type=count,
        metavar="N",
        help="of several events with that id the one of number N of its type",
    )


def add_filter(parser: Parser, words: str) -> None:
    """Add --filter, which takes the words of the screen's filter in one argument."""
    parser.add_argument(
        "--filter",
        metavar="WORDS",
        help=f"only what every word fits: {words} or any text; ! before a word turns it round",
    )


def add_limit(parser: Parser, default: int, order: str = "") -> None:
    """Add --limit."""
    parser.add_argument(
        "--limit",
        type=count,
        metavar="N",
        default=default,
        help=f"show at most the N newest{order and f', {order}'} (default: {default})",
    )


def add_follow(parser: Parser) -> None:
    """Add --follow."""
    parser.add_argument(
        "--follow", action="store_true", help="go on and show new ones as they come"
    )


def add_webhook(parser: Parser) -> None:
    """Add the id or name of a webhook."""
    parser.add_argument("id", metavar="ID", help="the webhook's id or name")


def add_webhooks(parser: Parser) -> None:
    """Add ids or names of webhooks, at least one."""
    parser.add_argument("ids", metavar="ID", nargs="+", help="ids or names of webhooks")


def sentence(help_text: str) -> str:
    """Help text as it stands alone: with a capital letter and a full stop."""
    return f"{help_text[0].upper()}{help_text[1:]}."


def duration(text: str) -> int:
    """Milliseconds of "90s", "3m", "1h", "1d"."""
    from domain.times import parse_duration

    return _checked(parse_duration, text)


def moment(text: str) -> int:
    """UTC milliseconds of an RFC 3339 time, "now", or a duration that means so long ago."""
    from domain.times import parse_time

    now_ms = time.time_ns() // 1_000_000
    return _checked(lambda given: parse_time(given, now_ms), text)


def second(text: str) -> int:
    """Second since 1970 of an RFC 3339 time."""
    from domain.times import instant

    return _checked(lambda given: instant(given)[0], text)


def count(text: str) -> int:
    """A whole number from 1 up."""
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")


def size(text: str) -> int:
    """Bytes of "1000000", "64KiB", "1MB"."""
    from domain.options import parse_size

    return _checked(parse_size, text)


def _checked(parse: Callable[[str], int], text: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


COMMANDS = {
    "webhook": ("webhook.grammar:build", "who gets which events, and how"),
    "event": ("event.grammar:build", "queue events and look at them"),
    "delivery": ("delivery.grammar:build", "what was sent, what is being sent, and how it went"),
    "source": ("source.grammar:build", "where events come from"),
    "refused": ("refused.grammar:build", "what sources took and could not queue, kept whole"),
    "alert": ("alert.grammar:build", "which kinds of alerts are raised, and from what numbers on"),
    "host": ("client.grammar:build_host", "the hosts whose Pro Custodibus agents report here"),
    "broker": (
        "client.grammar:build_broker",
        "the Pro Custodibus brokers that pull events from here",
    ),
    "token": ("token.grammar:build", "what programs show that hand events in over HTTP"),
    "worker": ("worker.grammar:build", "what seals, sends and records"),
    "status": (
        "status.grammar:add_status",
        "show what is queued, what is failing and why, and who works",
    ),
    "audit": ("audit.grammar:add_audit", "list who changed what"),
    "config": ("config.grammar:build", "the settings and where they come from"),
    "service": ("service.grammar:build", "run Tocsin as a service of this host"),
    "db": ("db.grammar:build", "the upkeep of the store"),
    "demo": (
        "demo.grammar:add_demo",
        "show the screen on made-up events and a receiver of its own",
    ),
    "completion": ("completion:add", "print the completion script of a shell"),
}
"""For each command the function that builds its grammar, and its help."""

LEAVES = ("status", "audit", "demo", "completion")
"""The commands that have none of their own."""

DESCRIPTION = "Tocsin queues security events and sends them to webhooks until they say 2XX."


def build(words: Collection[str] = tuple(COMMANDS)) -> Parser:
    """Make the parser. Only commands among `words` get their options."""
    parser = Parser(prog="tocsin", description=DESCRIPTION)
    parser.set_defaults(run=None, standalone=False)
    parser.add_argument("--version", action="store_true", help="print the version and end")
    add_global_options(parser, default=None)
    add_mouse(parser, default=None)
    commands = add_commands(parser, required=False)
    for name, (builder, help_text) in COMMANDS.items():
        if name not in LEAVES:
            group = add_group(commands, name, help_text)
            if name in words:
                load(f"cli.{builder}")(group)
        elif name in words:
            load(f"cli.{builder}")(commands, name, help_text)
        else:
            commands.add_parser(name, help=help_text)
    return parser


def load(target: str) -> Callable[..., Any]:
    """Import the function that "module:function" names."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
