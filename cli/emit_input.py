"""The input of `event emit`: bytes as they come, cut into lines or read whole."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK_BYTES = 4 << 20
"""What one commit takes at most. Other writers get their turn while the next chunk is read."""

READ_BYTES = 1 << 20
LINE_LIMIT = 4 << 20
DOCUMENT_LIMIT = 64_000_000
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BLANKS = b" \t\r\n"


class Input:
    """Bytes from a descriptor until its end, or until `stop` (another descriptor) has a byte."""

    def __init__(self, descriptor: int, stop: int) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self.ended = False
        self.stopped = False

    def chunk(self) -> bytes:
        """What is at hand, waiting for the first byte; b"" at the end or when stopped.

        What is at hand already is taken together, since a commit costs the same for one event
        and for a thousand.
        """
        parts: list[bytes] = []
        size = 0
        while size < CHUNK_BYTES and not self.ended and self._ready(wait=not parts):
            part = os.read(self._descriptor, READ_BYTES)
            self.ended = not part
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def up_to(self, limit: int, start: bytes) -> bytes:
        """`start` and what follows it up to the end; stops reading when `limit` is exceeded."""
        parts = [start]
        size = len(start)
        while size <= limit and (part := self.chunk()):
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def beginning(self) -> bytes:
        """The first chunks: up to the end of the first line that is not blank, or the limit."""
        data = self.chunk()
        while not self._shows_its_form(data) and (part := self.chunk()):
            data += part
        return data

    def _shows_its_form(self, data: bytes) -> bool:
        text = data.lstrip(_BLANKS)
        return text.startswith(b"[") or b"\n" in text or len(text) > LINE_LIMIT

    def _ready(self, *, wait: bool) -> bool:
        ready, _, _ = select.select([self._descriptor, self._stop], [], [], None if wait else 0)
        self.stopped = self._stop in ready
        return self._descriptor in ready and not self.stopped


class Lines:
    """Cuts chunks into whole lines. `number` is that of the last line given, from 1.

    A line that is too long comes as its beginning, so that it is refused and memory is spared.
    """

    def __init__(self) -> None:
        self.number = 0
        self._rest = b""
        self._overlong = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk."""
        if self._overlong:
            _, newline, chunk = chunk.partition(b"\n")
            self._overlong = not newline
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_LIMIT:
            lines.append(self._rest)
            self._rest = b""
            self._overlong = True
        self.number += len(lines)
        return lines

    def last(self) -> list[bytes]:
        """What is left at the end of the input: a line without a newline."""
        lines = [self._rest] if self._rest else []
        self._rest = b""
        self.number += len(lines)
        return lines


@contextmanager
def stop_signals() -> Iterator[int]:
    """Let SIGINT, SIGTERM and SIGHUP only put a byte into the descriptor that this gives.

    So a commit that is under way is finished and counted.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = {number: signal.signal(number, _nothing) for number in STOPPING}
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _nothing(_signal: int, _frame: object) -> None:
    """Python passes a signal on to the wakeup descriptor only where a handler is set."""
