"""`tocsin demo`: the screen, live, on a store that is thrown away."""

from __future__ import annotations

import os
import random
from argparse import Namespace
from pathlib import Path

from msgspec.structs import replace

from cli.commands.screen import check_terminal, show_screen
from cli.config import FLAG, Configuration, Places, read_configuration
from cli.context import Context
from cli.demo.feed import append_backlog, happening
from cli.demo.stage import HURRIED, fill, set_up
from cli.exit_codes import ExitCode
from domain.settings import STORE_PATHS, settings_from

OF_THE_SCREEN = ("theme", "mouse")
"""Settings that hold here too, whoever gave them; the others are about a store that is not ours."""


def run(args: Namespace, context: Context) -> ExitCode:
    """Show the screen on made-up events and a receiver of this machine; leave nothing behind."""
    check_terminal(context.out)
    read = read_configuration(args, os.environ, Places(is_root=os.geteuid() == 0))
    with set_up() as stage, _context_on(configured(read, stage.folder), context) as demo:
        dice = random.Random()  # noqa: S311 - made-up events are no secrets
        store = demo.open_store()
        append_backlog(store, dice, demo.now_ms())
        fill(store, stage.port, demo)
        with happening(store, dice, demo.now_ms):
            return show_screen(demo, store, demo=True)


def configured(read: Configuration, folder: Path) -> Configuration:
    """What was read, but for all that leads to a store, a receiver or a network of the admin's."""
    given = {
        name: one for name, one in read.given.items() if one.origin == FLAG or name in OF_THE_SCREEN
    }
    given = {**HURRIED, **given}
    for name in STORE_PATHS:
        given.pop(name, None)
    settings = settings_from({name: one.value for name, one in given.items()})
    db = folder / "tocsin.db"
    return replace(read, given=given, settings=settings, db=db, is_hosts=False)


def _context_on(configuration: Configuration, context: Context) -> Context:
    """What every command has, for the demo's own store."""
    return Context(configuration, context.actor, context.out)
