"""Putting a terminal back as it was when the screen cannot do it itself."""

from __future__ import annotations

import os
import termios
from contextlib import suppress
from typing import Any

LEAVE = (
    b"\x1b[?2026l"  # a repaint that was cut off is over
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l"  # the mouse is the terminal's again
    b"\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[<u"  # focus, paste, sizes and keys are told as ever
    b"\x1b[?7h"  # long lines are wrapped
    b"\x1b[?1049l\x1b[?25h"  # the lines from before, and a cursor
)


class TerminalModes:
    """The modes of the terminal as they are now."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._modes: list[Any] | None = None
        with suppress(termios.error, OSError):
            self._modes = termios.tcgetattr(descriptor)

    def restore(self) -> None:
        """Set them again and leave the screen; waits for nothing, since nobody may be reading."""
        if self._modes is None:
            return
        with suppress(termios.error, OSError):
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._modes)
        with suppress(OSError):
            os.set_blocking(self._descriptor, False)
            os.write(self._descriptor, LEAVE)
