"""Signals: a clean end of the process, and the modes of the terminal restored."""

from __future__ import annotations

import os
import signal
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from domain.settings import Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MARGIN_S = 5.0
"""Time beyond the grace period after which the process is ended hard."""

LEAVE = (
    b"\x1b[?2026l"  # a repaint that was cut off is over
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l"  # no reports of the mouse
    b"\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[<u"  # reports of focus, paste, sizes and keys end
    b"\x1b[?7h"  # long lines are wrapped
    b"\x1b[?1049l\x1b[?25h"  # the lines from before, and the cursor
)


def worker_end_s(settings: Settings, *, takes: bool) -> float:
    """Time that a worker may take to end: for its attempts, and if a source takes, for that."""
    return settings.grace_ms / 1000 + (source_end_s() if takes else 0.0)


def source_end_s() -> float:
    """Time that a source may take to end: the events under way may be gone where they came from."""
    from sources.polling import TAKING_PATIENCE_S

    return TAKING_PATIENCE_S


@contextmanager
def stop_on_signals(stop: Callable[[], object], grace_s: Callable[[], float]) -> Iterator[None]:
    """Call `stop` at the first signal; end the process at the second, or when grace is over.

    `grace_s` is called when the signal comes.

    A plain handler, not the loop's: it also runs while the loop hangs. The hard end costs at most
    a repeat, like a crash. A second SIGHUP does not count: a closing terminal sends two, the
    kernel's and the shell's.
    """
    stopping = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            if number != signal.SIGHUP:
                os._exit(ExitCode.INTERRUPTED)
            return
        stopping.set()
        _end_hard_after(grace_s() + MARGIN_S)
        stop()

    with handled(dict.fromkeys(SIGNALS, handle)):
        yield


@contextmanager
def handled(handlers: Mapping[int, Callable[[int, FrameType | None], object]]) -> Iterator[None]:
    """Set handlers of signals, and afterwards those from before."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_hard_after(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, (int(ExitCode.TEMPORARY),))
    timer.daemon = True
    timer.start()


class TerminalModes:
    """Modes of a terminal as they were when this was made."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._modes: list[Any] | None = None
        with suppress(termios.error, OSError):
            self._modes = termios.tcgetattr(descriptor)

    def restore(self) -> None:
        """Set the modes again and leave the screen; never waits, since nobody may be reading."""
        if self._modes is None:
            return
        with suppress(termios.error, OSError):
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._modes)
        with suppress(OSError):
            os.set_blocking(self._descriptor, False)
            os.write(self._descriptor, LEAVE)
