"""Grammar of `tocsin alert ...`, loaded to parse a command line without its commands."""

from __future__ import annotations

from cli.parser import Parser, add_commands, add_json, add_leaf, metavar_of
from domain.alert_kinds import KINDS
from domain.options import Option

RUN = "cli.alert.commands"


def build(parser: Parser) -> None:
    """Add the commands about the kinds of alerts."""
    commands = add_commands(parser)
    listing = add_leaf(commands, "list", f"{RUN}:list_all", "list the kinds of alerts")
    show = add_leaf(commands, "show", f"{RUN}:show", "show one kind whole")
    show.add_argument("kind", metavar="KIND", help="the kind of alert")
    edit = add_leaf(commands, "edit", f"{RUN}:edit", "switch kinds on or off, or tune them")
    reset = add_leaf(commands, "reset", f"{RUN}:reset", "let the defaults of kinds hold again")
    for command in (edit, reset):
        command.add_argument("kinds", nargs="+", metavar="KIND", help="the kind of alert")
    for option in _options().values():
        edit.add_argument(
            f"--{option.name}",
            dest=f"option_{option.name}",
            metavar=metavar_of(option.kind),
            help=option.description.replace("%", "%%"),
        )
    for command in (listing, show):
        add_json(command)


def _options() -> dict[str, Option]:
    """The options of all kinds; a name means the same in each."""
    found: dict[str, Option] = {}
    for kind in KINDS:
        for default in kind.defaults:
            found.setdefault(default.name, default)
    return found
