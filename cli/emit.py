"""`tocsin event emit`: input to events, events to the store, chunk by chunk."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cli.context import Context
from cli.emit_input import DOCUMENT_LIMIT, Input, Lines, stop_signals
from cli.exit_codes import ExitCode, Failure
from cli.stores import open_for_writing
from domain.event_texts import ID_TAKEN, is_document
from domain.event_types import EventType
from domain.events import Event, EventError, read_document, read_event
from domain.words import size_text
from store.database import Store
from store.disk import free_bytes
from store.errors import EventConflict
from store.events import append, append_all

ROWS_BEFORE_PAUSE = 500
PAUSE_S = 0.001
"""SQLite is unfair to who waits: without this pause a long input would starve other writers."""


@dataclass(slots=True)
class Tally:
    """What became of the input so far; what is counted as accepted or repeated is on disk."""

    accepted: int = 0
    repeated: int = 0
    refused: int = 0

    def answer(self) -> dict[str, int]:
        """What is printed at the end."""
        return {"accepted": self.accepted, "repeated": self.repeated}


def emit_events(args: Namespace, context: Context) -> ExitCode:
    """Queue the events of a file or of stdin, and print how many were accepted and repeated."""
    tally = Tally()
    with _descriptor(args.file, context) as descriptor, stop_signals() as stop:
        source = Input(descriptor, stop)
        emitter = _Emitter(context, open_for_writing(context), tally)
        try:
            emitter.take(source)
        finally:
            context.out.json_line(tally.answer())
    if source.stopped:
        return ExitCode.INTERRUPTED
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
    """Puts the events of one input into the store."""

    def __init__(self, context: Context, store: Store, tally: Tally) -> None:
        self._context = context
        self._store = store
        self._tally = tally
        self._rows_since_pause = 0

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
        now_ms = self._context.now_ms()
        events = read_document(data, now_ms=now_ms, random64=self._context.random64)
        self._refuse_when_disk_is_short(events, "nothing was taken")
        try:
            appended = self._store.call(append_all, events, now_ms)
        except EventConflict as conflict:
            place = f"event {conflict.index + 1} of {len(events)}"
            raise Failure(f"{place}: {conflict}", ExitCode.BAD_DATA) from None
        self._tally.accepted += appended.accepted
        self._tally.repeated += appended.repeated

    def _lines(self, source: Input, beginning: bytes) -> None:
        lines = Lines()
        chunk = beginning
        while chunk:
            self._take_lines(lines.feed(chunk), lines.number)
            chunk = b"" if source.stopped else source.chunk()
        if not source.stopped:
            self._take_lines(lines.last(), lines.number)
        if self._tally.refused:
            self._context.out.note(f"{self._tally.refused} of {lines.number} lines were refused.")

    def _take_lines(self, lines: Sequence[bytes], last_number: int) -> None:
        first = last_number - len(lines) + 1
        now_ms = self._context.now_ms()
        events, numbers = self._read_lines(lines, first, now_ms)
        if not events:
            return
        self._refuse_when_disk_is_short(events, f"nothing was taken from line {first} on")
        appended = self._store.call(append, events, now_ms)
        self._tally.accepted += appended.accepted
        self._tally.repeated += appended.repeated
        for place in appended.conflicts:
            self._refuse(numbers[place], f"id: {ID_TAKEN}")
        self._let_others_write(len(events))

    def _read_lines(
        self, lines: Sequence[bytes], first: int, now_ms: int
    ) -> tuple[list[Event], list[int]]:
        """The good events and the numbers of their lines; bad lines are named."""
        random64: Callable[[], int] = self._context.random64
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
                self._refuse(number, str(error))
        return events, numbers

    def _refuse(self, number: int, reason: str) -> None:
        self._tally.refused += 1
        self._context.out.note(f"line {number}: {reason}")

    def _refuse_when_disk_is_short(self, events: Sequence[Event], consequence: str) -> None:
        """Sign-in events are taken while there is any room at all."""
        least = self._context.settings.min_free_disk_bytes
        free = free_bytes(self._store.path)
        if free >= least or all(event.type is EventType.LOG_AUTHN for event in events):
            return
        raise Failure(
            f"the disk of {self._store.path} has {size_text(free)} left, less than "
            f"min_free_disk ({size_text(least)}): {consequence}; free some space and send it again",
            ExitCode.TEMPORARY,
        )

    def _let_others_write(self, rows: int) -> None:
        self._rows_since_pause += rows
        if self._rows_since_pause >= ROWS_BEFORE_PAUSE:
            self._rows_since_pause = 0
            time.sleep(PAUSE_S)
