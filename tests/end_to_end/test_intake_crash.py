"""Law 1 at the socket: what was answered is on disk, whenever the process is killed."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sources.emit import Emitter
from tests.support.program import Tocsin
from tests.support.program_store import answers
from tests.support.waiting import PATIENCE_S, eventually

ROUNDS = 4
PROGRAMS = 3
LIST = 10


class Program(threading.Thread):
    """Hands in lists until nobody answers, and remembers what was answered."""

    def __init__(self, path: str, name: str, on_answer: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.answered: list[str] = []
        self._path = path
        self._on_answer = on_answer

    def run(self) -> None:
        try:
            with closing(Emitter(self._path)) as emitter:
                while True:
                    first = len(self.answered)
                    ids = [f"{self.name}n{number}" for number in range(first, first + LIST)]
                    events = [{"type": "alerts", "id": id_, "attributes": {}} for id_ in ids]
                    assert emitter.emit(events) == {"accepted": LIST, "repeated": 0}
                    self.answered += ids
                    self._on_answer()
        except OSError:
            return


def test_what_was_answered_outlives_a_kill(tocsin: Tocsin, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    assert tocsin.run("source", "add", "socket", "--path", path).returncode == 0
    dice = random.Random(7)
    expected: list[str] = []
    for round_ in range(ROUNDS):
        process = tocsin.start("source", "run", "socket", log=tmp_path / "log")
        eventually(lambda: answers(path), "the socket answers")
        left = threading.Semaphore(0)
        programs = [Program(path, f"r{round_}p{n}", left.release) for n in range(PROGRAMS)]
        for program in programs:
            program.start()
        for _ in range(dice.randint(1, 60)):
            assert left.acquire(timeout=PATIENCE_S)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for program in programs:
            program.join(PATIENCE_S)
            assert not program.is_alive()
            expected += program.answered
    listed = tocsin.run("event", "list", "--json", "--limit", "100000").stdout
    kept = [event["id"] for event in json.loads(listed)]
    assert len(kept) == len(set(kept))
    assert set(expected) <= set(kept)
    for round_ in range(ROUNDS):
        for number in range(PROGRAMS):
            _in_order([id_ for id_ in kept if id_.startswith(f"r{round_}p{number}n")])


def _in_order(ids: list[str]) -> None:
    """Lists are kept whole, and in the order in which they were handed in."""
    assert len(ids) % LIST == 0
    assert [int(id_.rpartition("n")[2]) for id_ in ids] == list(range(len(ids)))
