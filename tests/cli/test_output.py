"""Output of commands, in a form that can reach a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
from collections.abc import Iterator
from select import select

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


class Pipes:
    """An Output that nobody looks at."""

    def __init__(self) -> None:
        self._out, self._err = io.BytesIO(), io.BytesIO()
        self.out = Output(
            io.TextIOWrapper(self._out, encoding="utf-8"),
            io.TextIOWrapper(self._err, encoding="utf-8"),
            io.TextIOWrapper(io.BytesIO(b"typed\n")),
        )

    @property
    def stdout(self) -> bytes:
        self.out.flush()
        return self._out.getvalue()

    @property
    def stderr(self) -> bytes:
        self.out.flush()
        return self._err.getvalue()


def test_data_goes_to_stdout_and_notes_to_stderr() -> None:
    pipes = Pipes()
    pipes.out.data("one\ntwo")
    pipes.out.note("three")
    assert (pipes.stdout, pipes.stderr) == (b"one\ntwo\n", b"three\n")


def test_no_control_gets_through_in_any_form() -> None:
    pipes = Pipes()
    pipes.out.data(HOSTILE)
    pipes.out.note(HOSTILE)
    pipes.out.json({HOSTILE: HOSTILE})
    pipes.out.json_line([HOSTILE])
    pipes.out.table([(HOSTILE,)], ("A",))
    written = (pipes.stdout + pipes.stderr).decode()
    assert not any(character in written for character in "\x1b\x07\x9b\u202e\x7f")


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5))
def test_json_means_what_was_given(value: object) -> None:
    pipes = Pipes()
    pipes.out.json_line(value)
    assert json.loads(pipes.stdout) == value
    assert pipes.stdout.count(b"\n") == 1


def test_raw_bytes_stay_as_they_are_in_a_pipe() -> None:
    pipes = Pipes()
    pipes.out.data("first")
    pipes.out.raw(b'{"a":"\xc3\xa9\xff\x1b"}')
    assert pipes.stdout == b'first\n{"a":"\xc3\xa9\xff\x1b"}'


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


def test_yes_is_not_asked() -> None:
    pipes = Pipes()
    pipes.out.confirm("Drop 12 events?", yes=True)
    assert pipes.stderr == b""


def test_without_a_terminal_yes_must_be_given() -> None:
    with pytest.raises(Failure, match=r"Drop 12 events\? .*--yes") as caught:
        Pipes().out.confirm("Drop 12 events?", yes=False)
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
