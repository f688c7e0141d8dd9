"""Grammar of `tocsin delivery ...`."""

from __future__ import annotations

from cli.parser import (
    Commands,
    Parser,
    add_commands,
    add_event_choice,
    add_filter,
    add_follow,
    add_json,
    add_leaf,
    add_limit,
    add_since,
    add_yes,
    count,
    moment,
)

RUN = "cli.delivery.commands"
STATES = ("pending", "delivered", "skipped", "resealed")


def build(parser: Parser) -> None:
    """Add the commands about deliveries."""
    commands = add_commands(parser)
    _list(commands)
    show = add_leaf(commands, "show", f"{RUN}:show", "show one delivery and its attempts")
    what = show.add_mutually_exclusive_group()
    what.add_argument("--body", action="store_true", help="print the exact bytes of its POST body")
    what.add_argument(
        "--curl",
        action="store_true",
        help="print its request as a curl command, its secrets masked",
    )
    add_json(what)
    retry = add_leaf(commands, "retry", f"{RUN}:retry", "make the next attempt now")
    skip = add_leaf(commands, "skip", f"{RUN}:skip", "give up a delivery for ever")
    reseal = add_leaf(
        commands, "reseal", f"{RUN}:reseal", "end a delivery and seal its events anew under new ids"
    )
    for command in (show, retry, skip, reseal):
        command.add_argument("id", metavar="ID", help="the delivery's id, msg_...")
    reseal.add_argument("--max-events", type=count, metavar="N", help="at most N events a request")
    reseal.add_argument("--without", metavar="EVENT", help="set the event of this id aside")
    add_event_choice(reseal)
    for command in (skip, reseal):
        add_yes(command)


def _list(commands: Commands) -> None:
    listing = add_leaf(commands, "list", f"{RUN}:list_all", "list deliveries")
    listing.add_argument("--webhook", metavar="ID", help="only those of this webhook")
    listing.add_argument("--state", choices=STATES, help="only those in this state")
    add_since(listing, "only those sealed since then, such as 1h")
    listing.add_argument(
        "--until", dest="until_ms", type=moment, metavar="TIME", help="only those sealed until then"
    )
    add_filter(listing, "state:failing, webhook:NAME, since:1h, status:5xx, type:alerts")
    add_limit(listing, 100, "newest last")
    add_follow(listing)
    add_json(listing)
