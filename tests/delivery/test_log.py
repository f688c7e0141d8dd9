"""Log of the worker: nothing depends on it."""

from __future__ import annotations

import asyncio

import pytest

from delivery.log import TakenLog, location_of, never_raising
from delivery.worker import Ended
from tests.support.receiver_client import Receiver
from tests.support.running_worker import hook, running_worker
from tests.support.stores import Desk, events
from tests.support.waiting import eventually


class Broken(list[str]):
    """A log that nobody reads any more."""

    def append(self, _: str) -> None:
        raise BrokenPipeError


def test_a_log_that_fails_loses_its_lines_and_no_more() -> None:
    heard: list[str] = []
    never_raising(heard.append)("sent")
    never_raising(Broken().append)("sent")
    assert heard == ["sent"]


def test_what_is_taken_in_many_short_drains_is_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.log.TAKEN_EVERY_S", 0.05)
    lines: list[str] = []
    summed_up = asyncio.Event()

    def write(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            summed_up.set()

    async def tell() -> None:
        log = TakenLog(write)
        for events_ in (5, 1, 2):
            log.note(1, 1, events_)
        log.note(2, 2, 9)
        assert lines == [
            "webhook 1: 1 delivery taken, 5 events",
            "webhook 2: 2 deliveries taken, 9 events",
        ]
        await summed_up.wait()
        assert lines[2:] == ["webhook 1: 2 deliveries taken, 3 events"]
        log.note(1, 1, 1)
        log.flush()
        assert lines[3:] == ["webhook 1: 1 delivery taken, 1 event"]

    asyncio.run(tell())


def test_no_outcome_is_lost_because_nobody_listens(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/script:500,200/nobody-listens"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 2))
    with running_worker(desk, log=Broken()) as running:
        eventually(lambda: desk.status(1).delivered_events == 2)
    assert running.ended is Ended.STOPPED
    assert [request.status for request in shared_receiver.requests(path)] == [500, 200]


def test_the_place_of_an_error_says_nothing_of_its_message() -> None:
    try:
        raise ValueError("Bearer secret")
    except ValueError as error:
        place = location_of(error)
    assert place.startswith("ValueError at test_log.py:")
    assert location_of(ValueError("never raised")) == "ValueError"
