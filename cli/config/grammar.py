"""Grammar of `tocsin config ...`, loaded to parse a command line without its commands."""

from __future__ import annotations

from cli.parser import Commands, Parser, add_commands, add_json, add_leaf, add_yes


def build(parser: Parser) -> None:
    """Add the commands about settings."""
    commands = add_commands(parser)
    show = add_leaf(
        commands, "show", "cli.config.commands:show", "show every setting and where it came from"
    )
    add_json(show)
    change = add_leaf(
        commands, "set", "cli.config.commands:set_value", "keep the value of a setting in the store"
    )
    unset = add_leaf(
        commands, "unset", "cli.config.commands:unset_value", "take a setting out of the store"
    )
    for command in (change, unset):
        command.add_argument("name", metavar="NAME", help="the setting, as `config show` names it")
    change.add_argument("value", metavar="VALUE", help="its value, such as 3m")
    _add_export(commands)
    _add_import(commands)


def _add_export(commands: Commands) -> None:
    export = add_leaf(
        commands,
        "export",
        "cli.config.transfer:export_all",
        "write what is configured in the store as one JSON document",
    )
    export.add_argument(
        "file", metavar="FILE", nargs="?", help="the file to make (default: stdout)"
    )
    export.add_argument(
        "--reveal",
        action="store_true",
        help="write URLs, header values and secrets in clear; is recorded in the audit trail",
    )
    add_yes(export)


def _add_import(commands: Commands) -> None:
    bring = add_leaf(
        commands,
        "import",
        "cli.config.transfer:import_all",
        "make and change what such a document says; what is not in it stays",
    )
    bring.add_argument("file", metavar="FILE", help='the document, or "-" for stdin')
    bring.add_argument(
        "--dry-run", action="store_true", help="print what would be made or changed, do nothing"
    )
    add_yes(bring)
