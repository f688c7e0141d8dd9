"""Grammar of `tocsin refused ...`, loaded to parse a command line without its commands."""

from __future__ import annotations

from cli.parser import Parser, add_commands, add_json, add_leaf, add_yes

RUN = "cli.refused.commands"


def build(parser: Parser) -> None:
    """Add the commands about events that sources took and that cannot be queued."""
    commands = add_commands(parser)
    listing = add_leaf(
        commands, "list", f"{RUN}:list_all", "list what sources took and could not queue"
    )
    listing.add_argument("source", nargs="?", metavar="SOURCE", help="only of this source")
    show = add_leaf(commands, "show", f"{RUN}:show", "print one whole, as it came")
    show.add_argument("id", metavar="ID", help="its id")
    export = add_leaf(
        commands, "export", f"{RUN}:export", "write them whole, as JSON lines; they stay"
    )
    export.add_argument("file", nargs="?", metavar="FILE", help="a new file (default: stdout)")
    export.add_argument("--source", metavar="NAME", help="only those of this source")
    send = add_leaf(
        commands, "send", f"{RUN}:send", "send some to a webhook now, each in a request of its own"
    )
    send.add_argument("--to", required=True, metavar="WEBHOOK", help="its id or name")
    drop = add_leaf(commands, "drop", f"{RUN}:drop", "forget some, after asking")
    add_yes(drop)
    for command, which in ((send, "every one that was not sent"), (drop, "all")):
        command.add_argument("ids", nargs="*", metavar="ID", help="the id of one")
        command.add_argument("--source", metavar="NAME", help=f"{which} of this source")
    for command in (listing, show, send):
        add_json(command)
