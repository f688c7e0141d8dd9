"""Input so long that a process of its own reads it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli.event.emit import LARGE_BYTES
from cli.event.input import BatchReader, Input, Lines
from cli.exit_codes import ExitCode
from domain.event_types import EventType
from store.events import reading
from tests.support.program import COMMAND, Tocsin
from tests.support.program_store import access_of
from tests.support.terminals import on_terminal
from tests.support.waiting import PATIENCE_S, eventually

PADDING = "x" * 100_000
BEFORE = LARGE_BYTES // len(PADDING) + 20
"""Lines after which the other process reads for certain."""


def _line(number: int, padding: str = PADDING) -> str:
    return '{"type":"alerts","attributes":{"text":"%s"},"id":"e%d"}\n' % (padding, number)  # noqa: UP031 - braces


def _lines(first: int, count: int) -> str:
    return "".join(_line(number) for number in range(first, first + count))


def _emit(tocsin: Tocsin, file: Path) -> subprocess.CompletedProcess[str]:
    return tocsin.run_apart("event", "emit", str(file))


def _kept(tocsin: Tocsin) -> list[str]:
    with access_of(tocsin) as access:
        found = access.call(reading.after, EventType.ALERTS, 0, limit=10_000)
    return [event.id for event in found]


def _readers(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes that a running command has started."""
    tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in tasks.read_text().split()]


@pytest.fixture
def pipe(tocsin: Tocsin, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A running command that has read most of a long input, and the pipe that it reads from."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    process = tocsin.start("event", "emit", str(path))
    writer = os.open(path, os.O_WRONLY)
    _write(writer, _lines(0, BEFORE))
    eventually(lambda: len(_kept(tocsin)) == BEFORE, "all of it is in the store")
    yield process, writer
    os.close(writer)


def _write(writer: int, text: str) -> None:
    rest = memoryview(text.encode())
    while rest:
        rest = rest[os.write(writer, rest) :]


@pytest.mark.usefixtures("made")
def test_lines_keep_their_numbers_their_order_and_what_is_said_of_them(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    file = tmp_path / "long.jsonl"
    bad = ['{"type":"alerts","id":""}\n', "\n", _line(3, "another text"), "nope"]
    sanitized = _line(BEFORE, "\\ud800")
    file.write_text(_lines(0, BEFORE) + sanitized + "".join(bad))
    done = _emit(tocsin, file)
    assert done.returncode == ExitCode.BAD_DATA
    assert json.loads(done.stdout) == {"accepted": BEFORE + 1, "repeated": 0, "sanitized": 1}
    assert [said.split(":")[0] for said in done.stderr.splitlines()] == [
        f"line {BEFORE + 2}",
        f"line {BEFORE + 4}",
        f"line {BEFORE + 5}",
        f"3 of {BEFORE + 5} lines were refused.",
    ]
    assert _kept(tocsin) == [f"e{number}" for number in range(BEFORE + 1)]


@pytest.mark.usefixtures("made")
def test_a_line_that_is_cut_between_the_processes_is_one_line(
    tocsin: Tocsin, pipe: tuple[subprocess.Popen[str], int]
) -> None:
    process, writer = pipe
    text = _line(BEFORE)
    _write(writer, text[:50])
    _write(writer, text[50:] + _line(BEFORE + 1)[:-1])
    eventually(lambda: len(_kept(tocsin)) == BEFORE + 1, "the line is in the store")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == ExitCode.INTERRUPTED
    assert err.startswith("Interrupted: the rest was not read.")
    assert json.loads(out) == {"accepted": BEFORE + 1, "repeated": 0}


def test_a_reading_process_that_is_killed_is_said_with_the_line(
    tocsin: Tocsin, pipe: tuple[subprocess.Popen[str], int]
) -> None:
    process, _ = pipe
    [reader] = _readers(process)
    os.kill(reader, signal.SIGKILL)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == ExitCode.TEMPORARY
    assert json.loads(out) == {"accepted": BEFORE, "repeated": 0}
    assert f"nothing was taken from line {BEFORE + 1} on; send it again" in err
    assert "Traceback" not in err


def test_the_reading_process_ends_with_the_one_that_adds(
    tocsin: Tocsin, pipe: tuple[subprocess.Popen[str], int]
) -> None:
    process, _ = pipe
    [reader] = _readers(process)
    process.kill()
    process.wait(timeout=PATIENCE_S)
    eventually(lambda: _has_ended(reader), "the reading process ends")


def _has_ended(pid: int) -> bool:
    """True also for one that nobody has waited for, as where the first process waits for none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_stdin_may_be_long(tocsin: Tocsin) -> None:
    done = tocsin.run_apart("event", "emit", stdin=_lines(0, BEFORE + 30))
    assert json.loads(done.stdout) == {"accepted": BEFORE + 30, "repeated": 0}
    assert _kept(tocsin) == [f"e{number}" for number in range(BEFORE + 30)]


def test_a_terminal_is_read_by_the_command_itself(tocsin: Tocsin) -> None:
    """The system would stop another process at its first read, since it is in the background."""
    lowered = f"import cli.event.emit\ncli.event.emit.LARGE_BYTES = 100\n{COMMAND[-1]}"
    command = replace(tocsin, command=(*COMMAND[:-1], lowered))
    with on_terminal(command, "event", "emit") as terminal:
        terminal.read_until("Ctrl+D ends them")
        terminal.send(_line(1, "x" * 100))
        eventually(lambda: len(_kept(tocsin)) == 1, "the first line is in the store")
        terminal.send(_line(2, "x" * 100))
        eventually(lambda: len(_kept(tocsin)) == 2, "the second line is in the store")
        terminal.send(b"\x04")
        assert terminal.end() == ExitCode.OK


def test_the_last_line_is_read_where_the_input_ends_at_the_length_of_a_long_one() -> None:
    """It has no newline; nobody else would read it."""
    reader, writer = os.pipe()
    stop, never = os.pipe()
    os.write(writer, (_line(1, "") + _line(2, "")).rstrip().encode())
    os.close(writer)
    try:
        source = Input(reader, stop)
        beginning = source.beginning()
        batches = BatchReader(source, Lines(), lambda: 0, lambda: 1).batches(beginning, 1)
        assert source.ended
        assert [len(batch.text.events) for batch in batches] == [1, 1]
    finally:
        for descriptor in (reader, stop, never):
            os.close(descriptor)
