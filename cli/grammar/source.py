"""`tocsin source ...`"""

from __future__ import annotations

from cli.grammar.parts import Parser, add_commands, add_leaf

RUN = "cli.commands.source"
SOURCES = ("wireguard",)


def build(parser: Parser) -> None:
    """Add every command about sources."""
    commands = add_commands(parser)
    run = add_leaf(commands, "run", f"{RUN}:run", "watch a source and queue its events")
    run.add_argument("source", choices=SOURCES, help="what to watch")
    run.add_argument(
        "--command",
        dest="setting_wireguard_command",
        metavar="COMMAND",
        help="the command to run instead of `wg show all dump`",
    )
    run.add_argument(
        "--every",
        dest="setting_wireguard_every",
        metavar="TIME",
        help="the time between two looks, such as 30s",
    )
    run.add_argument("--once", action="store_true", help="look once and end")
