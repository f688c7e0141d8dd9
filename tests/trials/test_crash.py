"""kill -9 at random moments, of the worker and of the emitter: at most a repeat."""

from __future__ import annotations

import random
import signal

import pytest

from store.queue.attempts import undelivered
from tests.support.program import Tocsin
from tests.support.receiver_client import Receiver
from tests.support.running_worker import opened_desk
from tests.support.waiting import eventually
from tests.trials.rig import (
    Emitter,
    Fleet,
    accepted_order,
    add_webhooks,
    check_store,
    judge_all,
    requests_within,
    script,
)

FAULTS = ("500", "503", "hang", "reset", "close", "302", "half", "garbage")
EVENTS_A_ROUND = 60
ENVIRONMENT = {
    "TOCSIN_INTERVAL": "1s",
    "TOCSIN_LINGER": "0s",
    "TOCSIN_TIMEOUT": "400ms",
    "TOCSIN_MAX_EVENTS": "7",
}


class CrashTrial:
    """Rounds in which events are fed and the worker, the emitter or both are killed."""

    def __init__(self, tocsin: Tocsin, receiver: Receiver, seed: int, steps: int) -> None:
        self.dice = random.Random(seed)
        self.tocsin = tocsin
        self.receiver = receiver
        self.fleet = Fleet(tocsin)
        self.fed = 0
        self.kills = {"worker": 0, "emitter": 0, "stopped": 0}
        tocsin.environment |= ENVIRONMENT
        self.paths = ["/ok/steady", *(f"{script(self.dice, steps, FAULTS)}/{n}" for n in range(3))]
        add_webhooks(tocsin, [receiver.url(path) for path in self.paths])
        self.worker = self.fleet.start()

    def round(self, *, other_signals: bool = False) -> None:
        """Feed some events; in the middle of it kill what the dice say."""
        numbers = list(range(self.fed + 1, self.fed + EVENTS_A_ROUND + 1))
        self.fed += EVENTS_A_ROUND
        victims = self.dice.choice((("worker",), ("emitter",), ("worker", "emitter")))
        emitter = Emitter(self.tocsin)
        cut = self.dice.randrange(len(numbers))
        if emitter.feed(numbers[:cut]):
            self._wait_for_a_moment()
            self._kill(victims, emitter)
            emitter.feed(numbers[cut:])
        if emitter.finish() is None:
            self._feed_again(numbers)
        if other_signals:
            self._signal()

    def _wait_for_a_moment(self) -> None:
        """Until so many more requests came, or, without any, for a part of a second."""
        requests_within(self.receiver, self.dice.randrange(1, 8), self.dice.uniform(0.05, 0.6))

    def _kill(self, victims: tuple[str, ...], emitter: Emitter) -> None:
        for victim in victims:
            self.kills[victim] += 1
        if "emitter" in victims:
            emitter.kill()
        if "worker" in victims:
            self.fleet.kill(self.worker)
            self.worker = self.fleet.start()

    def _feed_again(self, numbers: list[int]) -> None:
        """Nobody knows how many of them a killed emitter took: all are sent once more."""
        again = Emitter(self.tocsin)
        again.feed(numbers)
        assert again.finish() == len(numbers)

    def _signal(self) -> None:
        if self.dice.random() < 0.5:
            self.kills["stopped"] += 1
            self.fleet.signal(self.worker, signal.SIGSTOP)
            self._wait_for_a_moment()
            self.fleet.signal(self.worker, signal.SIGCONT)
        else:
            self.fleet.active()  # before that a signal ends it in the ordinary way
            self.fleet.stop()
            self.worker = self.fleet.start()

    def end(self) -> None:
        """Let everything be delivered, and judge."""
        with opened_desk(self.tocsin.db) as desk:
            eventually(lambda: desk.call(undelivered) == 0, "everything delivered", 120)
        self.fleet.stop()
        order = [f"e{number}" for number in range(1, self.fed + 1)]
        assert accepted_order(self.tocsin) == order
        check_store(self.tocsin)
        for verdict in judge_all(self.receiver, self.paths, order):
            assert verdict.taken_again <= self.kills["worker"] + self.kills["stopped"]


def crash(tocsin: Tocsin, receiver: Receiver, *, rounds: int, seed: int, long: bool) -> None:
    trial = CrashTrial(tocsin, receiver, seed, steps=2 * rounds)
    for _ in range(rounds):
        trial.round(other_signals=long)
    trial.end()
    assert trial.kills["worker"] > rounds / 3
    assert trial.kills["emitter"] > rounds / 3
    # The trial is worth something only if it hit attempts in flight.
    assert "cut off when a worker ended" in trial.fleet.said()


@pytest.mark.timeout(300)
def test_kill_9_at_random_moments_costs_at_most_a_repeat(
    tocsin: Tocsin, lean_receiver: Receiver
) -> None:
    crash(tocsin, lean_receiver, rounds=14, seed=1, long=False)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(1, 6))
def test_the_same_a_hundred_times_with_other_signals_too(
    tocsin: Tocsin, lean_receiver: Receiver, seed: int
) -> None:
    crash(tocsin, lean_receiver, rounds=120, seed=seed, long=True)
