"""Grammar of `tocsin db ...`, loaded to parse a command line without its commands."""

from __future__ import annotations

from cli.parser import Parser, add_commands, add_json, add_leaf, add_yes

RUN = "cli.db.commands"


def build(parser: Parser) -> None:
    """Add the commands of `tocsin db`."""
    commands = add_commands(parser)
    add_leaf(commands, "upgrade", f"{RUN}:upgrade", "make the store or bring it up to date")
    add_json(add_leaf(commands, "check", f"{RUN}:check", "look for damage"))
    backup = add_leaf(commands, "backup", f"{RUN}:backup", "write a copy of the store to a file")
    backup.add_argument("file", metavar="FILE", help="the file to make")
    backup.add_argument(
        "--with-key", action="store_true", help="copy the key to FILE.key; it opens the secrets"
    )
    restore = add_leaf(
        commands,
        "restore",
        f"{RUN}:restore",
        "fill an empty or missing store from a backup, sending paused",
    )
    restore.add_argument("file", metavar="FILE", help="the backup")
    add_yes(restore)
    rekey = add_leaf(commands, "rekey", "cli.db.rekey:rekey", "encrypt all secrets with a new key")
    add_yes(rekey)
    add_leaf(commands, "prune", f"{RUN}:prune", "drop what is kept longer than settings say")
