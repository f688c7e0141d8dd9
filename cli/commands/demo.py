"""`tocsin demo`: the screen, live, on a store that is thrown away."""

from __future__ import annotations

import random
from argparse import Namespace
from dataclasses import replace

from cli.commands.screen import check_terminal, show_screen
from cli.config import given_by_flags
from cli.context import Context
from cli.demo.feed import append_backlog, happening
from cli.demo.stage import HURRIED, Stage, fill, set_up
from cli.exit_codes import ExitCode
from domain.settings import settings_from


def run(args: Namespace, context: Context) -> ExitCode:
    """Show the screen on made-up events and a receiver of this machine; leave nothing behind."""
    check_terminal(context.out)
    with set_up() as stage, _context_on(stage, args, context) as demo:
        dice = random.Random()  # noqa: S311 - made-up events are no secrets
        store = demo.open_store()
        append_backlog(store, dice, demo.now_ms())
        fill(store, stage.port, demo)
        with happening(store, dice, demo.now_ms):
            return show_screen(demo, store, demo=True)


def _context_on(stage: Stage, args: Namespace, context: Context) -> Context:
    """What every command has, for the demo's own store."""
    given = {**HURRIED, **given_by_flags(args)}
    given.pop("db", None)
    configuration = replace(
        context.configuration,
        given=given,
        settings=settings_from({name: one.value for name, one in given.items()}),
        db=stage.folder / "tocsin.db",
    )
    return Context(configuration, context.actor, context.out)
