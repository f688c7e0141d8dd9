"""Grammar of `tocsin status`, loaded to parse a command line without its commands."""

from __future__ import annotations

from cli.parser import Commands, add_json, add_leaf


def add_status(commands: Commands, name: str, help_text: str) -> None:
    """Add `tocsin status`."""
    status = add_leaf(commands, name, "cli.status.commands:show", help_text)
    how = status.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help="go on and show every change")
    how.add_argument(
        "--check",
        action="store_true",
        help="print one line; exit code 1 if anything fails or waits too long",
    )
    add_json(status)
