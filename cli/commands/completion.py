"""`tocsin completion`: the completion script of a shell."""

from __future__ import annotations

from argparse import Namespace

from cli.completion import script
from cli.context import Context
from cli.exit_codes import ExitCode


def show(args: Namespace, context: Context) -> ExitCode:
    """Print the script to stdout."""
    context.out.data(script(args.shell).rstrip("\n"))
    return ExitCode.OK
