"""`tocsin event emit`: input to events, events to where they are kept, chunk by chunk."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cli.context import Context
from cli.emit_input import DOCUMENT_LIMIT, Input, Lines, stop_signals
from cli.emit_targets import SocketTarget, StoreTarget, Target
from cli.exit_codes import ExitCode, Failure
from domain.event_input import EventText, is_document, sanitized
from domain.events import Event, EventError, read_document, read_event
from domain.wording import counted, size_text


@dataclass(slots=True)
class Tally:
    """What became of the input so far; what is counted as accepted or repeated is on disk."""

    accepted: int = 0
    repeated: int = 0
    sanitized: int = 0
    refused: int = 0

    def __bool__(self) -> bool:
        return bool(self.accepted or self.repeated or self.refused)

    def answer(self) -> dict[str, int]:
        """What is printed at the end."""
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
    """Puts the events of one input where they belong."""

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
        """Hand the events on, part by part, and count what is on disk after each."""
        for part in self._target.parts(text.events):
            events = text.events[part.start : part.stop]
            is_begun = text.lines or part.start
            rest = f" from {text.place(part.start)} on" if is_begun else ""
            taken = self._target.put(events, now_ms, f"nothing was taken{rest}")
            refused = [events[place] for place in taken.refused]
            self._tally.accepted += taken.accepted
            self._tally.repeated += taken.repeated
            self._tally.sanitized += sanitized(events) - sanitized(refused)
            for place, reason in taken.refused.items():
                self._refuse(text.place(part.start + place), reason)

    def _read_lines(self, lines: Sequence[bytes], first: int, now_ms: int) -> EventText:
        """The good events and the numbers of their lines; bad lines are named."""
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

    def _refuse(self, place: str, reason: str) -> None:
        self._tally.refused += 1
        self._context.out.note(f"{place}: {reason}")
