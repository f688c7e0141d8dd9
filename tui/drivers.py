"""What lies between the app and its terminal, with less to wake up for.

Textual's own asks ten times a second whether it still listens, and writes every repaint in three
pieces, each of which wakes a thread. Where it does neither, nothing here changes anything.
"""

from __future__ import annotations

import os
import select
import threading
import time
from typing import TYPE_CHECKING, Any

from textual.app import App

if TYPE_CHECKING:
    from textual.driver import Driver

BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""Around each repaint, for a terminal that then shows it at once."""

ATTENTIVE_S = 1.0
"""How long after input more of the same key may come, or nothing, which then means escape."""


class InputOrEnd(threading.Event):
    """That the driver ends; the thread that asks for it is answered when there is input, or then.

    Any other thread is answered at once.
    """

    def __init__(self, fileno: int, attentive_s: float = ATTENTIVE_S) -> None:
        super().__init__()
        self._attentive_s = attentive_s
        self._fileno = fileno
        self._woken, self._waker = os.pipe()
        self._heard_s = time.monotonic()

    def set(self) -> None:
        super().set()
        os.write(self._waker, b".")

    def clear(self) -> None:
        super().clear()
        while select.select([self._woken], [], [], 0)[0]:
            os.read(self._woken, 1)

    def is_set(self) -> bool:
        if threading.current_thread() is not threading.main_thread():
            self._wait_for_either()
        return super().is_set()

    def _wait_for_either(self) -> None:
        timeout_s = 0 if time.monotonic() - self._heard_s < self._attentive_s else None
        if self._fileno in select.select([self._fileno, self._woken], [], [], timeout_s)[0]:
            self._heard_s = time.monotonic()


def wake_less(app: App[Any]) -> None:
    """Let the app that is to be run have such a driver."""
    app.driver_class = _calm(app.driver_class)


def _calm(driver: type[Driver]) -> type[Driver]:
    class CalmDriver(driver):  # type: ignore[misc, valid-type]  # the base depends on the platform
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self._repaint: list[str] = []
            if hasattr(self, "exit_event") and hasattr(self, "fileno"):
                self.exit_event = InputOrEnd(self.fileno)

        def write(self, data: str) -> None:
            if data == BEGIN or self._repaint:
                self._repaint.append(data)
            else:
                super().write(data)
            if data == END and self._repaint:
                written, self._repaint = "".join(self._repaint), []
                super().write(written)

    return CalmDriver
