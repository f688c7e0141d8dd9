"""Grammar of `tocsin audit`, loaded to parse a command line without its commands."""

from __future__ import annotations

from cli.parser import Commands, add_filter, add_json, add_leaf, add_limit, add_since


def add_audit(commands: Commands, name: str, help_text: str) -> None:
    """Add `tocsin audit`."""
    audit = add_leaf(commands, name, "cli.audit.commands:list_all", help_text)
    audit.add_argument("--webhook", metavar="ID", help="only changes of this webhook")
    add_since(audit, "only changes since then, such as 1d")
    add_filter(audit, "webhook:NAME, since:1h")
    add_limit(audit, 100, "newest first")
    add_json(audit)
