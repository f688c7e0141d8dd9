"""Completion scripts, made from the grammar."""

from __future__ import annotations

import argparse

from cli.grammar.parts import EVENT_TYPES, TYPE_AND_ID
from cli.grammar.tree import build
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
