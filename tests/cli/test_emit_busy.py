"""`tocsin event emit --socket` where the other side is there and cannot take anything now."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cli import emit_targets
from cli.emit_targets import SocketTarget, Taken
from cli.exit_codes import ExitCode, Failure
from tests.store.helpers import events

NOT_NOW = {"error": "the store cannot be written now", "retry_after": 0}
MUCH_LATER = NOT_NOW | {"retry_after": 60}
GOOD = {"accepted": 2, "repeated": 0}


@dataclass
class Answering:
    """What answers at a socket: these answers in turn, the last one for ever."""

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
        thread.join(30)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """What is read to see whether it is to end, and what says so."""
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def put(served: Answering, stop: int) -> Taken:
    target = SocketTarget(served.path, stop)
    try:
        return target.put(events(1, 2), 0, "nothing was taken")
    finally:
        target.close()


def test_what_cannot_be_taken_now_is_handed_in_again(
    tmp_path: Path, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emit_targets, "RETRY_S", 0.01)
    with answering(tmp_path / "s", NOT_NOW, NOT_NOW, GOOD) as served:
        assert put(served, pipe[0]) == Taken(2, 0)
    assert len(served.lines) == 3
    assert len(set(served.lines)) == 1


def test_it_is_tried_no_longer_than_for_a_worker_that_is_being_restarted(
    tmp_path: Path, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emit_targets, "RECONNECT_S", 0.1)
    served_at = answering(tmp_path / "s", MUCH_LATER)
    with (
        served_at as served,
        pytest.raises(Failure, match="cannot be written now: nothing was taken") as caught,
    ):
        put(served, pipe[0])
    assert caught.value.exit_code == ExitCode.TEMPORARY
    assert len(served.lines) == 2


def test_ctrl_c_ends_the_wait(tmp_path: Path, pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"x")
    served_at = answering(tmp_path / "s", MUCH_LATER)
    with served_at as served, pytest.raises(Failure, match="interrupted") as caught:
        put(served, pipe[0])
    assert caught.value.exit_code == ExitCode.INTERRUPTED
