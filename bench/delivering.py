"""Flow and drain: events on their way to receivers, by Tocsin and by syslog-ng beside it."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench import check, syslog_ng
from bench.events import EventFile, event_file
from bench.program import Receiving, emit, receiver, worker
from bench.results import Figure, Run, ratios
from bench.rounds import interleaved
from bench.stores import add_webhooks, new_path, opened
from domain.signing import generate_secret

HEADERS = (("Authorization", "Bearer 0123456789abcdef"), ("X-Tenant", "north"))

SETTLE_S = 0.3
"""For what is written after the last body came."""


@dataclass(frozen=True, slots=True)
class Load:
    """Events of a file for so many receivers, in lists of at most so many."""

    data: EventFile
    receivers: int
    batch: int
    headers: tuple[tuple[str, str], ...] = ()
    secret: str | None = None

    @property
    def size(self) -> int:
        """Bytes of events at all receivers together."""
        return self.data.size * self.receivers

    @property
    def count(self) -> int:
        """Events at all receivers together."""
        return self.data.count * self.receivers


@dataclass(frozen=True, slots=True)
class Taken:
    """One measurement."""

    rate: float
    """Events that reached a receiver, a second."""

    cpu: float
    """Processor time of an event that reached a receiver, microseconds."""

    emit_cpu: float = 0.0
    """The part of it that `event emit` took."""


Measure = Callable[[Run, Receiving, Load], Taken]


def _taken(load: Load, seconds: float, cpu_s: float) -> Taken:
    return Taken(load.count / seconds, cpu_s / load.count * 1e6)


def tocsin_flow(run: Run, receiving: Receiving, load: Load) -> Taken:
    """From the start of `event emit`, beside a worker that waits, to the last body."""
    with _store(run, receiving, load) as db, worker(db) as sending:
        before_s = sending.cpu_s
        emitted = emit(db, load.data.path, count=load.data.count)
        seconds = receiving.wait(load.size).last_s - emitted.began_s
        time.sleep(SETTLE_S)
        taken = _taken(load, seconds, sending.cpu_s - before_s + emitted.cpu_s)
        return replace(taken, emit_cpu=emitted.cpu_s / load.count * 1e6)


def tocsin_drain(run: Run, receiving: Receiving, load: Load) -> Taken:
    """From the first request to the last body, the worker being started on a full queue."""
    with _store(run, receiving, load) as db:
        emit(db, load.data.path, count=load.data.count)
        with worker(db) as sending:
            arrival = receiving.wait(load.size)
            time.sleep(SETTLE_S)
            return _taken(load, arrival.last_s - arrival.first_s, sending.cpu_s)


def syslog_ng_flow(run: Run, receiving: Receiving, load: Load) -> Taken:
    """From the first byte that it is sent over TCP to the last body."""
    urls = receiving.urls(load.receivers)
    with _buffers(run) as folder, syslog_ng.serving(folder, urls, batch=load.batch) as serving:
        before_s = serving.cpu_s
        began_s = time.monotonic()
        serving.feed(load.data.path)
        seconds = receiving.wait(load.size).last_s - began_s
        time.sleep(SETTLE_S)
        return _taken(load, seconds, serving.cpu_s - before_s)


def syslog_ng_drain(run: Run, receiving: Receiving, load: Load) -> Taken:
    """From the first request to the last body, it being started on full buffers."""
    nobody = [syslog_ng.NOBODY] * load.receivers
    with _buffers(run) as folder:
        with syslog_ng.serving(folder, nobody, batch=load.batch) as serving:
            serving.feed(load.data.path)
        urls = receiving.urls(load.receivers)
        with syslog_ng.serving(folder, urls, batch=load.batch) as serving:
            arrival = receiving.wait(load.size)
            time.sleep(SETTLE_S)
            return _taken(load, arrival.last_s - arrival.first_s, serving.cpu_s)


@contextmanager
def _store(run: Run, receiving: Receiving, load: Load) -> Iterator[Path]:
    db = new_path(run.folder)
    urls = receiving.urls(load.receivers)
    with opened(db) as store:
        add_webhooks(store, urls, load.secret, max_events=load.batch, headers=load.headers)
    try:
        yield db
    finally:
        shutil.rmtree(db.parent)


@contextmanager
def _buffers(run: Run) -> Iterator[Path]:
    folder = run.folder / "syslog-ng"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def checked(run: Run, load: Load, name: str, measure: Measure) -> Taken:
    """Measure once, and check every body that came."""
    with receiver() as receiving:
        taken = measure(run, receiving, load)
        bodies = receiving.bodies()
    urls = receiving.urls(load.receivers)
    run.check(name, check.faults(load.data, bodies, urls), sum(map(len, bodies.values())))
    return taken


def flow(run: Run) -> None:
    """One receiver, lists of 1,000."""
    data = event_file(run.folder, run.pick(1_000_000, 300_000))
    _beside_syslog_ng(run, Load(data, 1, 1_000), _FLOW, rate=1.0, cpu=1.1)


def drain(run: Run) -> None:
    """One receiver, lists of 1,000, all of it queued before."""
    data = event_file(run.folder, run.pick(1_000_000, 300_000))
    _beside_syslog_ng(run, Load(data, 1, 1_000), _DRAIN, rate=1.5)


def flow_to_ten(run: Run) -> None:
    """Ten receivers, lists of 1,000."""
    data = event_file(run.folder, run.pick(200_000, 100_000))
    _beside_syslog_ng(run, Load(data, 10, 1_000), _FLOW, rate=5.0)


def flow_in_hundreds(run: Run) -> None:
    """One receiver, lists of 100."""
    data = event_file(run.folder, run.pick(300_000, 100_000))
    _beside_syslog_ng(run, Load(data, 1, 100), _FLOW, rate=0.4)


def hundred_receivers(run: Run) -> None:
    """A hundred receivers in lists of 100, and one."""
    one = Load(event_file(run.folder, run.pick(200_000, 50_000)), 1, 100)
    many = Load(event_file(run.folder, run.pick(5_000, 2_000)), 100, 100)
    taken = interleaved(
        {
            "1 receiver": lambda: checked(run, one, "1 receiver", tocsin_drain),
            "100 receivers": lambda: checked(run, many, "100 receivers", tocsin_drain),
        },
        run.rounds,
    )
    run.add(
        [
            *(_figure(f"drain, {name}", rates) for name, rates in taken.items()),
            Figure(
                "100 receivers / 1 receiver",
                "",
                _rates(taken["100 receivers"], taken["1 receiver"]),
                at_least=2.0,
            ),
        ]
    )


def secrets(run: Run) -> None:
    """Receivers with headers and signing secrets, and such without."""
    secret = generate_secret(random.randbytes)
    for batch, count in ((1_000, run.pick(500_000, 300_000)), (100, run.pick(100_000, 50_000))):
        bare = Load(event_file(run.folder, count), 1, batch)
        sealed = replace(bare, headers=HEADERS, secret=secret)
        taken = interleaved(
            {
                "without": partial(checked, run, bare, "without secrets", tocsin_drain),
                "with": partial(checked, run, sealed, "with secrets", tocsin_drain),
            },
            run.rounds,
        )
        ratio = _rates(taken["with"], taken["without"])
        run.add(
            _figure(f"drain, {batch:,} a request, {name}", each) for name, each in taken.items()
        )
        run.add([Figure(f"{batch:,} a request, with / without", "", ratio, at_least=0.95)])


_FLOW = {"Tocsin": tocsin_flow, "syslog-ng": syslog_ng_flow}
_DRAIN = {"Tocsin": tocsin_drain, "syslog-ng": syslog_ng_drain}


def _beside_syslog_ng(
    run: Run, load: Load, sides: Mapping[str, Measure], *, rate: float, cpu: float | None = None
) -> None:
    """Measure both in turns, and judge the ratios: at least this rate, at most this much CPU."""
    lacking = syslog_ng.lacking()
    measures = {
        name: partial(checked, run, load, name, measure)
        for name, measure in sides.items()
        if name == "Tocsin" or not lacking
    }
    taken = interleaved(measures, run.rounds)
    for name, each in taken.items():
        cpus = tuple(one.cpu for one in each)
        run.add([_figure(name, each), Figure(f"{name}, processor time", "us/event", cpus)])
        if any(one.emit_cpu for one in each):
            emits = tuple(one.emit_cpu for one in each)
            run.add([Figure(f"{name}, that of event emit alone", "us/event", emits)])
    if lacking:
        run.skip(lacking)
        return
    ours, theirs = taken["Tocsin"], taken["syslog-ng"]
    cpus = ratios([one.cpu for one in ours], [one.cpu for one in theirs])
    run.add(
        [
            Figure("Tocsin / syslog-ng", "", _rates(ours, theirs), at_least=rate),
            Figure("processor time, Tocsin / syslog-ng", "", cpus, at_most=cpu),
        ]
    )


def _figure(name: str, taken: list[Taken]) -> Figure:
    return Figure(name, "events/s", tuple(one.rate for one in taken))


def _rates(ours: list[Taken], theirs: list[Taken]) -> tuple[float, ...]:
    return ratios([one.rate for one in ours], [one.rate for one in theirs])
