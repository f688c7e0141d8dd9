"""`tocsin event emit`: reads events from a file or stdin and queues them."""

from __future__ import annotations

import os
import signal
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from cli.context import Context
from cli.event.input import BatchReader, Input, LineBatch, Lines, ReadingStopped
from cli.event.targets import SocketTarget, StoreTarget, Target
from cli.exit_codes import ExitCode, Failure
from cli.signals import SIGNALS, handled
from domain.event_input import EventText, is_document, sanitized
from domain.events import read_document
from domain.wording import counted, size_text

DOCUMENT_LIMIT = 64_000_000
LARGE_BYTES = 8 << 20
"""Bytes of lines after which a process of its own reads the rest; starting one takes 50 ms."""


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
        target = (
            SocketTarget(args.socket, stop, context.out.note)
            if args.socket
            else StoreTarget(context)
        )
        emitter = _Emitter(context, target, tally)
        try:
            emitter.take(source)
        finally:
            target.close()
            context.out.json_line(tally.answer())
    if source.stopped:
        context.out.note(
            "Interrupted: the rest was not read. The same input may be sent again: events that "
            "have ids are recognised."
        )
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
        last = 0
        try:
            for batch in self._batches(source, beginning):
                for number, reason in batch.refused:
                    self._refuse(f"line {number}", reason)
                self._put(batch.text, batch.now_ms)
                last = batch.last
        except ReadingStopped:
            raise Failure(
                "the process that reads the input was ended from outside: nothing was taken from "
                f"line {last + 1} on; send it again",
                ExitCode.TEMPORARY,
            ) from None
        if self._tally.refused:
            of_all = f"{self._tally.refused} of {counted(last, 'line')}"
            were = "was" if self._tally.refused == 1 else "were"
            self._context.out.note(f"{of_all} {were} refused.")

    def _batches(self, source: Input, beginning: bytes) -> Iterator[LineBatch]:
        """Yield the lines of an input; of a long one a process of its own reads the rest.

        Of a terminal this one does: the system stops those that read in its background.
        """
        lines = Lines()
        reader = BatchReader(source, lines, self._context.now_ms, self._context.random64)
        if os.isatty(source.descriptor):
            yield from reader.batches(beginning)
            return
        yield from reader.batches(beginning, LARGE_BYTES)
        if source.ended or source.stopped:
            return
        from cli.event.reading_process import ReadingProcess  # a short input needs none

        try:
            process = ReadingProcess(source, lines)
        except OSError:  # no room for another process: this one goes on alone
            yield from reader.batches(source.chunk())
            return
        yield from process.batches()

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

    def _refuse(self, named: str, reason: str) -> None:
        self._tally.refused += 1
        self._context.out.note(f"{named}: {reason}")
