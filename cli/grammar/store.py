"""`tocsin status`, `tocsin audit` and `tocsin db ...`: what the store says, and its upkeep."""

from __future__ import annotations

from cli.grammar.parts import (
    Commands,
    Parser,
    add_commands,
    add_filter,
    add_json,
    add_leaf,
    add_limit,
    add_since,
    add_yes,
)

RUN = "cli.commands.db"


def add_status(commands: Commands, name: str, help_text: str) -> None:
    """Add `tocsin status`."""
    status = add_leaf(commands, name, "cli.commands.status:show", help_text)
    how = status.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help="go on and show every change")
    how.add_argument(
        "--check",
        action="store_true",
        help="print one line; exit code 1 if anything fails or waits too long",
    )
    add_json(status)


def add_audit(commands: Commands, name: str, help_text: str) -> None:
    """Add `tocsin audit`."""
    audit = add_leaf(commands, name, "cli.commands.audit:list_all", help_text)
    audit.add_argument("--webhook", metavar="ID", help="only changes of this webhook")
    add_since(audit, "only changes since then, such as 1d")
    add_filter(audit, "webhook:NAME, since:1h")
    add_limit(audit, 100, "newest first")
    add_json(audit)


def build(parser: Parser) -> None:
    """Add every command of `tocsin db`."""
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
    rekey = add_leaf(
        commands, "rekey", "cli.commands.rekey:rekey", "encrypt all secrets with a new key"
    )
    add_yes(rekey)
    add_leaf(commands, "prune", f"{RUN}:prune", "drop what is kept longer than settings say")
