"""`tocsin config`, `service`, `demo` and `completion`: how Tocsin lives on this host."""

from __future__ import annotations

from argparse import SUPPRESS

from cli.grammar.parts import (
    Commands,
    Parser,
    add_commands,
    add_json,
    add_leaf,
    add_mouse,
    add_new_store,
    add_standalone_leaf,
    add_yes,
)


def build_config(parser: Parser) -> None:
    """Add every command about settings."""
    commands = add_commands(parser)
    show = add_leaf(
        commands, "show", "cli.commands.config:show", "show every setting and where it came from"
    )
    add_json(show)
    change = add_leaf(
        commands, "set", "cli.commands.config:set_value", "keep the value of a setting in the store"
    )
    unset = add_leaf(
        commands, "unset", "cli.commands.config:unset_value", "take a setting out of the store"
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
        "cli.commands.config:export_all",
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
        "cli.commands.config:import_all",
        "make and change what such a document says; what is not in it stays",
    )
    bring.add_argument("file", metavar="FILE", help='the document, or "-" for stdin')
    bring.add_argument(
        "--dry-run", action="store_true", help="print what would be made or changed, do nothing"
    )
    add_yes(bring)


def build_service(parser: Parser) -> None:
    """Add every command about the service of this host."""
    commands = add_commands(parser)
    install = add_standalone_leaf(
        commands,
        "install",
        "cli.commands.service:install",
        "make the user, the store, the unit and the sudo rule of this host's service",
    )
    install.add_argument(
        "--with-wireguard",
        action="store_true",
        help="let the service watch this host's WireGuard interfaces",
    )
    add_new_store(install, default=SUPPRESS)
    uninstall = add_standalone_leaf(
        commands,
        "uninstall",
        "cli.commands.service:uninstall",
        "remove the unit and the sudo rule, and keep the store and its key",
    )
    uninstall.add_argument(
        "--purge", action="store_true", help="remove the store, its key and the user too"
    )
    add_yes(uninstall)
    add_standalone_leaf(
        commands,
        "dump",
        "cli.commands.service:dump",
        "print what `wg show all dump` does without keys; the service's account may, as root",
    )
    for command in (install, uninstall):
        command.add_argument(
            "--dry-run", action="store_true", help="print every file and command and do nothing"
        )
        command.add_argument(
            "--root", metavar="DIR", default="/", help="work on the system image in DIR"
        )


def add_completion(commands: Commands, name: str, help_text: str) -> None:
    """Add `tocsin completion`."""
    completion = add_standalone_leaf(commands, name, "cli.commands.completion:show", help_text)
    completion.add_argument("shell", choices=("bash", "zsh"), help="the shell it is for")


def add_demo(commands: Commands, name: str, help_text: str) -> None:
    """Add `tocsin demo`."""
    parser = add_standalone_leaf(commands, name, "cli.commands.demo:run", help_text)
    add_mouse(parser, default=SUPPRESS)
