"""Grammar of `tocsin service ...`, loaded to parse a command line without its commands."""

from __future__ import annotations

from argparse import SUPPRESS

from cli.parser import Parser, add_commands, add_new_store, add_standalone_leaf, add_yes


def build(parser: Parser) -> None:
    """Add the commands about the service of this host."""
    commands = add_commands(parser)
    install = add_standalone_leaf(
        commands,
        "install",
        "cli.service.commands:install",
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
        "cli.service.commands:uninstall",
        "remove the unit and the sudo rule, and keep the store and its key",
    )
    uninstall.add_argument(
        "--purge", action="store_true", help="remove the store, its key and the user too"
    )
    add_yes(uninstall)
    add_standalone_leaf(
        commands,
        "dump",
        "cli.service.commands:dump",
        "print what `wg show all dump` does without keys; the service's account may, as root",
    )
    for command in (install, uninstall):
        command.add_argument(
            "--dry-run", action="store_true", help="print every file and command and do nothing"
        )
        command.add_argument(
            "--root", metavar="DIR", default="/", help="work on the system image in DIR"
        )
