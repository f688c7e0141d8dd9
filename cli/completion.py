"""Completion scripts, made from the grammar."""

from __future__ import annotations

import argparse

from cli.grammar.tree import build

OF_FILES = ("FILE", "PATH")


def script(shell: str) -> str:
    """The script that teaches `shell` ("bash" or "zsh") to complete `tocsin`."""
    import shtab

    parser = build()
    _mark_files(parser, shtab.FILE)
    return shtab.complete(parser, shell=shell)


def _mark_files(parser: argparse.ArgumentParser, of_files: object) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _mark_files(child, of_files)
        elif action.metavar in OF_FILES:
            action.complete = of_files  # type: ignore[attr-defined]  # where shtab looks for it
