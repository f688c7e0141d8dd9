"""Grammar of `tocsin worker ...`, loaded to parse a command line without its commands.

Without a command of its own it means `tocsin worker run`.
"""

from __future__ import annotations

from cli.parser import Commands, Parser, add_commands, add_json, add_leaf, duration

RUN = "cli.worker.commands"
NAMES = ("run", "list", "pause", "unpause")


def build(parser: Parser) -> None:
    """Add the commands about workers."""
    parser.default_command, parser.command_names = "run", NAMES
    commands = add_commands(parser)
    _run(commands)
    add_json(add_leaf(commands, "list", f"{RUN}:list_all", "list the workers of this store"))
    add_leaf(commands, "pause", f"{RUN}:pause", "stop sending, for all webhooks")
    add_leaf(commands, "unpause", f"{RUN}:unpause", "go on sending")


def _run(commands: Commands) -> None:
    run = add_leaf(
        commands,
        "run",
        f"{RUN}:run",
        "send what is queued, until it is stopped; first bring an older store up to date",
    )
    ends = run.add_mutually_exclusive_group()
    ends.add_argument("--once", action="store_true", help="make what is due now and end")
    ends.add_argument(
        "--until-empty",
        action="store_true",
        help="look once at each source, end when all that waits then is delivered",
    )
    run.add_argument(
        "--timeout",
        dest="timeout_ms",
        type=duration,
        metavar="TIME",
        help="with --until-empty: give up after this time, with exit code 75",
    )
