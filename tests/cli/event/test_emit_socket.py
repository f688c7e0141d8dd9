"""`tocsin event emit --socket` and `sources.emit`: events through a running Tocsin's socket."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections import UserList
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from cli.exit_codes import ExitCode
from sources.emit import EmitError, Emitter, emit
from tests.support.program import Tocsin
from tests.support.program_store import answers
from tests.support.waiting import eventually

EVENT = {"type": "alerts", "id": "a1", "attributes": {"created": "2026-11-24T08:00:00Z"}}
ANOTHER = {"created": "2026-11-24T08:00:00Z", "text": "another"}
WITHOUT_TIME = {"type": "alerts", "id": "t1", "attributes": {"text": "x"}}


@dataclass(slots=True)
class Served:
    """A Tocsin that serves a socket, in a process of its own."""

    tocsin: Tocsin
    socket: Path

    def start(self) -> subprocess.Popen[str]:
        process = self.tocsin.start("source", "run", "socket", log=self.tocsin.home / "served.log")
        eventually(lambda: answers(str(self.socket)), "the socket answers")
        return process

    def ids(self) -> list[str]:
        listed = self.tocsin.run("event", "list", "--json", "--limit", "10000").stdout
        return [event["id"] for event in json.loads(listed)]


@pytest.fixture
def served(tocsin: Tocsin, tmp_path: Path) -> Served:
    socket = tmp_path / "s"
    made = tocsin.run("source", "add", "socket", "--path", str(socket))
    assert made.returncode == 0, made.stderr
    return Served(tocsin, socket)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Tocsin]:
    """Another account's Tocsin, which has no store."""
    home = tmp_path / "other"
    home.mkdir()
    other = Tocsin(home, home / "none.db")
    yield other
    other.kill_all()


def lines(*values: object) -> str:
    return "\n".join(v if isinstance(v, str) else json.dumps(v) for v in values)


def counts(accepted: int, repeated: int) -> dict[str, int]:
    return {"accepted": accepted, "repeated": repeated}


def test_the_good_lines_are_taken_and_the_bad_ones_named(served: Served, program: Tocsin) -> None:
    served.start()
    other = EVENT | {"attributes": ANOTHER}
    text = lines(EVENT, "nonsense", EVENT | {"id": "a2"}, other, WITHOUT_TIME)
    done = program.run("event", "emit", "--socket", str(served.socket), stdin=text)
    assert json.loads(done.stdout) == counts(3, 0)
    assert done.returncode == ExitCode.BAD_DATA
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "line 2",
        "line 4",
        "2 of 5 lines were refused.",
    ]
    again = program.run("event", "emit", "--socket", str(served.socket), stdin=text)
    assert json.loads(again.stdout) == counts(0, 3)
    assert served.ids() == ["a1", "a2", "t1"]
    assert not program.db.exists()


def test_of_a_document_each_event_is_taken_that_stands_alone(
    served: Served, program: Tocsin
) -> None:
    served.start()
    emitting = ("event", "emit", "--socket", str(served.socket))
    done = program.run(*emitting, stdin=json.dumps([EVENT, WITHOUT_TIME], indent=2))
    assert json.loads(done.stdout) == counts(2, 0)
    other = EVENT | {"attributes": ANOTHER}
    for counted in (counts(1, 0), counts(0, 1)):
        done = program.run(*emitting, stdin=json.dumps([EVENT | {"id": "a3"}, other]))
        assert (done.returncode, json.loads(done.stdout)) == (ExitCode.BAD_DATA, counted)
        assert done.stderr.startswith("event 2 of 2: id a1: its id is known already")
    assert served.ids() == ["a1", "t1", "a3"]


def test_a_document_of_more_than_a_line_takes_is_handed_in_by_parts(
    served: Served, program: Tocsin
) -> None:
    served.start()
    emitting = ("event", "emit", "--socket", str(served.socket))
    many = [EVENT | {"id": f"m{number}"} for number in range(12_001)]
    many[11_000] = many[0] | {"attributes": ANOTHER}
    done = program.run(*emitting, stdin=json.dumps(many))
    assert json.loads(done.stdout) == counts(12_000, 0)
    assert done.stderr.startswith("event 11001 of 12001: id m0: its id is known already")


def test_a_pipe_lives_through_a_restart_of_the_other_side(
    served: Served, program: Tocsin, tmp_path: Path
) -> None:
    first = served.start()
    emitting = subprocess.Popen(
        program._command(("event", "emit", "--socket", str(served.socket), "-")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=program._environment({}),
    )
    program.started.append(emitting)
    assert emitting.stdin is not None

    def say(id_: str) -> None:
        assert emitting.stdin is not None
        emitting.stdin.write(json.dumps(EVENT | {"id": id_}) + "\n")
        emitting.stdin.flush()

    say("p1")
    eventually(lambda: served.ids() == ["p1"], "a line is kept while the pipe is open")
    first.send_signal(signal.SIGKILL)
    first.wait()
    say("p2")
    served.start()
    eventually(lambda: served.ids() == ["p1", "p2"], "the next line is kept after the restart")
    out, err = emitting.communicate()
    answered_in_time = json.loads(out) == counts(2, 0)
    assert answered_in_time or json.loads(out) == counts(1, 1)  # p1 was kept, not yet answered
    assert emitting.returncode == 0
    waits = f"No Tocsin answers at the socket {served.socket} ("
    assert all(line.startswith(waits) for line in err.splitlines())


def test_the_function_for_programs(served: Served) -> None:
    served.start()
    path = str(served.socket)
    assert emit(EVENT, path) == counts(1, 0)
    assert emit([EVENT, WITHOUT_TIME], path) == counts(1, 1)
    with Emitter(path) as emitter:
        with pytest.raises(EmitError) as caught:
            emitter.emit([EVENT, {"type": "alarms"}])
        assert caught.value.place.startswith("event 2 of 2")
        assert caught.value.retry_after is None
        assert emitter.emit(EVENT) == counts(0, 1)
        other = EVENT | {"attributes": ANOTHER}
        for accepted, repeated in ((1, 1), (0, 2)):
            with pytest.raises(EmitError) as caught:
                emitter.emit([EVENT, other, EVENT | {"id": "a9"}])
            error = caught.value
            assert (error.accepted, error.repeated) == (accepted, repeated)
            assert (error.place, error.retry_after) == ("event 2 of 3", None)
            assert error.refused == [{"place": "event 2 of 3", "id": "a1", "reason": error.reason}]
    user = {"type": "alerts", "id": "s1", "attributes": {"user": "root\0\ud800"}}
    assert emit([user, EVENT], path) == counts(1, 1) | {"sanitized": 1}


def recursive() -> dict[str, Any]:
    event: dict[str, Any] = {"type": "alerts", "attributes": {}}
    event["attributes"]["again"] = [event]
    return event


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        (datetime(2026, 12, 1, tzinfo=UTC), "attributes.x", "datetime: use text, such as value."),
        (b"x", "attributes.x", "JSON has nothing of type bytes: use text, such as value.hex()"),
        ([1, {"y": {2}}], "attributes.x[1].y", "JSON has nothing of type set: use a list"),
        (Decimal("1.5"), "attributes.x", "JSON has nothing of type Decimal: use a text"),
        (float("nan"), "attributes.x", "nan is no number of JSON: use text or None"),
        ({(1, 2): 3}, "attributes.x.(1, 2)", "a member's name is no text but of type tuple"),
        (10**5000, "attributes.x", "too large for a number: use text"),
        (nested(100_000), "attributes.x" + "[0]" * 62, "nested deeper than 64 levels"),
    ],
    ids=["time", "bytes", "set", "object", "nan", "name", "digits", "depth"],
)
def test_what_json_cannot_hold_is_refused_with_place_and_cure(
    tmp_path: Path, value: object, place: str, reason: str
) -> None:
    event = {"type": "alerts", "attributes": {"fine": [None, True, 1, 1.5, "x"], "x": value}}
    with listening(tmp_path / "s"), Emitter(str(tmp_path / "s")) as emitter:
        for events, where in ((event, place), ([EVENT, event], f"event 2 of 2, {place}")):
            with pytest.raises(EmitError) as caught:
                emitter.emit(events)
            assert caught.value.place == where
            assert reason in caught.value.reason


def test_an_event_that_contains_itself_and_what_is_no_list_are_refused(tmp_path: Path) -> None:
    with listening(tmp_path / "s"), Emitter(str(tmp_path / "s")) as emitter:
        for events, sentence in (
            (recursive(), "attributes.again[0]: contains itself: leave it out"),
            ((one for one in [EVENT]), "event: JSON has nothing of type generator: use a list"),
        ):
            with pytest.raises(EmitError) as caught:
                emitter.emit(cast("Any", events))
            assert str(caught.value) == sentence


@contextmanager
def listening(path: Path) -> Iterator[None]:
    """A socket that answers nothing."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield


def test_other_mappings_and_sequences_are_written_as_what_they_are(served: Served) -> None:
    served.start()
    event = MappingProxyType(EVENT | {"meta": MappingProxyType({"x": UserList([1])})})
    assert emit(UserList([event]), str(served.socket)) == counts(1, 0)


def test_the_function_needs_the_standard_library_alone(served: Served, tmp_path: Path) -> None:
    served.start()
    copied = tmp_path / "program" / "emit.py"
    copied.parent.mkdir()
    copied.write_bytes((Path(__file__).parents[3] / "sources" / "emit.py").read_bytes())
    script = f"from emit import emit; print(emit({EVENT!r}, {str(served.socket)!r}))"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", script],
        cwd=copied.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == str(counts(1, 0))
