"""Grammar of `tocsin token ...`, loaded to parse a command line without its commands."""

from __future__ import annotations

from cli.parser import Parser, add_commands, add_json, add_leaf, add_yes

RUN = "cli.token.commands"


def build(parser: Parser) -> None:
    """Add the commands about tokens."""
    commands = add_commands(parser)
    listing = add_leaf(commands, "list", f"{RUN}:list_all", "list the tokens and their last use")
    add = add_leaf(commands, "add", f"{RUN}:add", "make a token and print it, this once")
    add.add_argument("name", metavar="NAME", help="the program or host that will use it")
    delete = add_leaf(commands, "delete", f"{RUN}:delete", "let nobody in with these tokens")
    delete.add_argument("names", nargs="+", metavar="NAME", help="the token")
    add_yes(delete)
    for command in (listing, add):
        add_json(command)
