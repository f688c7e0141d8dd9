"""A worker whose log nobody reads, or reads slowly, works on and ends well."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Thread

import pytest

from cli.exit_codes import ExitCode
from cli.output import LogLines
from domain.webhooks import WebhookFields
from tests.support.program import ROOT, Tocsin
from tests.support.program_store import access_of
from tests.support.receiver_client import Receiver
from tests.support.stores import ALERTS, events
from tests.support.waiting import PATIENCE_S


class Reader:
    """Reads as long as it may: it stops before each line until `go` is set."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.asked, self.go = Event(), Event()

    def write(self, line: str) -> None:
        self.asked.set()
        assert self.go.wait(PATIENCE_S)
        self.read.append(line)


def test_lines_come_in_order_and_before_the_end() -> None:
    read: list[str] = []
    with LogLines(read.append) as lines:
        for number in range(500):
            lines.note(str(number))
    assert read == [str(number) for number in range(500)]


def test_what_finds_no_room_is_counted_in_its_place() -> None:
    reader = Reader()
    with LogLines(reader.write, limit=2) as lines:
        lines.note("first")
        assert reader.asked.wait(PATIENCE_S)
        for word in ("second", "third", "fourth", "fifth"):
            lines.note(word)
        reader.go.set()
    assert reader.read == ["first", "second", "third", "2 lines were dropped"]


def test_lines_are_taken_again_after_some_were_dropped() -> None:
    told = Event()
    reader = Reader()

    def write(line: str) -> None:
        reader.write(line)
        if line == "1 line was dropped":
            told.set()

    with LogLines(write, limit=1) as lines:
        lines.note("first")
        assert reader.asked.wait(PATIENCE_S)
        lines.note("second")
        lines.note("third")
        reader.go.set()
        assert told.wait(PATIENCE_S)
        lines.note("fourth")
    assert reader.read == ["first", "second", "1 line was dropped", "fourth"]


def test_a_reader_that_is_gone_is_written_to_no_more() -> None:
    reader = Reader()

    def write(line: str) -> None:
        reader.write(line)
        raise BrokenPipeError

    with LogLines(write) as lines:
        lines.note("first")
        assert reader.asked.wait(PATIENCE_S)
        lines.note("second")
        reader.go.set()
        lines.note("third")
    assert reader.read == ["first"]


def test_the_end_does_not_wait_for_a_reader_that_stopped() -> None:
    reader = Reader()

    def work() -> None:
        with LogLines(reader.write) as lines:
            lines.note("first")

    working = Thread(target=work, daemon=True)
    working.start()
    working.join(PATIENCE_S)
    assert not working.is_alive()
    assert reader.read == []
    reader.go.set()


def full_pipe() -> tuple[int, int]:
    """A pipe that takes no byte more."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 4096)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b".")
    fcntl.fcntl(writer, fcntl.F_SETFL, 0)
    return reader, writer


def pipe_without_reader() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.close(reader)
    return os.open(os.devnull, os.O_RDONLY), writer


@pytest.fixture(params=[full_pipe, pipe_without_reader])
def unread(request: pytest.FixtureRequest) -> Iterator[int]:
    """Yield the end of a pipe that nobody reads, for the stderr of a program."""
    make: Callable[[], tuple[int, int]] = request.param
    ends = make()
    yield ends[1]
    for end in ends:
        os.close(end)


def start(tocsin: Tocsin, stderr: int, *words: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*tocsin.command, "--db", str(tocsin.db), *words],
        stderr=stderr,
        stdin=subprocess.DEVNULL,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tocsin.home), "PATH": os.environ["PATH"]},
        text=True,
    )
    tocsin.started.append(process)
    return process


def test_a_worker_delivers_and_ends_whether_its_log_is_read_or_not(
    tocsin: Tocsin, receiver: Receiver, unread: int
) -> None:
    failing, healthy = "/script:500,500,200/unread-failing", "/ok/unread"
    with access_of(tocsin) as desk:
        for path in (failing, healthy):
            desk.add(WebhookFields(ALERTS, receiver.url(path), interval_ms=1_000))
        desk.append(*events(1, 3))
        desk.add_source(command="false")  # which has something to log
        worker = start(tocsin, unread, "worker", "run")
        receiver.wait(failing, acked=1)
        desk.append(*events(4, 4))
        receiver.wait(healthy, events=4)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=PATIENCE_S) == ExitCode.OK


def test_an_error_that_nobody_reads_has_its_exit_code_all_the_same(tocsin: Tocsin) -> None:
    unread, stderr = pipe_without_reader()
    done = start(tocsin, stderr, "status")
    assert done.wait(timeout=PATIENCE_S) == ExitCode.UNAVAILABLE
    os.close(unread)
    os.close(stderr)
