"""Rig of the trials: workers and emitters that are killed, and the judgement on what came."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from store.events import reading
from tests.support.program import ROOT, Tocsin
from tests.support.receiver_client import Receiver, Request
from tests.support.running_worker import hook, opened_desk
from tests.support.stores import ALERTS
from tests.support.waiting import eventually

SENDING = "sending for /"
"""Words of a worker that has become the active one."""


def event_line(number: int) -> bytes:
    """The event `e<number>` as one line of input."""
    event = {"type": "alerts", "id": f"e{number}", "attributes": {"number": number}}
    return json.dumps(event).encode() + b"\n"


@dataclass
class Fleet:
    """Workers on one store, each with a log of its own."""

    tocsin: Tocsin
    running: dict[Path, subprocess.Popen[str]] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)

    def start(self) -> Path:
        """Start one more worker."""
        log = self.tocsin.home / f"worker-{len(self.logs)}.log"
        self.running[log] = self.tocsin.start("worker", "run", log=log)
        self.logs.append(log)
        return log

    def active(self) -> Path:
        """Wait until one of them sends; its log."""
        eventually(lambda: self._sending(), "a worker that sends")
        (log,) = self._sending()
        return log

    def signal(self, log: Path, number: signal.Signals) -> None:
        """Send a worker a signal."""
        self.running[log].send_signal(number)

    def kill(self, log: Path) -> None:
        """End a worker as a power cut would, and wait until it is gone."""
        process = self.running.pop(log)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Ask all of them to end; each must end well."""
        for log, process in list(self.running.items()):
            process.terminate()
            assert process.wait(60) == 0, log.read_text(encoding="utf-8")
            del self.running[log]

    def said(self) -> str:
        """Return what all of them said."""
        return "".join(log.read_text(encoding="utf-8") for log in self.logs)

    def _sending(self) -> list[Path]:
        return [log for log in self.running if SENDING in log.read_text(encoding="utf-8")]


class Emitter:
    """`tocsin event emit -`, fed through a pipe."""

    def __init__(self, tocsin: Tocsin) -> None:
        environment = {
            "HOME": str(tocsin.home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
        }
        self._process = subprocess.Popen(
            [*tocsin.command, "--db", str(tocsin.db), "event", "emit", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=tocsin.home,
        )

    def feed(self, numbers: Iterable[int]) -> bool:
        """Hand over these events; False if it was killed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"".join(event_line(number) for number in numbers))
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def finish(self) -> int | None:
        """End its input; how many events it then says are on disk, None if it was killed."""
        try:
            out, err = self._process.communicate(timeout=90)
        except BrokenPipeError:
            out, err = b"", b""
        if self._process.wait() == -signal.SIGKILL:
            return None
        assert self._process.returncode == 0, err
        answer = json.loads(out)
        return int(answer["accepted"]) + int(answer["repeated"])

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()


def add_webhooks(tocsin: Tocsin, urls: Iterable[str]) -> None:
    """Add a webhook for alerts for each URL."""
    with opened_desk(tocsin.db) as desk:
        for url in urls:
            desk.add(hook(url))


def accepted_order(tocsin: Tocsin) -> list[str]:
    """The ids of all alerts in the order in which the store accepted them."""
    with opened_desk(tocsin.db) as desk:
        head = desk.call(reading.heads)[ALERTS]
        return [event.id for event in desk.call(reading.after, ALERTS, 0, limit=head)]


def check_store(tocsin: Tocsin) -> None:
    """The store must be sound."""
    checked = tocsin.run("db", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def script(dice: random.Random, length: int, faults: Sequence[str]) -> str:
    """A receiver's path that takes two in three requests, and everything after `length`."""
    steps = [dice.choice(faults) if dice.random() < 1 / 3 else "200" for _ in range(length)]
    return "/script:" + ",".join([*steps, "200"])


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on what one webhook's receiver saw. All but the last two must be nothing."""

    lost: int
    reordered: int
    unexpected: int
    changed: int
    in_two_deliveries: int
    torn_apart: int
    overlapping: int
    attempts: int
    taken_again: int

    @property
    def sound(self) -> bool:
        """Return True if the laws were kept."""
        return not any(
            (
                self.lost,
                self.reordered,
                self.unexpected,
                self.changed,
                self.in_two_deliveries,
                self.torn_apart,
                self.overlapping,
            )
        )


def judge(requests: Sequence[Request], order: Sequence[str]) -> Verdict:
    """Judge all requests of one webhook, in the order of their arrival.

    `torn_apart` are deliveries whose attempts had another delivery's between them;
    `taken_again` are requests that were answered 2XX though one before them had been.
    """
    first_taken = list(dict.fromkeys(itertools.chain(*(r.ids for r in requests if _taken(r)))))
    deliveries = [request.header("webhook-id") or "" for request in requests]
    turns = [delivery for delivery, _ in itertools.groupby(deliveries)]
    bodies = {(delivery, r.sha256) for delivery, r in zip(deliveries, requests, strict=True)}
    homes = {(id_, d) for d, r in zip(deliveries, requests, strict=True) for id_ in r.ids}
    taken = [d for d, r in zip(deliveries, requests, strict=True) if _taken(r)]
    known, seen = set(order), set(first_taken)
    return Verdict(
        lost=len(known - seen),
        unexpected=len({id_ for id_, _ in homes} - known),
        reordered=sum(a != b for a, b in zip(first_taken, order, strict=False)),
        changed=len(bodies) - len(set(deliveries)),
        in_two_deliveries=len(homes) - len({id_ for id_, _ in homes}),
        torn_apart=len(turns) - len(set(turns)),
        overlapping=sum(_overlap(*two) for two in itertools.pairwise(requests)),
        attempts=len(requests),
        taken_again=len(taken) - len(set(taken)),
    )


def _taken(request: Request) -> bool:
    return 200 <= (request.status or 0) < 300


def _overlap(before: Request, after: Request) -> bool:
    return before.ended_ns is None or after.started_ns < before.ended_ns


def judge_all(receiver: Receiver, paths: Sequence[str], order: Sequence[str]) -> list[Verdict]:
    """Judge every webhook; each must be sound."""
    by_path: dict[str, list[Request]] = {path: [] for path in paths}
    for request in receiver.requests():
        by_path[request.path].append(request)
    verdicts = [judge(requests, order) for requests in by_path.values()]
    assert all(verdict.sound for verdict in verdicts), verdicts
    return verdicts


def requests_within(receiver: Receiver, more: int, seconds: float) -> int:
    """Wait until so many more requests came, but no longer than this; how many came in all."""
    before = _count(receiver, 0, 0)
    return _count(receiver, before + more, seconds)


def _count(receiver: Receiver, wanted: int, seconds: float) -> int:
    url = receiver.url(f"/_wait?count={wanted}&timeout={seconds}")
    with urllib.request.urlopen(url, timeout=seconds + 30) as answer:  # noqa: S310 - our receiver
        return int(json.load(answer)["count"])
