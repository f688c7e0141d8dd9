"""Bare `tocsin` on a terminal: the screen, with a worker of its own beside it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType

from cli.config_file import usable_keys, wrong_keys
from cli.context import Context, record_opening
from cli.exit_codes import ExitCode, Failure
from cli.output import Output
from cli.signals import SIGNALS, TerminalModes, handled, worker_end_s
from domain.settings import Settings
from store.database import Store
from tui.app import TocsinApp
from tui.state.store_access import SourceJobs, StoreAccess
from tui.state.worker_thread import WorkerThread
from tui.terminal.driver import use_driver

ENDED_BY_ITSELF = "the screen ended by itself: this is a bug in tocsin"
PATIENCE_S = 0.3
"""Time that an end may take before a line says that it waits."""

GOES_ON = "the screen has ended; its worker goes on sending, and Ctrl+C ends it"
LONG_S = 60.0
HARD_END_S = 0.5
"""Time after the last attempt in which the app may restore the terminal itself."""


def open_screen(args: Namespace, context: Context) -> ExitCode:
    """Show the screen on the store that the settings name."""
    check_terminal(context.out)
    return show_screen(context, context.open_store())


def check_terminal(out: Output) -> None:
    """Raise Failure where no screen can be shown."""
    if not out.stdout_is_terminal or not out.interactive:
        raise Failure("there is no terminal here to show a screen on", ExitCode.USAGE)
    if os.environ.get("TERM", "dumb") in ("dumb", "", "unknown"):
        raise Failure(
            "this terminal can show no screen (TERM is dumb): see `tocsin status`", ExitCode.USAGE
        )


def show_screen(context: Context, store: Store, *, demo: bool = False) -> ExitCode:
    """Run the app until it is quit; then let the attempts in flight end."""

    def merge(stored: Mapping[str, str]) -> Settings:
        return context.configuration.with_stored_in_thread(stored).settings

    begin = partial(record_opening, context)
    worker = WorkerThread(store.sibling, context.settings, merge, begin=begin)
    last_good = _LastGood(context)
    access = StoreAccess(
        store,
        context.actor,
        last_good.merge,
        context.now_ms,
        context.random_bytes,
        worker,
        last_good.origin,
        merge,
        uptime_ms=context.uptime_ms,
    )
    app = TocsinApp(
        access,
        keymap=usable_keys(context.configuration),
        news=_note_wrong_keys(context),
        keep_bug=partial(_keep_bug, context.db.parent),
        demo=demo,
    )
    return _run(app, _Work(worker, access.source_jobs), context, goes_on=not demo)


def _note_wrong_keys(context: Context) -> str:
    """Note the complaints about the keys of the file; return the notice for the first screen."""
    wrong = wrong_keys(context.configuration)
    for sentence in wrong:
        context.out.note(f"tocsin: {sentence}")
    more = f"; {len(wrong) - 1} more: tocsin config show" if len(wrong) > 1 else ""
    return f"{wrong[0]}{more}" if wrong else ""


def _keep_bug(folder: Path, error: BaseException) -> str:
    from cli.failures import bug_sentence

    return bug_sentence(error, folder)


def _run(app: TocsinApp, work: _Work, context: Context, *, goes_on: bool) -> ExitCode:
    """Run the app; if it ends by a bug, let the worker go on until the process is to end."""
    grace_s = worker_end_s(context.settings, takes=True)
    with _ending_on_signals(app, work, grace_s) as came:
        exit_code = app.run(mouse=use_driver(app, context.settings.mouse))
        has_failed = exit_code != ExitCode.OK and not came
        if has_failed and app.return_code is None:
            context.out.note(f"tocsin: {app.failures.last_bug or ENDED_BY_ITSELF}")
        if has_failed and goes_on and work.sends:
            context.out.note(f"tocsin: {GOES_ON}")
            work.wait()
        if signal.SIGHUP in came:
            context.out.abandon()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _let_end(work, context)
    if app.live.store.presence.is_gone:
        context.out.note(f"tocsin: {app.live.trouble}")
        return ExitCode.UNAVAILABLE
    return ExitCode.BUG if has_failed else ExitCode.OK


def _let_end(work: _Work, context: Context) -> None:
    work.stop()
    if not work.join(PATIENCE_S):
        context.out.note(waiting_words(context.settings, takes=work.takes))
        work.join(worker_end_s(context.settings, takes=True))


def waiting_words(settings: Settings, *, takes: bool) -> str:
    """The line that says for what an end waits, and for how long."""
    upto_s = worker_end_s(settings, takes=takes)
    what = "attempts in flight and what sources take" if takes else "attempts in flight"
    return f"Waiting up to {upto_s:.0f} s for {what}; Ctrl+C ends at once."


class _Work:
    """The work of other threads, which is to end well before the process does."""

    def __init__(self, worker: WorkerThread, jobs: SourceJobs) -> None:
        self._worker = worker
        self._jobs = jobs
        self._stopped = False

    def stop(self) -> None:
        """Begin nothing more; may be called from a signal handler."""
        self._stopped = True
        self._jobs.stop()
        self._worker.stop()

    @property
    def sends(self) -> bool:
        """True if there is a worker that sends, or stands by."""
        return self._worker.alive

    def wait(self) -> None:
        """Wait until the worker is stopped, or ends by itself."""
        while not self._stopped and self.sends:
            self.join(LONG_S)

    @property
    def takes(self) -> bool:
        """True if the answer to a source may be under way, which would be lost."""
        return self._jobs.any_under_way or self._worker.takes

    def join(self, timeout_s: float) -> bool:
        """Wait for the work under way; return whether all of it has ended."""
        ends_s = time.monotonic() + timeout_s
        worker_ended = self._worker.join(timeout_s)
        return self._jobs.join(max(0.0, ends_s - time.monotonic())) and worker_ended


class _LastGood:
    """The settings in force; while the store's are wrong, those that were in force before."""

    def __init__(self, context: Context) -> None:
        self._configuration = context.configuration

    def merge(self, stored: Mapping[str, str]) -> Settings:
        """The settings with those that the store has now."""
        with suppress(ValueError):
            self._configuration = self._configuration.with_stored_in_thread(stored)
        return self._configuration.settings

    def origin(self, name: str) -> str:
        """The origin of a setting's value in force."""
        return self._configuration.origin(name)


@contextmanager
def _ending_on_signals(app: TocsinApp, work: _Work, grace_s: float) -> Iterator[list[int]]:
    """End attempts, app and process at SIGHUP, SIGTERM or SIGINT, also on a stalled terminal.

    SIGQUIT ends the process at once, with the terminal restored. Yields the list of the signals
    that came.
    """
    came: list[int] = []
    modes = TerminalModes(sys.__stderr__.fileno()) if sys.__stderr__ is not None else None

    def handle(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        work.stop()
        app.end_soon()
        threading.Thread(target=_end_hard, args=(work, grace_s, modes), daemon=True).start()

    def end_at_once(number: int, _frame: FrameType | None) -> None:
        if modes is not None:
            modes.restore()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    with handled({**dict.fromkeys(SIGNALS, handle), signal.SIGQUIT: end_at_once}):
        yield came


def _end_hard(work: _Work, grace_s: float, modes: TerminalModes | None) -> None:
    work.join(grace_s)
    threading.Event().wait(HARD_END_S)
    if modes is not None:
        modes.restore()
    os._exit(ExitCode.OK)
