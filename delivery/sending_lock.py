"""Sending lock: which of several workers sends, and how it is handed over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from store import workers
from store.database import Store
from store.errors import StoreError
from store.records import StoredWorker
from store.workers import SendingLock

STAND_ASIDE_S = 3.0
"""Seconds for which a free lock is left to the worker that it was promised to."""


class LockClaim:
    """Claim of one worker to the lock; with `asks` it asks a terminal's worker to give way."""

    def __init__(
        self,
        store: Store,
        worker_id: str,
        *,
        kind: str,
        asks: bool,
        monotonic: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._worker_id = worker_id
        self._stands_aside = kind == workers.TERMINAL
        self._asks = asks and not self._stands_aside
        self._monotonic = monotonic
        self._now_ms = now_ms
        self._lock = SendingLock(store.path)
        self._free_since: float | None = None
        self._beats: dict[str, tuple[int, float]] = {}

    async def take(self) -> bool:
        """Take the lock if it is free and not promised to another; if it is held, ask for it."""
        if self._stands_aside and await self._is_promised():
            return False
        if self._lock.acquire():
            if not await self._may_another_send():
                self._lock.sign(self._worker_id)
                return True
            self._lock.release()
        elif self._asks:
            with suppress(StoreError):  # the next try asks again
                await self._store.run(workers.ask_to_yield, self._worker_id)
        return False

    async def is_wanted(self) -> bool:
        """Return whether another worker asks for this worker's lock. Raises StoreError."""
        if not self._stands_aside:
            return False
        return await self._store.run(workers.must_yield, self._worker_id)

    def is_kept(self) -> bool:
        """Return whether this worker has the lock that others would have to take."""
        return self._lock.is_kept()

    def release(self) -> None:
        """Give the lock back; harmless if it is not held."""
        self._lock.release()

    async def _is_promised(self) -> bool:
        try:
            promised = await self._store.run(workers.is_promised)
        except StoreError:
            promised = False
        if not promised or self._lock.is_held():
            self._free_since = None
            return promised
        now = self._monotonic()
        self._free_since = now if self._free_since is None else self._free_since
        return now - self._free_since < STAND_ASIDE_S

    async def _may_another_send(self) -> bool:
        """Return whether a worker may still send that had locked a file which is gone."""
        try:
            everyone = await self._store.run(workers.load_rows)
        except StoreError:
            return True  # looked at again soon
        known = (self._worker_id, self._lock.last_worker())
        others = [worker for worker in everyone if worker.active and worker.id not in known]
        return any([self._may_send(worker) for worker in others])

    def _may_send(self, other: StoredWorker) -> bool:
        """Return whether a worker has beaten since the first call, or is not silent long enough.

        A worker that was silent before is not waited for: a claim that is tried only once would
        never succeed.
        """
        if self._now_ms() - other.heartbeat_ms >= workers.OLD_HEARTBEAT_MS:
            return False
        now = self._monotonic()
        beat_ms, since = self._beats.get(other.id, (other.heartbeat_ms, now))
        if beat_ms != other.heartbeat_ms:
            since = now
        self._beats[other.id] = (other.heartbeat_ms, since)
        limit_ms = workers.OLD_HEARTBEAT_MS
        if workers.has_no_process(other):
            limit_ms = workers.MISSED_BEAT_MS
        return (now - since) * 1000 < limit_ms
