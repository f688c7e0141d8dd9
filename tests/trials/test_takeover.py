"""Three workers, twenty webhooks, four emitters; the active worker is killed ten times."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from tests.program import Tocsin
from tests.receiver_client import Receiver
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
EVENTS_EACH = 5_000
WEBHOOKS = 20
KILLS = 10
PAUSES = 3
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

    def __init__(self, tocsin: Tocsin, parts: int) -> None:
        self._tocsin = tocsin
        self._parts = parts
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
        assert self.accepted == [EVENTS_EACH] * EMITTERS

    def _emit(self, emitter_number: int) -> None:
        emitter = Emitter(self._tocsin)
        numbers = list(range(emitter_number * EVENTS_EACH, (emitter_number + 1) * EVENTS_EACH))
        for part in range(self._parts):
            self._turns[emitter_number].acquire()
            # In small pieces, so that the emitters' events mix.
            for start in range(0, EVENTS_EACH // self._parts + 1, 25):
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
def test_others_take_over_and_every_event_comes_once_and_in_order(
    tocsin: Tocsin, lean_receiver: Receiver
) -> None:
    dice = random.Random(2)
    tocsin.environment |= ENVIRONMENT
    add_webhooks(tocsin, [lean_receiver.url(path) for path in PATHS])
    fleet = Fleet(tocsin)
    for _ in range(3):
        fleet.start()
    crowd = Crowd(tocsin, KILLS + PAUSES)
    disturbances = ["kill"] * KILLS + ["pause"] * PAUSES
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
        lean_receiver.wait(path, events=EMITTERS * EVENTS_EACH, timeout=60)
    fleet.stop()
    order = accepted_order(tocsin)
    assert len(order) == EMITTERS * EVENTS_EACH
    verdicts = judge_all(lean_receiver, PATHS, order)
    assert all(verdict.taken_again <= KILLS + PAUSES for verdict in verdicts), verdicts
    assert "cut off when a worker ended" in fleet.said()
    check_store(tocsin)
