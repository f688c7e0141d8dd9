"""A terminal's worker gives way to a headless one, and goes on when that one ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread

import pytest
from msgspec.structs import replace

from delivery.sending_lock import STAND_ASIDE_S, LockClaim
from delivery.worker import LOCK_LOST
from domain.settings import Settings
from store import workers
from store.database import Store
from store.queue import deliveries
from store.records import StoredWorker
from store.workers import TERMINAL, SendingLock
from tests.support.program import Tocsin
from tests.support.receiver_client import Receiver, Request
from tests.support.running_worker import QUICK, hook, opened_desk, overlapping, running_worker
from tests.support.stores import NOW, Desk, carried, events
from tests.support.waiting import PATIENCE_S, eventually
from tui.state.worker_thread import WorkerThread

ENVIRONMENT = {"TOCSIN_INTERVAL": "1s", "TOCSIN_LINGER": "0s", "TOCSIN_TIMEOUT": "1m"}
OLD_S = workers.OLD_HEARTBEAT_MS / 1000
TAKEOVER_S = 10.0
"""One second is what is promised; a machine that is busy with other tests gets more, but less
than until a heartbeat is called old."""


@pytest.fixture
def desk(tocsin: Tocsin) -> Iterator[Desk]:
    """The store of the program under test."""
    with opened_desk(tocsin.db) as opened:
        yield opened


@contextmanager
def terminal(desk: Desk, settings: Settings = QUICK) -> Iterator[WorkerThread]:
    """A terminal's worker for the time of the block."""
    worker = WorkerThread(desk.store.sibling, settings, lambda _stored: settings)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        assert worker.join(PATIENCE_S)


def start_headless(tocsin: Tocsin) -> subprocess.Popen[str]:
    return tocsin.start("worker", "run", log=tocsin.home / "worker.log", **ENVIRONMENT)


def kinds(desk: Desk) -> dict[str, bool]:
    """Return the kinds of worker that are here, each with True if one of it sends."""
    everyone = desk.call(workers.load_all)
    return {
        one.kind: any(two.active for two in everyone if two.kind == one.kind) for one in everyone
    }


def sends(desk: Desk, kind: str) -> Callable[[], bool]:
    return lambda: kinds(desk).get(kind, False)


def all_sealed_and_taken(desk: Desk, webhook_ids: list[int]) -> bool:
    statuses = [desk.status(webhook_id) for webhook_id in webhook_ids]
    return all(one.queued == 0 and one.pending is None for one in statuses)


def judge(requests: list[Request], last: int) -> None:
    """Every event came, in order, each delivery once, and never two at once."""
    taken = [request for request in requests if request.status == 200]
    assert [number for request in taken for number in carried(request.body)] == [
        *range(1, last + 1)
    ]
    ids = [request.header("webhook-id") for request in taken]
    assert len(set(ids)) == len(ids)
    assert overlapping(requests) == 0


def test_a_headless_worker_gets_the_lock_and_leaves_it_to_the_terminal_when_it_ends(
    desk: Desk, tocsin: Tocsin, receiver: Receiver
) -> None:
    path = "/ok/handover"
    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 3))
    with terminal(desk):
        receiver.wait(path, events=3)
        headless = start_headless(tocsin)
        eventually(sends(desk, "headless"), "the headless one sends")
        assert kinds(desk) == {"headless": True, TERMINAL: False}
        desk.append(*events(4, 6))
        receiver.wait(path, events=6)
        assert attempts_of(desk, receiver.requests(path)[-1]) == [headless_id(desk)]
        headless.send_signal(signal.SIGTERM)
        headless.wait(PATIENCE_S)
        began = time.monotonic()
        eventually(sends(desk, TERMINAL), "the terminal sends again")
        assert time.monotonic() - began < TAKEOVER_S
        assert kinds(desk) == {TERMINAL: True}
        desk.append(*events(7, 9))
        receiver.wait(path, events=9)
        eventually(partial(all_sealed_and_taken, desk, [1]))
    judge(receiver.requests(path), 9)


def headless_id(desk: Desk) -> str:
    return next(one.id for one in desk.call(workers.load_all) if one.kind == "headless")


def attempts_of(desk: Desk, request: Request) -> list[str]:
    """Return the workers that made the attempts of a delivery."""
    eventually(lambda: desk.status(1).pending is None, "it is recorded")
    attempts = desk.call(deliveries.attempts, str(request.header("webhook-id")))
    return [attempt.worker for attempt in attempts]


def test_what_is_in_flight_is_recorded_before_the_lock_is_given_up(
    desk: Desk, tocsin: Tocsin, receiver: Receiver
) -> None:
    path = "/held/in-flight"
    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 1))
    with terminal(desk) as worker:
        receiver.wait(path, count=1)
        start_headless(tocsin)
        eventually(lambda: any("waiting for 1 in flight" in line for line in worker.lines))
        receiver.release(path)
        eventually(sends(desk, "headless"), "the headless one sends")
        assert desk.status(1).pending is None
        (request,) = receiver.requests(path)
        assert attempts_of(desk, request) == [worker.worker_id]
    judge(receiver.requests(path), 1)


def test_a_kill_9_of_the_headless_one_lets_the_terminal_send_again(
    desk: Desk, tocsin: Tocsin
) -> None:
    with terminal(desk):
        headless = start_headless(tocsin)
        eventually(sends(desk, "headless"), "the headless one sends")
        headless.kill()
        headless.wait()
        began = time.monotonic()
        eventually(sends(desk, TERMINAL), "the terminal sends again")
        assert time.monotonic() - began < TAKEOVER_S


def test_a_terminal_that_is_quit_while_it_gives_way_cuts_nothing_off(
    desk: Desk, tocsin: Tocsin, receiver: Receiver
) -> None:
    path = "/held/quit"

    def release_once_it_ends() -> None:
        eventually(lambda: any("waiting up to" in line for line in worker.lines))
        receiver.release(path)

    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 1))
    with terminal(desk) as worker:
        receiver.wait(path, count=1)
        start_headless(tocsin)
        eventually(lambda: any("waiting for 1 in flight" in line for line in worker.lines))
        release = Thread(target=release_once_it_ends)
        release.start()
    release.join()
    desk.append(*events(2, 2))
    receiver.wait(path, events=2)
    judge(receiver.requests(path), 2)


def test_no_event_is_lost_and_none_sent_twice_however_often_the_worker_changes(
    desk: Desk, tocsin: Tocsin, receiver: Receiver
) -> None:
    paths = ["/ok/0", "/ok/1", "/slow:0.3/2", "/script:503,200,503,200,reset,200/3"]
    ids = [desk.add(hook(receiver.url(path))) for path in paths]
    last = 0
    with terminal(desk), terminal(desk):
        for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            desk.append(*events(last + 1, last + 20))
            headless = start_headless(tocsin)
            eventually(sends(desk, "headless"), "the headless one sends")
            desk.append(*events(last + 21, last + 40))
            last += 40
            if end is signal.SIGKILL:  # a kill may cost a repeat, which is not this test's matter
                eventually(partial(all_sealed_and_taken, desk, ids))
            headless.send_signal(end)
            headless.wait(PATIENCE_S)
            eventually(sends(desk, TERMINAL), "a terminal sends again")
        eventually(partial(all_sealed_and_taken, desk, ids))
    for path in paths:
        judge(receiver.requests(path), last)


# The claim to the lock, step by step


@pytest.fixture
def store(desk: Desk) -> Store:
    return desk.store


def enter(store: Store, name: str, kind: str, *, active: bool = False) -> None:
    record = StoredWorker(name, "hub", 1, kind, active, NOW, NOW)
    store.call(workers.enter, record)
    if active:
        store.call(workers.take_over, name, NOW)


class Watch:
    """A monotonic clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def claim_of(
    store: Store, name: str, kind: str, watch: Watch | None = None, now_ms: int = NOW
) -> LockClaim:
    return LockClaim(
        store, name, kind=kind, asks=True, monotonic=watch or Watch(), now_ms=lambda: now_ms
    )


def take(claim: LockClaim) -> bool:
    return asyncio.run(claim.take())


def test_a_free_lock_is_left_to_the_worker_that_was_promised_it(store: Store) -> None:
    enter(store, "t1", TERMINAL, active=True)
    enter(store, "t2", TERMINAL)
    enter(store, "h", "headless")
    held = SendingLock(store.path)
    assert held.acquire()
    headless, second = claim_of(store, "h", "headless"), claim_of(store, "t2", TERMINAL)
    assert not take(headless)
    assert store.call(workers.must_yield, "t1")
    held.release()
    store.call(workers.beat, "t1", NOW, active=False)
    assert not take(second)
    assert take(headless)
    store.call(workers.take_over, "h", NOW)
    assert not store.call(workers.is_promised)
    headless.release()
    assert take(second)
    second.release()


def test_a_promise_to_a_dead_worker_holds_for_some_seconds_only(store: Store) -> None:
    enter(store, "t", TERMINAL, active=True)
    enter(store, "h", "headless")
    assert store.call(workers.ask_to_yield, "h")
    watch = Watch()
    claim = claim_of(store, "t", TERMINAL, watch)
    assert not take(claim)
    watch.now = STAND_ASIDE_S - 0.1
    assert not take(claim)
    watch.now = STAND_ASIDE_S
    assert take(claim)
    claim.release()


def test_a_promise_counts_only_while_the_lock_is_free(store: Store) -> None:
    enter(store, "t", TERMINAL, active=True)
    enter(store, "h", "headless")
    store.call(workers.ask_to_yield, "h")
    watch = Watch()
    claim = claim_of(store, "t2", TERMINAL, watch)
    held = SendingLock(store.path)
    assert held.acquire()
    assert not take(claim)
    watch.now = 60.0
    assert not take(claim)
    held.release()
    assert not take(claim)


def test_a_worker_that_leaves_takes_what_it_asked_for_with_it(store: Store) -> None:
    enter(store, "t", TERMINAL, active=True)
    enter(store, "h", "headless")
    store.call(workers.ask_to_yield, "h")
    store.call(workers.leave, "h")
    assert not store.call(workers.must_yield, "t")
    assert not store.call(workers.is_promised)


# A lock whose file was deleted


def beat(store: Store, name: str, now_ms: int) -> None:
    store.call(workers.beat, name, now_ms, active=True)


def test_who_finds_a_new_lock_file_waits_while_the_last_sender_beats(store: Store) -> None:
    enter(store, "a", "headless", active=True)
    watch = Watch()
    claim = claim_of(store, "b", "headless", watch)
    for second in range(0, 60, 5):
        watch.now = second
        beat(store, "a", NOW + second * 1000)
        assert not take(claim)
        assert not SendingLock(store.path).is_held()
    watch.now += OLD_S - 0.1
    assert not take(claim)
    watch.now += 0.1
    assert take(claim)
    claim.release()


def test_who_finds_a_new_lock_file_goes_on_when_the_last_sender_stands_by(store: Store) -> None:
    enter(store, "a", "headless", active=True)
    claim = claim_of(store, "b", "headless")
    assert not take(claim)
    store.call(workers.beat, "a", NOW, active=False)
    assert take(claim)
    claim.release()


def test_a_last_sender_without_a_process_is_waited_for_until_it_missed_a_beat(
    store: Store,
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    here = os.uname().nodename
    store.call(workers.enter, StoredWorker("a", here, ended.pid, "headless", False, NOW, NOW))
    beat(store, "a", NOW)
    watch = Watch()
    claim = claim_of(store, "b", "headless", watch)
    assert not take(claim)
    watch.now = workers.MISSED_BEAT_MS / 1000
    assert take(claim)
    claim.release()


def test_a_last_sender_that_was_silent_for_long_is_not_waited_for(store: Store) -> None:
    enter(store, "a", "headless", active=True)
    early = claim_of(store, "b", "headless", now_ms=NOW + workers.OLD_HEARTBEAT_MS - 1)
    assert not take(early)
    late = claim_of(store, "b", "headless", now_ms=NOW + workers.OLD_HEARTBEAT_MS)
    assert take(late)
    late.release()


def test_a_lock_that_names_the_last_sender_is_taken_at_once(store: Store) -> None:
    enter(store, "a", "headless")
    first, second = claim_of(store, "a", "headless"), claim_of(store, "b", "headless")
    assert take(first)
    store.call(workers.take_over, "a", NOW)
    first.release()
    assert take(second)
    second.release()


def test_a_worker_takes_a_new_lock_where_the_file_was_deleted_and_goes_on(
    desk: Desk, receiver: Receiver
) -> None:
    path = "/ok/deleted"
    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 3))
    with running_worker(desk) as running:
        receiver.wait(path, events=3)
        lock = SendingLock(desk.store.path)
        lock.path.unlink()
        eventually(lock.is_held, "it holds the new file")
        desk.append(*events(4, 6))
        running.worker.wake()
        receiver.wait(path, events=6)
        assert running.said(LOCK_LOST)
    judge(receiver.requests(path), 6)


def test_nothing_is_begun_without_the_lock(desk: Desk, receiver: Receiver) -> None:
    """Each attempt asks; it does not wait for the next look of the worker."""
    path = "/held/without"
    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 30))
    with running_worker(desk, replace(QUICK, max_events=10)) as running:
        receiver.wait(path, count=1)
        lock = SendingLock(desk.store.path.with_name("other.db"))
        assert lock.acquire()
        lock.path.replace(SendingLock(desk.store.path).path)
        receiver.release(path)
        eventually(lambda: running.said(LOCK_LOST))
        assert len(receiver.requests(path)) == 1
        lock.release()
        receiver.wait(path, events=30)
    judge(receiver.requests(path), 30)


def test_of_two_processes_one_sends_though_the_lock_file_is_deleted_between_them(
    desk: Desk, tocsin: Tocsin, receiver: Receiver
) -> None:
    path = "/held/replaced"
    desk.add(hook(receiver.url(path)))
    desk.append(*events(1, 2))
    first, first_log = start_headless(tocsin), tocsin.home / "worker.log"
    receiver.wait(path, count=1)
    SendingLock(desk.store.path).path.unlink()
    second_log = tocsin.home / "second.log"
    second = tocsin.start("worker", "run", log=second_log, **ENVIRONMENT)
    desk.append(*events(3, 4))
    eventually(lambda: len(desk.call(workers.load_rows)) == 2, "the second one is here")
    receiver.release(path)
    eventually(lambda: LOCK_LOST in first_log.read_text(), "the first one notices")
    receiver.wait(path, events=4)
    eventually(partial(all_sealed_and_taken, desk, [1]))
    eventually(lambda: [one.active for one in desk.call(workers.load_all)] == [True, False])
    eventually(lambda: "standing by" in first_log.read_text() + second_log.read_text())
    for process in (first, second):
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    judge(receiver.requests(path), 4)
    assert "cut off" not in first_log.read_text() + second_log.read_text()


def test_only_a_terminal_that_sends_is_asked_and_only_once(store: Store) -> None:
    enter(store, "h1", "headless", active=True)
    enter(store, "t", TERMINAL)
    enter(store, "h2", "headless")
    assert not store.call(workers.ask_to_yield, "h2")
    store.call(workers.take_over, "t", NOW)
    assert store.call(workers.ask_to_yield, "h2")
    assert not store.call(workers.ask_to_yield, "h1")


def test_a_headless_worker_is_never_asked(store: Store) -> None:
    enter(store, "h", "headless", active=True)
    claim = claim_of(store, "h", "headless")
    assert asyncio.run(claim.is_wanted()) is False
