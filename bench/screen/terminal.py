"""A program in a pseudo-terminal, seen as a terminal sees it: bytes, their times, the cells."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rich.cells import get_character_cell_size

Size = tuple[int, int]
LAST_WORDS_S = 0.2
"""Seconds without output after which all that a program wrote before its end has been read."""

ANSWERS = (
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),  # synchronized output: known
    (b"\x1b[?2048$p", b"\x1b[?2048;0$y"),  # sizes in the input: not known
)
SEQUENCE = re.compile(
    r"\x1b(?:\[(?P<private>[<=>?]?)(?P<numbers>[0-9;]*)[ -/]*(?P<final>[@-~])"
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|[@-Z\\-_=>])"
)
UNFINISHED = re.compile(r"\x1b(?:\[[0-9;<=>?]*[ -/]*|\][^\x07\x1b]*\x1b?|P[^\x1b]*\x1b?)?$")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one read, and their time by the monotonic clock."""

    at_s: float
    data: bytes


class Cells:
    """Content of the screen: as much of a terminal as Textual uses."""

    def __init__(self, size: Size) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self.resize(size)

    @property
    def text(self) -> str:
        """The lines, without blanks at their ends."""
        return "\n".join("".join(line).rstrip() for line in self._lines)

    def resize(self, size: Size) -> None:
        """Begin anew with another size; the program paints all of it again."""
        self._width, self._height = size
        self._clear()

    def feed(self, data: bytes) -> None:
        """Take what the program wrote."""
        text = self._rest + self._decoder.decode(data)
        unfinished = UNFINISHED.search(text)
        end = unfinished.start() if unfinished else len(text)
        text, self._rest = text[:end], text[end:]
        place = 0
        for found in SEQUENCE.finditer(text):
            self._put(text[place : found.start()])
            self._obey(found)
            place = found.end()
        self._put(text[place:])

    def _clear(self) -> None:
        self._lines = [[" "] * self._width for _ in range(self._height)]
        self._x = self._y = 0

    def _obey(self, found: re.Match[str]) -> None:
        if found["final"] is None or found["private"]:
            return
        numbers = [int(one) for one in found["numbers"].split(";") if one]
        if found["final"] == "H":
            row, column = numbers if len(numbers) == 2 else (1, 1)
            self._x, self._y = column - 1, row - 1
        elif found["final"] == "G":
            self._x = (numbers or [1])[0] - 1
        elif found["final"] == "J":
            self._clear()

    def _put(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self._x, self._y = 0, self._y + 1
            elif character == "\r":
                self._x = 0
            elif character.isprintable():
                self._put_one(character)

    def _put_one(self, character: str) -> None:
        if self._y < self._height and self._x < self._width:
            self._lines[self._y][self._x] = character
        self._x += get_character_cell_size(character)


class Terminal:
    """A program in a pseudo-terminal. As a context manager it kills the program at the end."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        size: Size = (80, 24),
    ) -> None:
        self.chunks: list[Chunk] = []
        self.cells = Cells(size)
        self._tail = b""
        self._master, slave = os.openpty()
        self.path = os.ttyname(slave)
        self._set_size(size)
        self.started_s = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment},
            cwd=folder,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        self.hang_up()

    @property
    def written(self) -> int:
        """Bytes that the program wrote so far, as far as they were read."""
        return sum(len(chunk.data) for chunk in self.chunks)

    def read(self, timeout_s: float) -> Chunk | None:
        """Return what the program wrote; None if it is silent for so long, or gone."""
        if self._master < 0 or not select.select([self._master], [], [], max(0.0, timeout_s))[0]:
            return None
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            data = b""
        if not data:
            self.hang_up()
            return None
        chunk = Chunk(time.perf_counter(), data)
        self.chunks.append(chunk)
        self.cells.feed(data)
        self._answer(data)
        return chunk

    def read_for(self, seconds: float) -> None:
        """Read whatever comes in this time."""
        end_s = time.perf_counter() + seconds
        while self._master >= 0 and (left_s := end_s - time.perf_counter()) > 0:
            self.read(left_s)

    def read_until(self, wanted: Callable[[str], bool] | str, timeout_s: float = 60.0) -> float:
        """Read until the screen shows it; when that was. Raises AssertionError."""
        is_there = wanted if callable(wanted) else lambda text: wanted in text
        end_s = time.perf_counter() + timeout_s
        while not is_there(self.cells.text):
            chunk = self.read(end_s - time.perf_counter())
            if chunk is None and (self._master < 0 or time.perf_counter() >= end_s):
                raise AssertionError(f"{wanted!r} is not on the screen:\n{self.cells.text}")
        return self.chunks[-1].at_s

    def read_until_quiet(self, quiet_s: float, timeout_s: float = 60.0) -> float:
        """Read until nothing came for a while; when the last chunk came."""
        end_s = time.perf_counter() + timeout_s
        while self.read(quiet_s) is not None and time.perf_counter() < end_s:
            pass
        return self.chunks[-1].at_s if self.chunks else self.started_s

    def send(self, keys: str | bytes) -> None:
        """Type; bytes need be no text."""
        os.write(self._master, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, size: Size) -> None:
        """Change the size of the terminal; the program is told."""
        self.cells.resize(size)
        self._set_size(size)

    def hang_up(self) -> None:
        """Take the terminal away, as a dropped connection does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def end(self, timeout_s: float = 60.0) -> int:
        """Read until the program is gone, and all that it wrote; its exit status.

        That is negative for a signal.
        """
        end_s = time.perf_counter() + timeout_s
        while self.process.poll() is None and time.perf_counter() < end_s:
            self.read(0.02)
        status = self.process.wait(timeout=0.1)
        self.read_until_quiet(LAST_WORDS_S)
        return status

    def _set_size(self, size: Size) -> None:
        columns, rows = size
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _answer(self, data: bytes) -> None:
        window = self._tail + data
        for question, answer in ANSWERS:
            if question in window and question not in self._tail:
                os.write(self._master, answer)
        self._tail = window[-16:]
