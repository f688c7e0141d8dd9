"""Three workers, twenty webhooks, four emitters; the active worker is killed again and again."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from tests.support.program import Tocsin
from tests.support.receiver_client import Receiver
from tests.trials.rig import (
    Emitter,
    Fleet,
    accepted_order,
    add_webhooks,
    check_store,
    judge_all,
    requests_within,
)

EMITTERS = 4
WEBHOOKS = 20
ENVIRONMENT = {
    "TOCSIN_INTERVAL": "1s",
    "TOCSIN_LINGER": "0s",
    "TOCSIN_TIMEOUT": "1s",
    "TOCSIN_MAX_EVENTS": "200",
}
# Most take everything at once; two always have something in flight, and two fail now and then.
PATHS = (
    *(f"/ok/{number}" for number in range(WEBHOOKS - 4)),
    *(f"/script:{','.join(['hang', '200', '200'] * 10)},200/{number}" for number in range(2)),
    *(f"/script:{','.join(['200', '503', 'reset'] * 8)},200/{number}" for number in range(2)),
)


class Crowd:
    """The emitters, each of which goes on with the next part of its events when it is told to."""

    def __init__(self, tocsin: Tocsin, parts: int, events_each: int) -> None:
        self._tocsin = tocsin
        self._parts = parts
        self._events_each = events_each
        self._turns = [threading.Semaphore(0) for _ in range(EMITTERS)]
        self._threads = [
            threading.Thread(target=self._emit, args=(n,), daemon=True) for n in range(EMITTERS)
        ]
        self.accepted: list[int | None] = []
        for thread in self._threads:
            thread.start()

    def go_on(self) -> None:
        """Let each emit its next part."""
        for turn in self._turns:
            turn.release()

    def finish(self) -> None:
        """Let each emit what is left, and wait for that."""
        for _ in range(self._parts):
            self.go_on()
        for thread in self._threads:
            thread.join(90)
        assert self.accepted == [self._events_each] * EMITTERS

    def _emit(self, emitter_number: int) -> None:
        emitter, count = Emitter(self._tocsin), self._events_each
        numbers = list(range(emitter_number * count, (emitter_number + 1) * count))
        for part in range(self._parts):
            self._turns[emitter_number].acquire()
            # In small pieces, so that the emitters' events mix.
            for start in range(0, count // self._parts + 1, 25):
                emitter.feed(numbers[part :: self._parts][start : start + 25])
        self.accepted.append(emitter.finish())


def kill_the_active(fleet: Fleet) -> None:
    """End the active worker in the middle of its work, and start another to stand by."""
    fleet.kill(fleet.active())
    fleet.start()


def stop_and_continue_the_active(fleet: Fleet, receiver: Receiver) -> None:
    """Stop it for longer than the others look for the lock: none of them may take over."""
    active = fleet.active()
    fleet.signal(active, signal.SIGSTOP)
    requests_within(receiver, 1_000_000, 1.2)
    assert fleet.active() == active
    fleet.signal(active, signal.SIGCONT)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("kills", "pauses", "events_each"),
    [(5, 2, 2_000), pytest.param(10, 3, 5_000, marks=pytest.mark.long)],
)
def test_others_take_over_and_every_event_comes_once_and_in_order(
    tocsin: Tocsin, lean_receiver: Receiver, kills: int, pauses: int, events_each: int
) -> None:
    dice = random.Random(2)
    tocsin.environment |= ENVIRONMENT
    add_webhooks(tocsin, [lean_receiver.url(path) for path in PATHS])
    fleet = Fleet(tocsin)
    for _ in range(3):
        fleet.start()
    crowd = Crowd(tocsin, kills + pauses, events_each)
    disturbances = ["kill"] * kills + ["pause"] * pauses
    dice.shuffle(disturbances)
    for disturbance in disturbances:
        crowd.go_on()
        fleet.active()
        requests_within(lean_receiver, dice.randrange(1, 60), 2)
        if disturbance == "kill":
            kill_the_active(fleet)
        else:
            stop_and_continue_the_active(fleet, lean_receiver)
    crowd.finish()

    for path in PATHS:
        lean_receiver.wait(path, events=EMITTERS * events_each, timeout=60)
    fleet.stop()
    order = accepted_order(tocsin)
    assert len(order) == EMITTERS * events_each
    verdicts = judge_all(lean_receiver, PATHS, order)
    assert all(verdict.taken_again <= kills + pauses for verdict in verdicts), verdicts
    assert "cut off when a worker ended" in fleet.said()
    check_store(tocsin)
