"""`tocsin event`: queue events and look at them. Each part is loaded only when it is asked for."""

from __future__ import annotations

from argparse import Namespace

from cli.context import Context
from cli.exit_codes import ExitCode


def emit(args: Namespace, context: Context) -> ExitCode:
    """Queue events: one object, an array or JSON lines."""
    from cli.emit import emit_events

    return emit_events(args, context)


def list_all(args: Namespace, context: Context) -> ExitCode:
    """List the newest kept events."""
    from cli.event_lists import list_events

    return list_events(args, context)


def show(args: Namespace, context: Context) -> ExitCode:
    """Show one event and the deliveries that carried it."""
    from cli.event_lists import show_event

    return show_event(args, context)
