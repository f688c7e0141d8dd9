"""Input of `event emit`: its bytes, its lines, and the events of its lines in batches."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence

import msgspec

from domain.event_input import EventText
from domain.events import Event, EventError, read_event

CHUNK_BYTES = 2 << 20
"""Most bytes of one batch, and so of one commit: others get their turn between two of them."""

READ_BYTES = 1 << 20
LINE_LIMIT = 4 << 20
_BLANKS = b" \t\r\n"


class Input:
    """Bytes from a descriptor until its end, or until `stop` (another descriptor) has a byte."""

    def __init__(self, descriptor: int, stop: int) -> None:
        self.descriptor = descriptor
        self._stop = stop
        self.ended = False
        self.stopped = False

    def chunk(self) -> bytes:
        """Return the bytes that are there, waiting for the first; b"" at the end or when stopped.

        They are taken together, since a commit costs the same for one event and for a thousand.
        """
        parts: list[bytes] = []
        size = 0
        while (
            size < CHUNK_BYTES and not self.ended and self._ready(self.descriptor, wait=not parts)
        ):
            part = os.read(self.descriptor, READ_BYTES)
            self.ended = not part
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def up_to(self, limit: int, start: bytes) -> bytes:
        """Return `start` and the rest of the input; stop reading when `limit` is exceeded."""
        parts = [start]
        size = len(start)
        while size <= limit and (part := self.chunk()):
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def beginning(self) -> bytes:
        """Return the first chunks: up to the end of the first line that is not blank."""
        data = self.chunk()
        while not self._shows_its_form(data) and (part := self.chunk()):
            data += part
        return data

    def _shows_its_form(self, data: bytes) -> bool:
        text = data.lstrip(_BLANKS)
        return text.startswith(b"[") or b"\n" in text or len(text) > LINE_LIMIT

    def wait_for(self, descriptor: int) -> bool:
        """Wait until a descriptor can be read; False when stopped."""
        return self._ready(descriptor, wait=True)

    def _ready(self, descriptor: int, *, wait: bool) -> bool:
        ready, _, _ = select.select([descriptor, self._stop], [], [], None if wait else 0)
        self.stopped = self._stop in ready
        return descriptor in ready and not self.stopped


class Lines:
    """Splitter of chunks into whole lines. `number` is that of the last line returned, from 1.

    `rest` is the beginning of the next line. Of a line that is too long only the beginning is
    returned: it is refused, and memory is spared.
    """

    def __init__(self, number: int = 0, rest: bytes = b"", *, overlong: bool = False) -> None:
        self.number = number
        self.rest = rest
        self.overlong = overlong

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in this chunk."""
        if self.overlong:
            _, newline, chunk = chunk.partition(b"\n")
            self.overlong = not newline
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        if len(self.rest) > LINE_LIMIT:
            lines.append(self.rest)
            self.rest = b""
            self.overlong = True
        self.number += len(lines)
        return lines

    def last(self) -> list[bytes]:
        """Return the last line of the input, if it has no newline."""
        lines = [self.rest] if self.rest else []
        self.rest = b""
        self.number += len(lines)
        return lines


class ReadingStopped(Exception):
    """A process that read the input ended before the input did, as one does that is killed."""


class LineBatch(msgspec.Struct, frozen=True):
    """The events of some lines, read at `now_ms`, and the lines that hold none that is taken.

    `refused` has the number and the reason of each of these; `last` is the last line's number.
    """

    text: EventText
    refused: tuple[tuple[int, str], ...]
    last: int
    now_ms: int


class BatchReader:
    """Reader of the lines of an input in batches; `now_ms` and `random64` are for their events."""

    def __init__(
        self, source: Input, lines: Lines, now_ms: Callable[[], int], random64: Callable[[], int]
    ) -> None:
        self._source = source
        self._lines = lines
        self._now_ms = now_ms
        self._random64 = random64

    def batches(self, beginning: bytes, most_bytes: int = sys.maxsize) -> Iterator[LineBatch]:
        """Yield batches as the input comes, to its end or until so many bytes were read.

        `beginning` was read already; b"" is the end of the input.
        """
        source, lines = self._source, self._lines
        chunk = beginning
        while chunk:
            yield self._read(lines.feed(chunk))
            most_bytes -= len(chunk)
            if most_bytes <= 0 and not source.ended:
                return
            chunk = b"" if source.stopped else source.chunk()
        if not source.stopped:
            yield self._read(lines.last())

    def _read(self, lines: Sequence[bytes]) -> LineBatch:
        """Read the events of lines that end with the last one."""
        now_ms, last = self._now_ms(), self._lines.number
        events: list[Event] = []
        numbers: list[int] = []
        refused: list[tuple[int, str]] = []
        for number, line in enumerate(lines, last - len(lines) + 1):
            text = line.strip()
            if not text:
                continue
            try:
                events.append(read_event(text, now_ms=now_ms, random64=self._random64))
                numbers.append(number)
            except EventError as error:
                refused.append((number, str(error)))
        return LineBatch(EventText(events, numbers), tuple(refused), last, now_ms)
