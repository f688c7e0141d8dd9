"""Grammar of `tocsin demo`, loaded to parse a command line without its commands."""

from __future__ import annotations

from argparse import SUPPRESS

from cli.parser import Commands, add_mouse, add_standalone_leaf


def add_demo(commands: Commands, name: str, help_text: str) -> None:
    """Add `tocsin demo`."""
    parser = add_standalone_leaf(commands, name, "cli.demo.commands:run", help_text)
    add_mouse(parser, default=SUPPRESS)
