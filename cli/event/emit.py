"""`tocsin event emit`: reads events from a file or stdin and queues them."""

from __future__ import annotations

import os
import select
import signal
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cli.context import Context
from cli.event.targets import SocketTarget, StoreTarget, Target
from cli.exit_codes import ExitCode, Failure
from cli.signals import SIGNALS, handled
from domain.event_input import EventText, is_document, sanitized
from domain.events import Event, EventError, read_document, read_event
from domain.wording import counted, size_text

CHUNK_BYTES = 4 << 20
"""Most bytes for one commit. Other writers get their turn while the next chunk is read."""

READ_BYTES = 1 << 20
LINE_LIMIT = 4 << 20
DOCUMENT_LIMIT = 64_000_000
_BLANKS = b" \t\r\n"


class Input:
    """Bytes from a descriptor until its end, or until `stop` (another descriptor) has a byte."""

    def __init__(self, descriptor: int, stop: int) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self.ended = False
        self.stopped = False

    def chunk(self) -> bytes:
        """The bytes that are there, waiting for the first; b"" at the end or when stopped.

        They are taken together, since a commit costs the same for one event and for a thousand.
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
        """`start` and the rest of the input; stops reading when `limit` is exceeded."""
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
    """Splitter of chunks into whole lines. `number` is that of the last line returned, from 1.

    Of a line that is too long only the beginning is returned: it is refused, and memory is spared.
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
        """The last line of the input, if it has no newline."""
        lines = [self._rest] if self._rest else []
        self._rest = b""
        self.number += len(lines)
        return lines


@contextmanager
def stop_signals() -> Iterator[int]:
    """Yield a descriptor into which SIGINT, SIGTERM and SIGHUP only write a byte.

    So a commit that is under way is finished and counted.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with handled(dict.fromkeys(SIGNALS, _ignore)):
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(wakeup)
            os.close(reader)
            os.close(writer)


def _ignore(_signal: int, _frame: object) -> None:
    """Handler that does nothing: without one Python does not write to the wakeup descriptor."""


class Tally:
    """Counts of the input so far; accepted and repeated events are on disk."""

    def __init__(self) -> None:
        self.accepted = 0
        self.repeated = 0
        self.sanitized = 0
        self.refused = 0

    def __bool__(self) -> bool:
        return bool(self.accepted or self.repeated or self.refused)

    def answer(self) -> dict[str, int]:
        """The JSON that is printed at the end."""
        more = {"sanitized": self.sanitized} if self.sanitized else {}
        return {"accepted": self.accepted, "repeated": self.repeated, **more}


def emit_events(args: Namespace, context: Context) -> ExitCode:
    """Queue the events of a file or of stdin, and print how many were accepted and repeated."""
    if args.socket == "":
        raise Failure("--socket: it is empty; name a socket, or leave it out", ExitCode.USAGE)
    tally = Tally()
    with _descriptor(args.file, context) as descriptor, stop_signals() as stop:
        source = Input(descriptor, stop)
        target = SocketTarget(args.socket, stop) if args.socket else StoreTarget(context)
        emitter = _Emitter(context, target, tally)
        try:
            emitter.take(source)
        finally:
            target.close()
            context.out.json_line(tally.answer())
    if source.stopped:
        return ExitCode.INTERRUPTED
    if not tally:
        named = "stdin" if args.file == "-" else args.file
        context.out.note(f"There was no event in {named}: nothing was queued.")
    return ExitCode.BAD_DATA if tally.refused else ExitCode.OK


@contextmanager
def _descriptor(file: str, context: Context) -> Iterator[int]:
    if file == "-":
        if context.out.stdin.isatty():
            context.out.note("Reading events from the terminal; Ctrl+D ends them.")
        yield context.out.stdin.fileno()
        return
    with open(file, "rb", buffering=0) as opened:
        yield opened.fileno()


class _Emitter:
    """Reader of one input, which hands its events to the target."""

    def __init__(self, context: Context, target: Target, tally: Tally) -> None:
        self._context = context
        self._target = target
        self._tally = tally

    def take(self, source: Input) -> None:
        """Take the whole input, in whichever of its forms it comes."""
        beginning = source.beginning()
        if is_document(beginning, ended=source.ended):
            self._document(source, beginning)
        else:
            self._lines(source, beginning)

    def _document(self, source: Input, beginning: bytes) -> None:
        data = source.up_to(DOCUMENT_LIMIT, beginning)
        if source.stopped:
            return
        if len(data) > DOCUMENT_LIMIT:
            limit = size_text(DOCUMENT_LIMIT)
            raise Failure(
                f"the document is larger than {limit}: send its events as JSON lines instead",
                ExitCode.BAD_DATA,
            )
        now_ms, random64 = self._context.now_ms(), self._context.random64
        text = EventText(read_document(data, now_ms=now_ms, random64=random64))
        self._put(text, now_ms)

    def _lines(self, source: Input, beginning: bytes) -> None:
        lines = Lines()
        chunk = beginning
        while chunk:
            self._take_lines(lines.feed(chunk), lines.number)
            chunk = b"" if source.stopped else source.chunk()
        if not source.stopped:
            self._take_lines(lines.last(), lines.number)
        if self._tally.refused:
            of_all = f"{self._tally.refused} of {counted(lines.number, 'line')}"
            were = "was" if self._tally.refused == 1 else "were"
            self._context.out.note(f"{of_all} {were} refused.")

    def _take_lines(self, lines: Sequence[bytes], last_number: int) -> None:
        first = last_number - len(lines) + 1
        now_ms = self._context.now_ms()
        text = self._read_lines(lines, first, now_ms)
        self._put(text, now_ms)

    def _put(self, text: EventText, now_ms: int) -> None:
        """Hand the events on, part by part, and count after each those that are on disk."""
        for part in self._target.parts(text.events):
            events = text.events[part.start : part.stop]
            is_begun = text.lines or part.start
            rest = f" from {text.place(part.start)} on" if is_begun else ""
            taken = self._target.put(events, now_ms, f"nothing was taken{rest}")
            refused = [events[index] for index in taken.refused]
            self._tally.accepted += taken.accepted
            self._tally.repeated += taken.repeated
            self._tally.sanitized += sanitized(events) - sanitized(refused)
            for index, reason in taken.refused.items():
                self._refuse(text.place(part.start + index), reason)

    def _read_lines(self, lines: Sequence[bytes], first: int, now_ms: int) -> EventText:
        """The good events and the numbers of their lines; bad lines are noted."""
        random64 = self._context.random64
        events: list[Event] = []
        numbers: list[int] = []
        for number, line in enumerate(lines, first):
            text = line.strip()
            if not text:
                continue
            try:
                events.append(read_event(text, now_ms=now_ms, random64=random64))
                numbers.append(number)
            except EventError as error:
                self._refuse(f"line {number}", str(error))
        return EventText(events, numbers)

    def _refuse(self, named: str, reason: str) -> None:
        self._tally.refused += 1
        self._context.out.note(f"{named}: {reason}")
