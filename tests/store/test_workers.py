"""Law 7: one sender, by a lock of the operating system."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store import workers
from store.errors import StoreUnavailable
from store.records import StoredWorker
from store.workers import SendingLock
from tests.support.stores import NOW, Child, Desk

HOLD = """
lock = workers.SendingLock(path)
assert lock.acquire()
ready()
"""


@pytest.fixture
def holder(store_path: Path) -> Iterator[Child]:
    """Another process that holds the lock."""
    store_path.parent.mkdir(exist_ok=True)
    child = Child(HOLD, store_path)
    child.wait_ready()
    yield child
    child.kill()


def test_the_lock_is_taken_once_and_given_back(store_path: Path) -> None:
    store_path.parent.mkdir()
    first, second = SendingLock(store_path), SendingLock(store_path)
    assert first.acquire()
    assert first.acquire()
    assert not second.acquire()
    first.release()
    first.release()
    assert second.acquire()
    assert not first.acquire()
    second.release()
    assert first.path.stat().st_mode & 0o777 == 0o600


def test_another_process_is_kept_out_until_the_holder_ends(holder: Child, store_path: Path) -> None:
    lock = SendingLock(store_path)
    assert not lock.acquire()
    holder.go()
    holder.finish()
    assert lock.acquire()
    lock.release()


def test_a_kill_9_frees_the_lock(holder: Child, store_path: Path) -> None:
    os.kill(holder.process.pid, signal.SIGKILL)
    holder.process.wait()
    lock = SendingLock(store_path)
    assert lock.acquire()
    lock.release()


def test_a_stopped_process_keeps_the_lock(holder: Child, store_path: Path) -> None:
    os.kill(holder.process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, holder.process.pid, os.WSTOPPED)
    assert not SendingLock(store_path).acquire()
    os.kill(holder.process.pid, signal.SIGCONT)
    assert not SendingLock(store_path).acquire()


def test_a_program_that_the_holder_starts_does_not_inherit_the_lock(store_path: Path) -> None:
    store_path.parent.mkdir()
    child = Child(
        """
import subprocess
nowhere = subprocess.DEVNULL
lock = workers.SendingLock(path)
assert lock.acquire()
sleeper = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=nowhere, stderr=nowhere)
print(sleeper.pid, flush=True)
""",
        store_path,
    )
    sleeper = int(child.finish())
    try:
        lock = SendingLock(store_path)
        assert lock.acquire()
        lock.release()
    finally:
        os.kill(sleeper, signal.SIGKILL)


def test_a_lock_whose_file_was_deleted_is_no_longer_kept(store_path: Path) -> None:
    store_path.parent.mkdir()
    first, second = SendingLock(store_path), SendingLock(store_path)
    assert not first.is_kept()
    assert first.acquire()
    assert first.is_kept()
    first.path.unlink()
    assert not first.is_kept()
    assert second.acquire()
    assert second.is_kept()
    assert not first.is_kept()
    first.release()
    assert not first.acquire()
    second.release()


def test_a_lock_that_cannot_be_looked_at_is_still_kept(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_path: Path) -> os.stat_result:
        raise PermissionError

    store_path.parent.mkdir()
    lock = SendingLock(store_path)
    assert lock.acquire()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", refused)
        assert lock.is_kept()
    lock.release()


def test_a_file_that_is_deleted_while_it_is_being_locked_is_not_the_lock(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_path.parent.mkdir()
    lock = SendingLock(store_path)
    flock, to_delete = fcntl.flock, [lock.path]

    def deleting(descriptor: int, operation: int) -> None:
        while to_delete:
            to_delete.pop().unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", deleting)
    assert lock.acquire()
    assert lock.is_kept()
    assert not SendingLock(store_path).acquire()
    lock.release()


@contextmanager
def look(lock: SendingLock) -> Iterator[Callable[[], None]]:
    """Hold the share of a lock that one has who asks if it is held; what ends that."""
    lock.path.touch()
    with lock.path.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield file.close


def test_who_merely_looks_at_the_lock_keeps_nobody_from_taking_it(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_path.parent.mkdir()
    lock = SendingLock(store_path)
    with look(lock) as end:
        monkeypatch.setattr(time, "sleep", lambda _: end())
        assert lock.acquire()
    lock.release()


def test_who_looks_for_ever_is_not_waited_for(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    store_path.parent.mkdir()
    lock = SendingLock(store_path)
    monkeypatch.setattr(time, "sleep", slept.append)
    with look(lock):
        assert not lock.acquire()
    assert 0 < sum(slept) <= 0.25
    slept.clear()
    assert lock.acquire()
    assert not SendingLock(store_path).acquire()
    assert slept == []
    lock.release()


def test_the_lock_names_the_worker_that_took_it_last(store_path: Path) -> None:
    store_path.parent.mkdir()
    lock = SendingLock(store_path)
    with pytest.raises(RuntimeError, match="not held"):
        lock.last_worker()
    for before, name in (("", "w-with-a-long-name"), ("w-with-a-long-name", "w1")):
        assert lock.acquire()
        assert lock.last_worker() == before
        lock.sign(name)
        lock.release()
    assert lock.acquire()
    assert lock.last_worker() == "w1"
    lock.release()
    lock.path.unlink()
    assert lock.acquire()
    assert lock.last_worker() == ""
    lock.release()


def test_a_lock_that_no_worker_took_leaves_no_file(store_path: Path) -> None:
    store_path.parent.mkdir()
    lock = SendingLock(store_path)
    lock.leave()
    assert lock.acquire()
    lock.leave()
    assert list(store_path.parent.iterdir()) == []
    assert lock.acquire()
    lock.sign("w1")
    lock.leave()
    assert not lock.is_held()
    SendingLock(store_path).leave()
    assert lock.path.read_text() == "w1"


def test_a_lock_file_that_is_a_link_is_not_followed(store_path: Path, tmp_path: Path) -> None:
    store_path.parent.mkdir()
    target = tmp_path / "target"
    lock = SendingLock(store_path)
    lock.path.symlink_to(target)
    with pytest.raises(StoreUnavailable, match="it is a link, which is not followed: remove it"):
        lock.acquire()
    assert not target.exists()
    target.write_text("mine")
    with pytest.raises(StoreUnavailable):
        lock.acquire()
    assert not lock.is_held()
    assert target.read_text() == "mine"


def worker(name: str, heartbeat_ms: int = NOW, *, active: bool = False) -> StoredWorker:
    return StoredWorker(name, "host", 812, "headless", active, NOW, heartbeat_ms)


def everyone(desk: Desk) -> list[tuple[str, bool, int]]:
    found = desk.call(workers.load_all)
    return [(one.id, one.active, one.heartbeat_ms) for one in found]


@pytest.mark.usefixtures("sending")
def test_workers_enter_beat_and_leave(desk: Desk) -> None:
    desk.call(workers.enter, worker("a"))
    desk.call(workers.enter, worker("b"))
    assert desk.call(workers.load_all) == [worker("a"), worker("b")]
    desk.call(workers.beat, "b", NOW + 1, active=True)
    assert everyone(desk) == [("b", True, NOW + 1), ("a", False, NOW)]
    desk.call(workers.leave, "b")
    assert everyone(desk) == [("a", False, NOW)]


@pytest.mark.usefixtures("sending")
def test_of_two_that_say_they_are_active_the_last_one_is(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.call(workers.enter, worker(name))
        desk.call(workers.beat, name, NOW, active=True)
    assert everyone(desk) == [("b", True, NOW), ("a", False, NOW)]
    desk.call(workers.beat, "a", NOW + 1, active=False)
    assert everyone(desk) == [("b", True, NOW), ("a", False, NOW + 1)]


def test_the_lock_says_who_sends_whatever_is_written(desk: Desk, sending: SendingLock) -> None:
    """As after a kill -9, when the next worker has the lock and has not written so yet."""
    for name, active in (("a", False), ("b", True)):
        desk.call(workers.enter, worker(name, active=active))
    sending.sign("b")
    assert everyone(desk) == [("b", True, NOW), ("a", False, NOW)]
    sending.sign("c")
    assert not any(active for _, active, _ in everyone(desk))
    sending.release()
    assert not any(active for _, active, _ in everyone(desk))
    assert [one.lost_lock for one in desk.call(workers.load_all)] == [True, False]
    assert [one.id for one in desk.call(workers.load_rows) if one.active] == ["b"]


def test_workers_that_were_not_heard_of_for_an_hour_are_forgotten(desk: Desk) -> None:
    desk.call(workers.enter, worker("old"))
    desk.call(workers.enter, worker("new", NOW + workers.FORGET_MS))
    assert len(everyone(desk)) == 2
    desk.call(workers.enter, worker("newer", NOW + workers.FORGET_MS + 1))
    assert [name for name, _, _ in everyone(desk)] == ["new", "newer"]


@pytest.mark.usefixtures("sending")
def test_a_worker_that_beats_again_learns_that_it_was_forgotten(desk: Desk) -> None:
    desk.call(workers.enter, worker("stopped"))
    desk.call(workers.enter, worker("new", NOW + workers.FORGET_MS + 1))
    late = NOW + workers.FORGET_MS + 2
    assert not desk.call(workers.beat, "stopped", late, active=True)
    desk.call(workers.enter, worker("stopped", late, active=True))
    assert desk.call(workers.beat, "stopped", late, active=True)
    assert everyone(desk) == [("stopped", True, late), ("new", False, late - 1)]


def test_workers_whose_process_is_gone_are_forgotten_at_once(desk: Desk) -> None:
    here = os.uname().nodename
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name, host, pid in (
        ("gone", here, ended.pid),
        ("alive", here, os.getpid()),
        ("elsewhere", "other", ended.pid),
    ):
        desk.call(workers.enter, StoredWorker(name, host, pid, "headless", False, NOW, NOW))
    late = NOW + workers.MISSED_BEAT_MS
    one = StoredWorker("contained", here, ended.pid, "headless", False, late, late)
    assert not workers.is_gone(one, late)
    desk.call(workers.enter, one)
    assert [name for name, _, _ in everyone(desk)] == ["alive", "elsewhere", "contained"]


def test_a_worker_that_stops_says_so_and_promises_the_lock_to_nobody(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.call(workers.enter, worker(name, active=name == "a"))
    desk.call(workers.begin_to_stop, "a")
    assert [(one.id, one.stopping) for one in desk.call(workers.load_all)] == [
        ("a", True),
        ("b", False),
    ]
    assert not desk.call(workers.is_promised)
    desk.call(workers.take_over, "b", NOW)
    assert not any(one.stopping for one in desk.call(workers.load_all))
