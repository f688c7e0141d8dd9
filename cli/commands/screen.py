"""Bare `tocsin` on a terminal: the screen, with a worker of its own beside it."""

from __future__ import annotations

import os
import signal
import threading
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from cli.failures import bug_sentence
from domain.settings import Settings
from tui.app import TocsinApp
from tui.desk import Desk
from tui.worker_thread import WorkerThread

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
HARD_END_S = 0.5
"""How long after the last attempt the terminal may take to be restored."""


def open_screen(args: Namespace, context: Context) -> ExitCode:
    """Run the app until it is quit; then let the attempts in flight end."""
    _check_terminal()
    store = context.open_store()

    def merge(stored: Mapping[str, str]) -> Settings:
        return context.configuration.with_stored(stored).settings

    desk = Desk(store, context.actor, merge, context.now_ms, context.random_bytes)
    worker = None
    if not store.outdated:
        worker = WorkerThread(store.sibling(), context.settings, merge)
    app = TocsinApp(
        desk,
        worker=worker,
        keymap=context.configuration.keymap,
        keep_bug=lambda error: bug_sentence(error, context.db.parent),
    )
    grace_s = context.settings.grace_ms / 1000
    with _ending_on_signals(app, worker, grace_s):
        if worker is not None:
            worker.start()
        exit_code = app.run(mouse=True)
        if worker is not None:
            worker.stop()
            worker.join(grace_s)
    return ExitCode.BUG if exit_code else ExitCode.OK


def _check_terminal() -> None:
    if os.environ.get("TERM", "dumb") in ("dumb", "", "unknown"):
        raise Failure(
            "this terminal can show no screen (TERM is dumb): see `tocsin status`", ExitCode.USAGE
        )


@contextmanager
def _ending_on_signals(
    app: TocsinApp, worker: WorkerThread | None, grace_s: float
) -> Iterator[None]:
    """A hang-up or SIGTERM ends attempts, app and process, also when the terminal is stalled."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        if worker is not None:
            worker.stop()
        app.end_soon()
        threading.Thread(target=_end_hard, args=(worker, grace_s), daemon=True).start()

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_hard(worker: WorkerThread | None, grace_s: float) -> None:
    if worker is not None:
        worker.join(grace_s)
    threading.Event().wait(HARD_END_S)
    os._exit(ExitCode.OK)
