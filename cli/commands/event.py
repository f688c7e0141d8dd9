"""`tocsin event`: queue events and look at them."""

from __future__ import annotations

from argparse import Namespace

from cli.context import Context
from cli.exit_codes import ExitCode


def emit(args: Namespace, context: Context) -> ExitCode:
    """Queue events: one object, an array (all or nothing) or JSON lines."""
    from cli import emit as emitting

    return emitting.emit(args, context)
