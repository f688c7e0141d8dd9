"""Output: stdout and stderr, tables, JSON, questions, and lines of the log."""

from __future__ import annotations

import io
import json
import os
import select
import sys
import unicodedata
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from errno import EIO, EPIPE
from threading import Condition, Thread
from typing import BinaryIO, TextIO

from cli.exit_codes import ExitCode, Failure
from domain.safe import safe
from domain.wording import span_text

GAP = "  "
ELLIPSIS = "…"
NOBODY_READS = (EPIPE, EIO)
"""Errors of a pipe without a reader, and of a terminal that is gone."""

WARNING = "WARNING: "
"""Beginning of every line that warns, on stdout and stderr."""

WIDE = frozenset("WF")
WAITING_LINES = 1_000
"""Lines of the log that wait at most; further ones are dropped."""

TENTH = 10
"""Percent between two lines of progress where no terminal draws them."""

FLUSH_S = 1.0
"""Time that the end waits for lines that are not read yet."""


class Output:
    """Output of a command, and its input. Outside text goes through `safe` here alone.

    `stdin` is None where it was closed.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO, stdin: TextIO | None) -> None:
        self._stdout, self._stderr, self._stdin = stdout, stderr, stdin
        for stream in (stdout, stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    @property
    def stdout_is_terminal(self) -> bool:
        """True if a person reads stdout."""
        return self._stdout.isatty()

    @property
    def stdin(self) -> BinaryIO:
        """The bytes given on stdin. Raises Failure where it is closed."""
        if self._stdin is None:
            raise Failure("stdin is closed: give it an input, or name a file", ExitCode.NO_INPUT)
        return self._stdin.buffer

    @property
    def interactive(self) -> bool:
        """True if a person is there to read and answer a question."""
        return self._stdin is not None and self._stdin.isatty() and self._stderr.isatty()

    def data(self, text: str) -> None:
        """Write lines of text to stdout."""
        self._stdout.write(_line(text))

    def json(self, value: object) -> None:
        """Write a JSON document, indented, in ASCII: no terminal can be confused by it."""
        self._stdout.write(json_text(value))

    def json_line(self, value: object) -> None:
        """Write a JSON document on one line, at once: for lists that go on."""
        self._stdout.write(json_text(value, indent=None))
        self.flush()

    def raw(self, data: bytes) -> None:
        """Write exactly these bytes; to a terminal, in a form that is safe for it."""
        if self.stdout_is_terminal:
            self.data(data.decode("utf-8", "backslashreplace"))
            return
        self._stdout.flush()
        self._stdout.buffer.write(data)

    def table(self, rows: Sequence[Sequence[object]], headers: Sequence[str]) -> None:
        """Write rows under headers, in columns; on a terminal cut to its width.

        None shows as "-"; numbers are aligned to the right.
        """
        limit = _columns(self._stdout) if self.stdout_is_terminal else None
        for line in table_lines(rows, headers):
            self._stdout.write((line if limit is None else cut(line, limit)) + "\n")

    def clear(self) -> None:
        """Clear the terminal, for a text that is drawn again and again."""
        self._stdout.write("\x1b[H\x1b[2J")

    def note(self, text: str) -> None:
        """Write a line to stderr, waiting where that is full, as `note_directly` does.

        It is no failure if nobody reads it any more or its terminal is gone; then later lines go
        nowhere. A line that a full disk does not take is dropped alone.
        """
        try:
            self._stderr.flush()
            self._write_directly(_line(text))
        except OSError as error:
            if error.errno in NOBODY_READS:
                _abandon(self._stderr)

    def warn(self, text: str) -> None:
        """Write a line to stderr that begins with the word of `tocsin status` for a warning."""
        self.note(f"{WARNING}{text}")

    @property
    def stderr_is_terminal(self) -> bool:
        """True if a line of stderr can be drawn again."""
        return self._stderr.isatty()

    def redraw_directly(self, text: str) -> None:
        """Draw the last line of stderr, a terminal, again, in the way of `note_directly`."""
        shown, limit = safe(text, len(text) * 10), _columns(self._stderr)
        self._write_directly(f"\r{shown if limit is None else cut(shown, limit)}\x1b[K")

    def note_directly(self, text: str) -> None:
        """Write a line to stderr past its buffer and lock, for a thread that a reader may block.

        Other threads can write and end meanwhile. Raises OSError.
        """
        self._write_directly(_line(text))

    def confirm(self, question: str, yes: bool) -> None:
        """Ask before something is lost. `question` says what and how much; `yes` answers it.

        Raises Failure where the answer is no, and where nobody is there to answer.
        """
        if yes:
            return
        if self._stdin is None or not self.interactive:
            raise Failure(f"{question} Nothing was done: add --yes", ExitCode.USAGE)
        self._stderr.write(safe(question, len(question) * 10) + " [y/N] ")
        self._stderr.flush()
        if self._stdin.readline().strip().lower() not in ("y", "yes"):
            raise Failure("", ExitCode.CHECK_FAILED)

    def flush(self) -> None:
        """Hand over what is written. Raises BrokenPipeError where nobody reads it."""
        self._stdout.flush()
        self._stderr.flush()

    def abandon_stdout(self) -> None:
        """Send stdout nowhere, so that the interpreter's own flush cannot fail."""
        _abandon(self._stdout)

    def abandon(self) -> None:
        """Send stdout and stderr nowhere, so that no later line or flush can fail."""
        _abandon(self._stdout)
        _abandon(self._stderr)

    def _write_directly(self, text: str) -> None:
        descriptor = self._stderr.fileno()
        data = text.encode(self._stderr.encoding, "backslashreplace")
        while data:
            select.select((), (descriptor,), ())
            with suppress(BlockingIOError):
                data = data[os.write(descriptor, data) :]


def json_text(value: object, indent: int | None = 2) -> str:
    """A JSON document in ASCII, with its last newline."""
    text = json.dumps(value, indent=indent, allow_nan=False)
    return text.replace("\x7f", "\\u007f") + "\n"


def _line(text: str) -> str:
    return safe(text, len(text) * 10, keep_newlines=True) + "\n"


def _columns(terminal: TextIO) -> int | None:
    """The width of a terminal; None where it does not say."""
    return os.get_terminal_size(terminal.fileno()).columns or None


def _abandon(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def table_lines(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> list[str]:
    """The lines of a table, its columns aligned by their width on a terminal."""
    cells = [list(headers), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    numeric = [
        bool(rows) and all(isinstance(value, int | float) or value is None for value in column)
        for column in (zip(*rows, strict=True) if rows else [()] * len(headers))
    ]
    return [GAP.join(map(_padded, line, widths, numeric)).rstrip() for line in cells]


def width(text: str) -> int:
    """The number of columns of a terminal that `text` takes."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def cut(text: str, limit: int) -> str:
    """`text` in at most `limit` columns; a text that is cut ends in an ellipsis."""
    if width(text) <= limit:
        return text
    kept, room = [], limit - 1
    for character in text:
        room -= _character_width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in WIDE else 1


def _cell(value: object) -> str:
    return "-" if value is None else safe(str(value))


def _padded(text: str, columns: int, numeric: bool) -> str:
    blanks = " " * (columns - width(text))
    return blanks + text if numeric else text + blanks


def columns(row: Sequence[object], widths: Sequence[int]) -> str:
    """A line of a list that goes on, in columns of fixed widths; None shows as "-"."""
    cells = ["-" if value is None else safe(str(value)) for value in row]
    padded = [cell + " " * (size - width(cell)) for cell, size in zip(cells, widths, strict=True)]
    return GAP.join(padded).rstrip()


def labelled(pairs: Sequence[tuple[str, object]]) -> str:
    """Lines of a label and its value, the values aligned; labels without a value are left out."""
    given = [(label, value) for label, value in pairs if value is not None]
    widest = max(len(label) for label, _ in given)
    return "\n".join(f"{label:{widest}}  {safe(str(value))}" for label, value in given)


def ago_text(time_ms: int | None, now_ms: int) -> str | None:
    """A time in a list, as an age, which is short."""
    return None if time_ms is None else f"{span_text(now_ms - time_ms)} ago"


def standard_streams() -> tuple[TextIO, TextIO, TextIO | None]:
    """stdout, stderr and stdin; a closed output is replaced by /dev/null.

    A closed stdin is None, since to read nothing from it would be mistaken for an empty input.
    """
    closed_input = sys.stdin is None
    for descriptor in range(3):
        _fill(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    return sys.stdout, sys.stderr, None if closed_input else sys.stdin


def _fill(descriptor: int) -> None:
    """Open /dev/null on a closed standard stream, so that no later file gets its number."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


class LogLines:
    """Log lines that a thread of its own writes in order; used as a context manager.

    `write` may block. While `limit` lines wait, new ones are dropped until those are written; then
    a line says how many were dropped. When `write` raises OSError, nobody reads any more, and
    nothing is written from then on.
    """

    def __init__(self, write: Callable[[str], None], limit: int = WAITING_LINES) -> None:
        self._write = write
        self._limit = limit
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._ended = False
        self._changed = Condition()
        self._thread = Thread(target=self._work, name="log", daemon=True)

    def __enter__(self) -> LogLines:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(FLUSH_S)

    def note(self, line: str) -> None:
        """Queue a line, from any thread. Never waits for a reader and never raises."""
        with self._changed:
            if self._dropped or len(self._lines) >= self._limit:
                self._dropped += 1
            else:
                self._lines.append(line)
                self._changed.notify()

    def _work(self) -> None:
        try:
            while (line := self._next()) is not None:
                self._write(line)
        except OSError:
            with self._changed:
                self._lines.clear()
                self._limit = 0

    def _next(self) -> str | None:
        """The next line to be written; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._dropped or self._ended)
            if self._lines:
                return self._lines.popleft()
            dropped, self._dropped = self._dropped, 0
            return _dropped_text(dropped) if dropped else None


class NewestLine(LogLines):
    """Lines that a thread of its own writes, of which the newest alone waits."""

    def note(self, line: str) -> None:
        """Let a line take the place of the one that waits. Never waits for a reader."""
        with self._changed:
            self._lines.clear()
            self._lines.append(line)
            self._changed.notify()


class ProgressLine:
    """Progress of what takes long: a line that is drawn again, or one for each tenth and part.

    A thread writes it, so that who works waits for no terminal. Used as a context manager, at
    whose end the drawn line goes.
    """

    def __init__(self, out: Output, title: str) -> None:
        self._out = out
        self._title = title
        self._shown: object = None
        self._lines: LogLines | None = None
        self._is_drawn = False

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._lines is None:
            return
        if self._is_drawn:
            self._lines.note("")
        self._lines.__exit__()

    def show(self, percent: int, part: str) -> None:
        """Show how far it is and at which part, as often as that is known, on any thread.

        Never waits for a reader and never raises.
        """
        lines = self._lines or self._begin()
        if self._is_drawn or self._shown != (percent // TENTH, part):
            self._shown = percent // TENTH, part
            lines.note(f"{self._title}: {percent} %, {part}")

    def _begin(self) -> LogLines:
        out, self._is_drawn = self._out, self._out.stderr_is_terminal
        lines = NewestLine(out.redraw_directly) if self._is_drawn else LogLines(out.note_directly)
        self._lines = lines.__enter__()
        return lines


def _dropped_text(count: int) -> str:
    return "1 line was dropped" if count == 1 else f"{count:,} lines were dropped"
