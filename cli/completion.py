"""`tocsin completion`: the completion script of a shell."""

from __future__ import annotations

import argparse
from argparse import Namespace

from cli.context import Context
from cli.parser import EVENT_TYPES, TYPE_AND_ID, Commands, add_standalone_leaf, build
from domain.settings import BY_NAME

OF_FILES = ("FILE", "PATH")


def script(shell: str) -> str:
    """The script that teaches `shell` ("bash" or "zsh") to complete `tocsin`."""
    import shtab

    parser = build()
    _mark(parser, shtab.FILE)
    return shtab.complete(parser, shell=shell)


def _mark(parser: argparse.ArgumentParser, of_files: object) -> None:
    """Say of what files, settings and types of event are completed."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _mark(child, of_files)
        elif action.metavar in OF_FILES:
            action.complete = of_files  # type: ignore[attr-defined]  # where shtab looks for it
        elif action.metavar == TYPE_AND_ID:
            action.choices = EVENT_TYPES
        elif action.dest == "name" and not action.option_strings:
            action.choices = list(BY_NAME)


def show(args: Namespace, context: Context) -> None:
    """Print the script to stdout."""
    context.out.data(script(args.shell).rstrip("\n"))


def add(commands: Commands, name: str, help_text: str) -> None:
    """Add `tocsin completion` to the grammar."""
    completion = add_standalone_leaf(commands, name, "cli.completion:show", help_text)
    completion.add_argument("shell", choices=("bash", "zsh"), help="the shell it is for")
