"""Loop of an active worker: plan, start every step that is due, sleep until the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import partial

from msgspec.structs import replace

from delivery.clock import Clock
from delivery.log import location_of
from delivery.schedule import NextStep, RunDefaults
from delivery.sender import Sender
from domain.times import format_duration
from store.database import Store
from store.errors import StoreError, StoreGone
from store.queue import attempts
from store.records import WebhookPlan

COOLDOWN_S = (0.002, 0.02)
"""Least and longest pause after a planning, so that a burst of wake-ups leads to one."""

COOLDOWN_SHARE = 4
"""Pause after a planning, in times of what it took: plannings take a fifth of the time at most,
unless they take so long that the pause is the longest."""

LISTEN_S = 1.0
"""Time after a drain of interval 0 in which the queue is read often: what other processes add is
noticed by the worker each half second only."""

LISTEN_EACH_S = 0.02
LISTEN_SHARE = 20
"""Pause between two of these readings: so long, or in times of what one takes."""

HOLD_S = 5.0
"""Pause of a webhook after the store did not let its step start."""

NOTHING_SENT_S = 1.0
"""Pause of a webhook that had nothing to send after all, so that no busy loop arises."""


class Until(Enum):
    """Condition on which a worker ends by itself."""

    STOPPED = "never"
    DUE_DONE = "when what is due now was tried once"
    EMPTY = "when everything is delivered that waited at its start"


class Dispatcher:
    """Scheduler of all webhooks' steps, with at most one task for a webhook."""

    def __init__(
        self, store: Store, sender: Sender, clock: Clock, log: Callable[[str], None], until: Until
    ) -> None:
        self.wake = asyncio.Event()
        self._store = store
        self._sender = sender
        self._clock = clock
        self._log = log
        self._until = until
        self._schedule = sender.schedule
        self._failing: frozenset[int] = frozenset()
        self._tasks: dict[int, asyncio.Task[bool]] = {}
        self._runs_begun: set[int] = set()
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._heads: Mapping[str, int] | None = None
        self._planning_s = 0.0
        self._without_interval: frozenset[int] = frozenset()
        self._listens_until_s = 0.0
        self._logged: dict[int, str] = {}

    async def run(self, stop: asyncio.Event, heads: Mapping[str, int] | None = None) -> bool:
        """Deliver until `stop` (False), or until there is nothing left to do (True).

        `heads` are the last numbers of each type at the start of a worker that ends by itself: what
        is accepted later begins no run.
        """
        self._heads = heads
        while not stop.is_set():
            self.wake.clear()
            self._ended.clear()
            self._update_schedule(await self._plans())
            self._start_ready()
            if await self._is_over():
                return True
            await self._sleep(stop)
        return False

    @property
    def in_flight(self) -> bool:
        """Return whether an attempt is under way."""
        return bool(self._tasks)

    async def settle(self, stop: asyncio.Event) -> None:
        """Wait until nothing is in flight, however long that takes, or until `stop`."""
        if not self._tasks:
            return
        self._log(f"waiting for {len(self._tasks)} in flight")
        ends = [
            asyncio.create_task(asyncio.wait(list(self._tasks.values()))),
            asyncio.create_task(stop.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def finish(self, grace_ms: int) -> int:
        """Wait for the attempts in flight, then cut off the rest; return the number cut off."""
        if not self._tasks:
            return 0
        if grace_ms:
            self._log(f"waiting up to {format_duration(grace_ms)} for {len(self._tasks)} in flight")
        _, late = await asyncio.wait(self._tasks.values(), timeout=grace_ms / 1000)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return len(late)

    async def _plans(self) -> list[WebhookPlan]:
        began = self._clock.monotonic()
        try:
            return await self._store.run(attempts.plans)
        except StoreGone:
            return []  # the worker ends within half a second
        except StoreError as error:
            self._log(f"cannot read the queue: {error}")
            asyncio.get_running_loop().call_later(HOLD_S, self.wake.set)
            return []
        finally:
            self._planning_s = self._clock.monotonic() - began

    def _update_schedule(self, plans: Iterable[WebhookPlan]) -> None:
        plans = [self._until_head(plan) for plan in plans]
        settings = self._sender.settings
        at_once = self._until is not Until.STOPPED
        defaults = RunDefaults(settings.interval_ms, settings.linger_ms, at_once)
        self._schedule.update(plans, defaults, self._clock.now_ms(), self._clock.monotonic())
        self._failing = frozenset(plan.webhook_id for plan in plans if plan.failing)
        self._without_interval = frozenset(
            plan.webhook_id for plan in plans if settings.interval_of(plan.interval_ms) == 0
        )

    def _until_head(self, plan: WebhookPlan) -> WebhookPlan:
        """Return the plan without the events that came after the start of a worker that ends."""
        if self._heads is None or plan.head <= self._heads[plan.type]:
            return plan
        return replace(plan, head=self._heads[plan.type])

    def _start_ready(self) -> None:
        for webhook_id, step in self._ready():
            self._begun.add(webhook_id)
            if step.new_run:
                self._runs_begun.add(webhook_id)
            drain = self._sender.drain(
                webhook_id, new_run=step.new_run, failing=webhook_id in self._failing
            )
            task = asyncio.create_task(drain)
            self._tasks[webhook_id] = task
            task.add_done_callback(partial(self._drained, webhook_id))

    def _ready(self) -> list[tuple[int, NextStep]]:
        """Return the steps to start now; none of a webhook that worked while its plan was read."""
        return [
            (webhook_id, step)
            for webhook_id, step in self._schedule.ready(self._clock.monotonic())
            if webhook_id not in self._tasks
            and webhook_id not in self._ended
            and not self._is_done_once(webhook_id, step)
        ]

    def _is_done_once(self, webhook_id: int, step: NextStep) -> bool:
        """Return whether `--once` bars a step: a second run, or a second attempt that fails."""
        if self._until is not Until.DUE_DONE:
            return False
        if step.new_run:
            return webhook_id in self._runs_begun
        return webhook_id in self._failing and webhook_id in self._begun

    def _drained(self, webhook_id: int, task: asyncio.Task[bool]) -> None:
        self._tasks.pop(webhook_id, None)
        self._ended.add(webhook_id)
        if not self._tasks:
            self._sender.forget_bodies()
        self.wake.set()
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._postpone(webhook_id, error)
            return
        self._logged.pop(webhook_id, None)
        if not task.result():
            self._hold(webhook_id, NOTHING_SENT_S)
        elif webhook_id in self._without_interval:
            self._listens_until_s = self._clock.monotonic() + LISTEN_S

    def _postpone(self, webhook_id: int, error: BaseException) -> None:
        """Leave a webhook alone for a while after an error, which is logged once."""
        known = isinstance(error, StoreError)
        bug_hold_s = self._sender.settings.retry_interval_of(None, None) / 1000
        self._hold(webhook_id, HOLD_S if known else bug_hold_s)
        if isinstance(error, StoreGone):
            return  # the worker says it once for all
        trouble = str(error) if known else f"this is a bug: {location_of(error)}"
        if self._logged.get(webhook_id) != trouble:
            self._logged[webhook_id] = trouble
            self._log(f"webhook {webhook_id}: not sent: {trouble}")

    def _hold(self, webhook_id: int, seconds: float) -> None:
        self._schedule.hold(webhook_id, self._clock.monotonic() + seconds)

    async def _is_over(self) -> bool:
        if self._until is Until.STOPPED or self._tasks or self._ended:
            return False
        if self._until is Until.DUE_DONE:
            return not self._ready()
        return await self._store.run(attempts.undelivered, self._heads) == 0

    async def _sleep(self, stop: asyncio.Event) -> None:
        least_s, longest_s = COOLDOWN_S
        await asyncio.sleep(min(max(least_s, COOLDOWN_SHARE * self._planning_s), longest_s))
        timeout = self._time_left()
        waits = [asyncio.create_task(event.wait()) for event in (self.wake, stop)]
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _time_left(self) -> float | None:
        """Return the seconds until the next step; None to wait for a task's end or a wake-up."""
        if self._until is Until.DUE_DONE:
            return None
        now_s = self._clock.monotonic()
        next_at = self._schedule.next_at(self._tasks)
        left_s = None if next_at is None else max(0.0, next_at - now_s)
        if now_s >= self._listens_until_s:
            return left_s
        pause_s = max(LISTEN_EACH_S, LISTEN_SHARE * self._planning_s)
        return pause_s if left_s is None else min(left_s, pause_s)
