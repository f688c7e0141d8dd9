"""Grammar of `tocsin event ...`."""

from __future__ import annotations

import argparse

from cli.parser import (
    EVENT_TYPES,
    TYPE_AND_ID,
    Parser,
    add_commands,
    add_event_choice,
    add_follow,
    add_json,
    add_leaf,
    add_limit,
    add_since,
)

RUN = "cli.event.commands"
EMIT = "cli.event.emit:emit_events"


class _WithoutStore(argparse.Action):
    """Action of --socket: the command then needs neither a store nor settings."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, _: str | None = None
    ) -> None:
        setattr(namespace, self.dest, values)
        namespace.standalone = True


def build(parser: Parser) -> None:
    """Add the commands about events."""
    commands = add_commands(parser)
    emit = add_leaf(commands, "emit", EMIT, "queue events: one object, an array or JSON lines")
    emit.add_argument("file", nargs="?", default="-", metavar="FILE", help="a file; - is stdin")
    emit.add_argument(
        "--socket",
        action=_WithoutStore,
        metavar="PATH",
        help="hand them to the running Tocsin whose socket this is, without opening a store",
    )
    listing = add_leaf(commands, "list", f"{RUN}:list_all", "list kept events")
    listing.add_argument("--type", choices=EVENT_TYPES, help="only those of this type")
    listing.add_argument(
        "--search",
        metavar="TEXT",
        help="only those with this text in their JSON; with ! before it those without",
    )
    add_since(listing, "only those accepted since then, such as 1h")
    add_limit(listing, 100, "newest last")
    add_follow(listing)
    add_json(listing)
    show = add_leaf(commands, "show", f"{RUN}:show", "show one event and who got it")
    show.add_argument(
        "type_and_id",
        nargs="+",
        metavar=TYPE_AND_ID,
        help="its id; before it its type, where several have one of this id",
    )
    add_event_choice(show)
    add_json(show)
