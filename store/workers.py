"""Workers: the processes that deliver or stand by, and the lock that lets only one deliver."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from store import models
from store.files import FileLock
from store.models import FactRow, WorkerRow, database
from store.records import StoredWorker, record_from

HEARTBEAT_MS = 5_000
"""Time between two heartbeats of a worker."""

OLD_HEARTBEAT_MS = 3 * HEARTBEAT_MS
"""From this age on a heartbeat is called old: the process is stopped, stuck or gone."""

MISSED_BEAT_MS = HEARTBEAT_MS + 1_000

FORGET_MS = 3_600_000

_SIGNED_BYTES = 100

CROWD = "crowd"
"""Fact that webhooks wait for an attempt of another to end."""

TERMINAL = "terminal"
"""The kind of a worker that lives beside a screen, and gives way to one that does not."""


class SendingLock(FileLock):
    """The operating system's lock by which one process sends for a store.

    The file names the worker that took it last: if that is not the one that sent last, it is not
    the file that this one had locked.
    """

    def __init__(self, store_path: Path) -> None:
        super().__init__(
            store_path.with_name(f"{store_path.name}.lock"),
            "the sending lock cannot be opened ({reason}): whoever sends must be able to write "
            "this file and its folder",
        )

    def sign(self, worker_id: str) -> None:
        """Name the worker that took the lock, which must be held here."""
        descriptor = self._held()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, worker_id.encode(), 0)

    def leave(self) -> None:
        """Give the lock back if it is held here; its file goes too, unless a worker signed it."""
        if self.is_kept() and not self.last_worker():
            with suppress(OSError):  # of a folder that may not be written
                self.path.unlink()
        self.release()

    def last_worker(self) -> str:
        """Return the worker that took this very lock last; "" if none did. It must be held here."""
        return os.pread(self._held(), _SIGNED_BYTES, 0).decode(errors="replace")

    def holder(self) -> str | None:
        """Return the worker that holds the lock; None if none does, "" if it is not written yet."""
        if not self.is_held():
            return None
        try:
            return self.path.read_bytes()[:_SIGNED_BYTES].decode(errors="replace")
        except OSError:
            return ""


def enter(worker: StoredWorker) -> None:
    """Write that a worker is here, and forget those that are gone or not heard of for an hour."""
    now_ms = worker.heartbeat_ms
    with database.atomic():
        gone = [other.id for other in load_all() if is_gone(other, now_ms)]
        WorkerRow.delete().where(
            (WorkerRow.heartbeat_ms < now_ms - FORGET_MS) | WorkerRow.id.in_(gone)
        ).execute()
        WorkerRow.insert(
            id=worker.id,
            host=worker.host,
            pid=worker.pid,
            kind=worker.kind,
            active=worker.active,
            started_ms=worker.started_ms,
            heartbeat_ms=worker.heartbeat_ms,
        ).execute()


def note_crowd(worker_id: str, under_way: int) -> None:
    """Write that so many attempts are under way that webhooks wait for one to end."""
    value = json.dumps({"worker": worker_id, "under_way": under_way})
    with database.atomic():
        FactRow.insert(name=CROWD, value=value).on_conflict("REPLACE").execute()


def forget_crowd() -> None:
    """Write that no webhook waits for an attempt of another any more."""
    with database.atomic():
        FactRow.delete().where(FactRow.name == CROWD).execute()


def crowd() -> int:
    """Return how many attempts leave no room for another, as the sending worker wrote, else 0."""
    fact = FactRow.get_or_none(FactRow.name == CROWD)
    if fact is None:
        return 0
    noted = json.loads(fact.value)
    return int(noted["under_way"]) if _lock().holder() == noted["worker"] else 0


def is_anyone_sending() -> bool:
    """Return True if a process holds the sending lock of the store that is open."""
    return _lock().is_held()


def _lock() -> SendingLock:
    return SendingLock(Path(str(models.database.database)))


def is_gone(worker: StoredWorker, now_ms: int) -> bool:
    """Return True for a worker of this host that has no process any more, as after kill -9.

    One with a heartbeat lives, perhaps in a container, which has other process numbers.
    """
    silent = worker.lost_lock or now_ms - worker.heartbeat_ms >= MISSED_BEAT_MS
    return silent and has_no_process(worker)


def has_no_process(worker: StoredWorker) -> bool:
    """Return True if this host has no process of the worker's number; False for another host's."""
    if worker.host != os.uname().nodename:
        return False
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is another account's
    return False


def beat(worker_id: str, now_ms: int, *, active: bool) -> bool:
    """Write that a worker lives; an active one is the only active one.

    False if it was forgotten, as one that was stopped for long: it must enter again.
    """
    with database.atomic():
        if active:
            WorkerRow.update(active=False).where(
                WorkerRow.active, WorkerRow.id != worker_id
            ).execute()
        lives = WorkerRow.update(heartbeat_ms=now_ms, active=active)
        return bool(lives.where(WorkerRow.id == worker_id).execute())


def take_over(worker_id: str, now_ms: int) -> None:
    """Write that a worker sends from now on; the one that was to give way has done so."""
    with database.atomic():
        WorkerRow.update(yield_to=None).where(WorkerRow.yield_to.is_null(False)).execute()
        beat(worker_id, now_ms, active=True)


def ask_to_yield(worker_id: str) -> bool:
    """Ask the terminal's worker that sends to give way to another; False if there is none to ask.

    It is asked once, by the first worker that needs it.
    """
    deaf = WorkerRow.active & (WorkerRow.kind == TERMINAL) & WorkerRow.yield_to.is_null(True)
    if not WorkerRow.select().where(deaf).exists():
        return False  # most often, and a read keeps no other process waiting
    with database.atomic():
        return bool(WorkerRow.update(yield_to=worker_id).where(deaf).execute())


def must_yield(worker_id: str) -> bool:
    """Return True if a worker was asked to give way."""
    yields = (WorkerRow.id == worker_id) & WorkerRow.yield_to.is_null(False)
    return bool(WorkerRow.select().where(yields).exists())


def is_promised() -> bool:
    """Return True if a worker that is still here was promised the lock and does not send yet."""
    heir = WorkerRow.alias()
    query = WorkerRow.select().join(heir, on=(WorkerRow.yield_to == heir.id))
    return bool(query.where(~heir.active).exists())


def begin_to_stop(worker_id: str) -> None:
    """Write that a worker begins no further attempt, and gives way to any other."""
    with database.atomic():
        stops = WorkerRow.update(yield_to=worker_id)
        stops.where(WorkerRow.id == worker_id, WorkerRow.yield_to.is_null(True)).execute()


def leave(worker_id: str) -> None:
    """Write that a worker is gone, and with it its requests to give way."""
    with database.atomic():
        WorkerRow.update(yield_to=None).where(WorkerRow.yield_to == worker_id).execute()
        WorkerRow.delete().where(WorkerRow.id == worker_id).execute()


def load_all() -> list[StoredWorker]:
    """Return all workers that entered and did not leave, the one that sends first.

    The lock says who sends, not what was written before a kill -9.
    """
    marked = load_rows()
    holder = _lock().holder() if any(worker.active for worker in marked) else None
    seen = [
        replace(worker, active=False, lost_lock=True)
        if worker.active and (holder is None or holder not in ("", worker.id))
        else worker
        for worker in marked
    ]
    return sorted(seen, key=lambda worker: not worker.active)


def load_rows() -> list[StoredWorker]:
    """Return all workers as their rows have them, also those with a lock whose file is gone."""
    rows = WorkerRow.select().order_by(WorkerRow.active.desc(), WorkerRow.started_ms, WorkerRow.id)
    return [
        record_from(StoredWorker, row, stopping=row.yield_to is not None, lost_lock=False)
        for row in list(rows)
    ]
