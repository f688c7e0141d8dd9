"""`tocsin event emit --socket` where the other side is there and cannot take anything now."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.event import targets
from cli.event.targets import SocketTarget, Taken
from cli.exit_codes import ExitCode, Failure
from domain.wording import second_text
from sources.emit import Emitter
from tests.support.stores import NOW, events
from tests.support.waiting import PATIENCE_S

NOT_NOW = {"error": "the store cannot be written now", "retry_after": 0}
MUCH_LATER = NOT_NOW | {"retry_after": 60}
GOOD = {"accepted": 2, "repeated": 0}
Ready = list[int]


@dataclass
class Answering:
    """Server at a socket: it gives these answers in turn, the last one for ever."""

    path: str
    answers: list[Mapping[str, object]]
    lines: list[bytes] = field(default_factory=list)

    def answer(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as file:
            for line in file:
                self.lines.append(line)
                left = self.answers
                file.write(json.dumps(left.pop(0) if len(left) > 1 else left[0]).encode() + b"\n")
                file.flush()


@contextmanager
def answering(path: Path, *answers: Mapping[str, object]) -> Iterator[Answering]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        served = Answering(str(path), list(answers))
        thread = threading.Thread(target=served.answer, args=(listener,))
        thread.start()
        yield served
        thread.join(PATIENCE_S)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The end of a pipe that is read to see if it is to end, and the one that says so."""
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


@pytest.fixture
def said() -> list[str]:
    """Return what was said meanwhile."""
    return []


def put(served: Answering, stop: int, said: list[str]) -> Taken:
    target = SocketTarget(served.path, stop, said.append)
    try:
        return target.put(events(1, 2), 0, "nothing was taken")
    finally:
        target.close()


def test_what_cannot_be_taken_now_is_handed_in_again(
    tmp_path: Path, pipe: tuple[int, int], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "RETRY_S", 0.01)
    with answering(tmp_path / "s", NOT_NOW, NOT_NOW, GOOD) as served:
        assert put(served, pipe[0], said) == Taken(2, 0)
    assert len(served.lines) == 3
    assert len(set(served.lines)) == 1
    assert said == []


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, in a time that goes by in them alone."""
    waited: list[float] = []

    def wait(read: object, write: object, both: object, seconds: float) -> tuple[Ready, ...]:
        waited.append(seconds)
        return [], [], []

    monkeypatch.setattr(targets, "select", SimpleNamespace(select=wait))
    monkeypatch.setattr(
        targets, "time", SimpleNamespace(monotonic=lambda: sum(waited), time=lambda: NOW / 1_000)
    )
    return waited


def test_it_is_tried_no_longer_than_for_a_worker_that_is_being_restarted(
    tmp_path: Path, pipe: tuple[int, int], said: list[str], waits: list[float]
) -> None:
    served_at = answering(tmp_path / "s", MUCH_LATER)
    with (
        served_at as served,
        pytest.raises(Failure, match="cannot be written now: nothing was taken") as caught,
    ):
        put(served, pipe[0], said)
    assert caught.value.exit_code == ExitCode.TEMPORARY
    assert (waits, len(served.lines)) == ([targets.RECONNECT_S], 2)


def test_ctrl_c_ends_the_wait(tmp_path: Path, pipe: tuple[int, int], said: list[str]) -> None:
    os.write(pipe[1], b"x")
    served_at = answering(tmp_path / "s", MUCH_LATER)
    with served_at as served, pytest.raises(Failure, match="interrupted") as caught:
        put(served, pipe[0], said)
    assert caught.value.exit_code == ExitCode.INTERRUPTED


@contextmanager
def hung(monkeypatch: pytest.MonkeyPatch, begin: Callable[[], None]) -> Iterator[list[float]]:
    """Let `begin` be done at the first wait; gives the waits."""
    waits: list[float] = []

    def wait(target: SocketTarget, seconds: float, ends: float, failure: Failure) -> None:
        if not waits:
            begin()
        waits.append(seconds)
        plain_wait(target, seconds, ends, failure)

    plain_wait = SocketTarget._wait
    monkeypatch.setattr(SocketTarget, "_wait", wait)
    monkeypatch.setattr(targets, "RETRY_S", 0.01)
    yield waits


@pytest.mark.parametrize("is_left", [False, True], ids=["no file", "a file that nobody serves"])
def test_the_first_connection_waits_for_a_worker_that_is_being_restarted(
    tmp_path: Path,
    pipe: tuple[int, int],
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_left: bool,
) -> None:
    path = tmp_path / "s"
    if is_left:
        leave(path)
    with ExitStack() as stack:

        def begin() -> None:
            path.unlink(missing_ok=True)
            stack.enter_context(answering(path, GOOD))

        waits = stack.enter_context(hung(monkeypatch, begin))
        assert put(Answering(str(path), []), pipe[0], said) == Taken(2, 0)
    assert waits
    reason = "Connection refused" if is_left else "No such file or directory"
    [note] = said
    assert note.startswith(
        f"No Tocsin answers at the socket {path} ({reason}): it is tried until 2"
    )
    assert ", since a worker may be starting." in note


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), os.strerror(errno.EAGAIN)),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_of_a_busy_one_it_is_not_said_that_it_may_be_starting(
    tmp_path: Path,
    pipe: tuple[int, int],
    said: list[str],
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    reason: str,
) -> None:
    def busy(*_: object) -> None:
        raise error

    path = tmp_path / "s"
    leave(path)
    monkeypatch.setattr(Emitter, "__init__", busy)
    with pytest.raises(Failure, match="no Tocsin answers"):
        SocketTarget(str(path), pipe[0], said.append)
    until = second_text(NOW + 30_000)
    tried = f"it is tried until {until}. Ctrl+C ends that."
    assert said == [f"No Tocsin answers at the socket {path} ({reason}): {tried}"]


def leave(path: Path) -> None:
    """A socket's file as a killed worker leaves it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def test_where_nobody_answers_it_says_so_after_that_time(
    tmp_path: Path, pipe: tuple[int, int], said: list[str], waits: list[float]
) -> None:
    with pytest.raises(
        Failure, match=r"no Tocsin answers at the socket .*/none: No such"
    ) as caught:
        SocketTarget(str(tmp_path / "none"), pipe[0], said.append)
    assert caught.value.exit_code == ExitCode.TEMPORARY
    assert sum(waits) == targets.RECONNECT_S
    [note] = said
    assert f"it is tried until {second_text(NOW + 30_000)}, since" in note


def test_ctrl_c_ends_the_wait_for_the_first_connection(
    tmp_path: Path, pipe: tuple[int, int], said: list[str]
) -> None:
    os.write(pipe[1], b"x")
    with pytest.raises(Failure, match=r"interrupted: .* nothing was taken") as caught:
        SocketTarget(str(tmp_path / "none"), pipe[0], said.append)
    assert caught.value.exit_code == ExitCode.INTERRUPTED


def test_what_is_no_socket_or_denied_is_refused_at_once(
    tmp_path: Path, pipe: tuple[int, int], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with hung(monkeypatch, lambda: None) as waits:
        with pytest.raises(Failure, match="nothing was taken; it is no socket") as caught:
            SocketTarget(str(tmp_path), pipe[0], said.append)
        assert caught.value.exit_code == ExitCode.TEMPORARY
        monkeypatch.setattr(Emitter, "__init__", denied)
        with pytest.raises(Failure, match="ask for membership in its group") as caught:
            SocketTarget(str(tmp_path / "s"), pipe[0], said.append)
        assert caught.value.exit_code == ExitCode.PERMISSION
    assert not waits
    assert said == []


def denied(*_: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
