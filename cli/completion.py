"""`tocsin completion`: the completion script of a shell, small as it is the whole command."""

from __future__ import annotations

import argparse
from argparse import Namespace

from cli.context import Context
from cli.parser import EVENT_TYPES, TYPE_AND_ID, Commands, add_standalone_leaf, build
from domain.settings import BY_NAME

FILE_METAVARS = ("FILE", "PATH")


def script(shell: str) -> str:
    """The completion script of `tocsin` for "bash" or "zsh"."""
    import shtab

    parser = build()
    _mark(parser, shtab.FILE)
    return shtab.complete(parser, shell=shell)


def _mark(parser: argparse.ArgumentParser, of_files: object) -> None:
    """Mark the arguments that are files, settings or types of event."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _mark(child, of_files)
        elif action.metavar in FILE_METAVARS:
            action.complete = of_files  # type: ignore[attr-defined]  # read by shtab
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
