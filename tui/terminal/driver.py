"""Driver of the terminal: input of any bytes, no polling, and as much of the mouse as is set.

Textual's own driver wakes ten times a second to see if it should end, requests every move of the
mouse, and gives up the whole screen at a byte that is no UTF-8 and at a sequence for a key that
cannot be.
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
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui.terminal.private_parts import are_known

if TYPE_CHECKING:
    from textual._xterm_parser import XTermParser

OFF, CLICKS = "off", "clicks"
EVERY_MOVE, DRAGS = "\x1b[?1003", "\x1b[?1002"

MOST_READ = 4096
TICK_S = 0.1
"""Time without more input after which a key is complete, such as escape alone."""

ATTENTIVE_S = 1.0
"""Time after input for which the driver wakes to see if a key is complete."""


def use_driver(app: App[Any], mouse: str) -> bool:
    """Give the app the driver for a setting of the mouse; return whether it runs with the mouse."""
    if app.driver_class is LinuxDriver and are_known("driver"):
        app.driver_class = ClicksDriver if mouse == CLICKS else TerminalDriver
    return mouse != OFF


class TerminalDriver(LinuxDriver):
    """Driver of Textual that sleeps until there is input or it is to end."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.exit_event = self._end = EndEvent()

    def run_input_thread(self) -> None:
        """Post the keys that are typed, until the driver ends."""
        from textual._xterm_parser import XTermParser

        typed = TypedInput(lambda: XTermParser(self._debug))
        for data in input_of(self.fileno, self._end):
            for message in (*typed.take(data), *typed.complete()):
                self.process_message(message)


class ClicksDriver(TerminalDriver):
    """Driver that requests moves of the mouse only while a button is down, to save bytes."""

    def write(self, data: str) -> None:
        super().write(data.replace(EVERY_MOVE, DRAGS))


class EndEvent(threading.Event):
    """Event that a `select` can wait for: `descriptor` is readable while it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptor, self._waker = os.pipe()

    def set(self) -> None:
        super().set()
        os.write(self._waker, b".")

    def clear(self) -> None:
        super().clear()
        while select.select([self.descriptor], [], [], 0)[0]:
            os.read(self.descriptor, 1)


def input_of(
    descriptor: int, end: EndEvent, *, attentive_s: float = ATTENTIVE_S
) -> Iterator[bytes]:
    """Yield the bytes that are typed until the end, and b"" after a while without any.

    A terminal that is gone is not read again.
    """
    sources = [descriptor]
    last_s = 0.0
    while not end.is_set():
        is_attentive = time.monotonic() - last_s < attentive_s
        timeout_s = TICK_S if is_attentive else None
        ready = select.select([*sources, end.descriptor], [], [], timeout_s)[0]
        typed = b""
        if descriptor in ready:
            last_s = time.monotonic()
            try:
                typed = os.read(descriptor, MOST_READ)
            except OSError:
                typed = b""
            if not typed:
                sources.clear()
        yield typed


class TypedInput:
    """Parser of the bytes of a terminal; U+FFFD stands for each that is no UTF-8."""

    def __init__(self, new_parser: Callable[[], XTermParser]) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._new_parser = new_parser
        self._parser = new_parser()

    def take(self, typed: bytes) -> Iterator[Message]:
        """Yield the keys and pastes that end with these bytes."""
        for character in self._decode(typed):
            yield from self._read(methodcaller("feed", character))

    def complete(self) -> Iterator[Message]:
        """Yield the keys that are complete since nothing followed, as escape alone."""
        return self._read(methodcaller("tick"))

    def _read(self, read: Callable[[XTermParser], Iterable[Message]]) -> Iterator[Message]:
        try:
            yield from read(self._parser)
        except Exception:  # no terminal sends that; what comes behind it is read as ever
            self._parser = self._new_parser()
