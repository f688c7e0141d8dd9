"""Output of commands, in a form that can reach a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from select import select
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.exit_codes import ExitCode, Failure
from cli.output import Output, cut, table_lines, width

HOSTILE = "\x1b]52;c;x\x07 \x9b31m \u202e \x7f"

PIECES_S = 0.2


class Screen:
    """Both ends of a terminal: what the program has as its streams, and what a person sees."""

    def __init__(self) -> None:
        self._person, program = pty.openpty()
        self._stream = os.fdopen(program, "r+b", buffering=0)
        read = os.fdopen(os.dup(program), encoding="utf-8")
        write = io.TextIOWrapper(os.fdopen(os.dup(program), "wb", 0), encoding="utf-8")
        self.out = Output(write, write, read)
        self._open = (read, write, self._stream)

    def type(self, text: str) -> None:
        os.write(self._person, text.encode())

    def seen(self) -> str:
        """Everything that the terminal has shown; it may hand its lines over piece by piece."""
        self.out.flush()
        shown = os.read(self._person, 65536)
        while select([self._person], [], [], PIECES_S)[0]:
            shown += os.read(self._person, 65536)
        return shown.decode()

    def close(self) -> None:
        for stream in self._open:
            stream.close()
        os.close(self._person)


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


class Files:
    """An Output that nobody looks at."""

    def __init__(self) -> None:
        self._out, self._err = (os.fdopen(os.memfd_create(name), "r+b") for name in ("out", "err"))
        self._streams = [
            io.TextIOWrapper(file, encoding="utf-8")
            for file in (self._out, self._err, io.BytesIO(b"typed\n"))
        ]
        self.out = Output(*self._streams)

    @property
    def stdout(self) -> bytes:
        self.out.flush()
        return os.pread(self._out.fileno(), 65536, 0)

    @property
    def stderr(self) -> bytes:
        self.out.flush()
        return os.pread(self._err.fileno(), 65536, 0)

    def close(self) -> None:
        for stream in self._streams:
            stream.close()


@pytest.fixture
def files() -> Iterator[Files]:
    made = Files()
    yield made
    made.close()


def test_data_goes_to_stdout_and_notes_to_stderr(files: Files) -> None:
    files.out.data("one\ntwo")
    files.out.note("three")
    assert (files.stdout, files.stderr) == (b"one\ntwo\n", b"three\n")


@contextmanager
def noting(descriptor: int) -> Iterator[Output]:
    """An Output with its notes on this descriptor, line by line as on stderr."""
    with open(descriptor, "w", encoding="utf-8", buffering=1) as stderr:
        yield Output(stderr, stderr, None)


def test_notes_wait_for_a_full_pipe_and_all_of_them_come() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    size = 0
    with suppress(BlockingIOError):
        while True:
            size += os.write(writer, b"." * 65536)
    with open(reader, "rb") as pipe:
        with noting(writer) as out:
            thread = Thread(target=list, args=(map(out.note, ("first", "second")),))
            thread.start()
            thread.join(PIECES_S)
            pipe.read(size)
            thread.join()
        assert pipe.read() == b"first\nsecond\n"


def test_a_note_that_a_full_disk_does_not_take_is_dropped_and_the_next_one_comes(
    tmp_path: Path,
) -> None:
    descriptor, log = os.open("/dev/full", os.O_WRONLY), tmp_path / "log"
    with noting(descriptor) as out:
        out.note("first")
        with open(log, "wb") as file:
            if os.path.samestat(os.fstat(descriptor), os.stat("/dev/full")):
                os.dup2(file.fileno(), descriptor)  # there is room again
        out.note("second")
    assert log.read_bytes() == b"second\n"


@pytest.mark.parametrize("ends", [os.pipe, pty.openpty])
def test_notes_go_nowhere_when_their_reader_or_terminal_is_gone(
    ends: Callable[[], tuple[int, int]],
) -> None:
    reader, writer = ends()
    with noting(writer) as out:
        os.close(reader)
        out.note("first")
        assert os.path.samestat(os.fstat(writer), os.stat(os.devnull))
        out.note("second")


def test_no_control_gets_through_in_any_form(files: Files) -> None:
    files.out.data(HOSTILE)
    files.out.note(HOSTILE)
    files.out.json({HOSTILE: HOSTILE})
    files.out.json_line([HOSTILE])
    files.out.table([(HOSTILE,)], ("A",))
    written = (files.stdout + files.stderr).decode()
    assert not any(character in written for character in "\x1b\x07\x9b\u202e\x7f")


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5))
def test_json_means_what_was_given(value: object) -> None:
    with closing(Files()) as files:
        files.out.json_line(value)
        assert json.loads(files.stdout) == value
        assert files.stdout.count(b"\n") == 1


def test_raw_bytes_stay_as_they_are_in_a_pipe(files: Files) -> None:
    files.out.data("first")
    files.out.raw(b'{"a":"\xc3\xa9\xff\x1b"}')
    assert files.stdout == b'first\n{"a":"\xc3\xa9\xff\x1b"}'


def test_raw_bytes_are_made_safe_on_a_terminal(screen: Screen) -> None:
    screen.out.raw(b'{"a":"\xc3\xa9\xff\x1b[2J"}')
    assert screen.seen() == '{"a":"é\\xff\\x1b[2J"}\r\n'


def test_text_that_the_terminal_cannot_write_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    out = Output(stream, stream, io.TextIOWrapper(io.BytesIO()))
    out.data("é")
    out.flush()
    assert raw.getvalue() == b"\\xe9\n"


def test_table_is_aligned() -> None:
    lines = table_lines([("a", 7, None), ("日本", 1204, "x")], ("NAME", "QUEUED", "LAST"))
    assert lines == ["NAME  QUEUED  LAST", "a          7  -", "日本    1204  x"]


def test_table_without_rows_has_its_headers() -> None:
    assert table_lines([], ("A", "B")) == ["A  B"]


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1))
def test_columns_start_at_the_same_place(rows: list[tuple[str, str]]) -> None:
    first_column = [
        line.removesuffix("|") for line in table_lines([(row[0], "|") for row in rows], ("A", "|"))
    ]
    assert len({width(line) for line in first_column}) == 1


@given(st.text(), st.integers(1, 40))
def test_cut_text_fits(text: str, limit: int) -> None:
    assert width(cut(text, limit)) <= limit
    assert cut(text, limit) == text or cut(text, limit).endswith("…")


def test_table_is_cut_to_the_terminal(screen: Screen) -> None:
    import termios

    termios.tcsetwinsize(screen._person, (24, 20))
    screen.out.table([("x" * 50,)], ("A",))
    assert screen.seen().splitlines() == ["A", "x" * 19 + "…"]


def test_yes_is_not_asked(files: Files) -> None:
    files.out.confirm("Drop 12 events?", yes=True)
    assert files.stderr == b""


def test_without_a_terminal_yes_must_be_given(files: Files) -> None:
    with pytest.raises(Failure, match=r"Drop 12 events\? .*--yes") as caught:
        files.out.confirm("Drop 12 events?", yes=False)
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("typed", ["y\n", "YES\n"])
def test_a_person_says_yes(screen: Screen, typed: str) -> None:
    screen.type(typed)
    screen.out.confirm("Drop 12 events?", yes=False)
    assert "Drop 12 events? [y/N] " in screen.seen()


@pytest.mark.parametrize("typed", ["\n", "n\n", "\x04"])
def test_a_person_says_no(screen: Screen, typed: str) -> None:
    screen.type(typed)
    with pytest.raises(Failure) as caught:
        screen.out.confirm("Drop 12 events?", yes=False)
    assert (caught.value.message, caught.value.exit_code) == ("", ExitCode.CHECK_FAILED)
    assert "Drop 12 events? [y/N] " in screen.seen()
