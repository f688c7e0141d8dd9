"""What lies between the app and its terminal: less to wake up for, and input that ends nothing.

Textual's own asks ten times a second whether it still listens, and writes every repaint in three
pieces, each of which wakes a thread. It gives up the whole screen at a byte that is no UTF-8, and
at a sequence that names a key there cannot be. Where it does none of this, nothing here changes
anything.
"""

from __future__ import annotations

import os
import select
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.message import Message

if TYPE_CHECKING:
    from textual._xterm_parser import XTermParser
    from textual.driver import Driver

BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""Around each repaint, for a terminal that then shows it at once."""

MOST_READ = 4096
TICK_S = 0.1
"""How often it is asked whether a key has come to its end."""

ATTENTIVE_S = 1.0
"""How long after input more of the same key may come, or nothing, which then means escape."""


class InputOrEnd(threading.Event):
    """That the driver ends; the thread that asks for it is answered when there is input, or then.

    Any other thread is answered at once.
    """

    def __init__(self, fileno: int, attentive_s: float = ATTENTIVE_S) -> None:
        super().__init__()
        self._attentive_s = attentive_s
        self._sources = [fileno]
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

    def hear(self, timeout_s: float) -> bytes:
        """What was typed within a time, b"" if nothing was; a terminal that is gone is left."""
        if not self._is_heard(timeout_s):
            return b""
        try:
            typed = os.read(self._sources[0], MOST_READ)
        except OSError:
            typed = b""
        if not typed:
            self._sources.clear()
        return typed

    def _wait_for_either(self) -> None:
        attentive = time.monotonic() - self._heard_s < self._attentive_s
        self._is_heard(0 if attentive else None)

    def _is_heard(self, timeout_s: float | None) -> bool:
        ready = select.select([*self._sources, self._woken], [], [], timeout_s)[0]
        if not any(source in ready for source in self._sources):
            return False
        self._heard_s = time.monotonic()
        return True


class TypedInput:
    """Bytes from a terminal, made into what was typed; U+FFFD for each that is no UTF-8."""

    def __init__(self, new_parser: Callable[[], XTermParser]) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._new_parser = new_parser
        self._parser = new_parser()

    def take(self, typed: bytes) -> Iterator[Message]:
        """What the bytes mean, with those before them."""
        for character in self._decode(typed):
            yield from self._read(methodcaller("feed", character))

    def wait_no_more(self) -> Iterator[Message]:
        """What it means that nothing came since, as escape alone does."""
        return self._read(methodcaller("tick"))

    def _read(self, read: Callable[[XTermParser], Iterable[Message]]) -> Iterator[Message]:
        try:
            yield from read(self._parser)
        except Exception:  # no terminal sends that; what comes behind it is read as ever
            self._parser = self._new_parser()


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

        def run_input_thread(self) -> None:
            """Hand on what is typed until the driver ends."""
            typed = _typed_input(self._debug)
            if typed is None or not isinstance(self.exit_event, InputOrEnd):
                super().run_input_thread()
                return
            while not self.exit_event.is_set():
                for message in (*typed.take(self.exit_event.hear(TICK_S)), *typed.wait_no_more()):
                    self.process_message(message)

        def write(self, data: str) -> None:
            if data == BEGIN or self._repaint:
                self._repaint.append(data)
            else:
                super().write(data)
            if data == END and self._repaint:
                written, self._repaint = "".join(self._repaint), []
                super().write(written)

    return CalmDriver


def _typed_input(debug: bool) -> TypedInput | None:
    """None for a Textual whose private parser is another."""
    try:
        from textual._xterm_parser import XTermParser
    except ImportError:
        return None
    return TypedInput(lambda: XTermParser(debug))
