"""Schedule of each webhook's next step.

`next_step` is pure: it reads a plan and the wall clock. `Schedule` turns its waits into times of
the monotonic clock: from the moment at which this process wrote the plan's time, else from the
first reading of the plan. So a wall clock that jumps neither floods nor mutes.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from store.records import WebhookPlan


class RunDefaults(msgspec.Struct, frozen=True):
    """Waits of webhooks without values of their own, milliseconds."""

    interval_ms: int
    linger_ms: int
    at_once: bool = False
    """Start runs without waiting for interval or linger (`--once`, `--until-empty`)."""


class NextStep(msgspec.Struct, frozen=True):
    """Next step of a webhook: the wait before it, and whether it begins a run.

    Two steps with the same `key` are the same step read twice; its wait is not begun anew.
    """

    wait_ms: int
    new_run: bool
    key: tuple[object, ...]


def next_step(
    plan: WebhookPlan, now_ms: int, defaults: RunDefaults, waited_ms: int = 0
) -> NextStep | None:
    """Return a webhook's next step; None if it has nothing to do, or waits for the admin.

    A retry is due at its time, but never later than its wait from now; the same holds for runs: a
    run is due one interval after the start of the last one, and not before the linger is over, of
    which the first event behind the last run has waited `waited_ms`.
    """
    pending = plan.pending
    if pending is not None:
        if pending.blocked:
            return None
        return NextStep(
            _clamp(pending.next_attempt_ms - now_ms, pending.wait_ms),
            new_run=False,
            key=("retry", pending.id, pending.attempts, pending.next_attempt_ms, pending.wait_ms),
        )
    if plan.redo_count or plan.released or plan.cursor < plan.run_until:
        return NextStep(0, False, ("run", plan.cursor, plan.redo_count, plan.released))
    if plan.head <= plan.cursor:
        return None
    interval_ms = defaults.interval_ms if plan.interval_ms is None else plan.interval_ms
    return NextStep(
        _run_wait_ms(plan, now_ms, interval_ms, defaults, waited_ms),
        new_run=True,
        key=("new run", plan.cursor, plan.last_run_ms, interval_ms, defaults.linger_ms),
    )


def _run_wait_ms(
    plan: WebhookPlan, now_ms: int, interval_ms: int, defaults: RunDefaults, waited_ms: int
) -> int:
    if defaults.at_once:
        return 0
    linger_ms = max(0, defaults.linger_ms - waited_ms)
    if plan.last_run_ms is None:
        return linger_ms
    return max(_clamp(plan.last_run_ms + interval_ms - now_ms, interval_ms), linger_ms)


def _clamp(wait_ms: int, longest_ms: int) -> int:
    return max(0, min(wait_ms, longest_ms))


class _Due(msgspec.Struct, frozen=True):
    step: NextStep
    at: float


class _Moment(msgspec.Struct, frozen=True):
    """Moment by both clocks: milliseconds of the wall clock, seconds of the monotonic one."""

    wall_ms: int
    monotonic: float


class _Behind(msgspec.Struct, frozen=True):
    """Events behind a webhook's last run: the number of the last one in it, and since when."""

    passed: int
    since: float


class Schedule:
    """Due times of all webhooks, seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._due: dict[int, _Due] = {}
        self._held: dict[int, float] = {}
        self._runs: dict[int, _Moment] = {}
        self._ends: dict[int, _Moment] = {}
        self._behind: dict[int, _Behind] = {}

    def note_run(self, webhook_id: int, now_ms: int, monotonic: float) -> None:
        """Note the start of a run, which the store knows by the wall clock alone."""
        self._runs[webhook_id] = _Moment(now_ms, monotonic)

    def note_end(self, webhook_id: int, now_ms: int, monotonic: float) -> None:
        """Note the end of an attempt: after a failure its wait counts from there."""
        self._ends[webhook_id] = _Moment(now_ms, monotonic)

    def update(
        self, plans: Iterable[WebhookPlan], defaults: RunDefaults, now_ms: int, monotonic: float
    ) -> None:
        """Replace the plans by those of the store now; a step that was known keeps its time."""
        due: dict[int, _Due] = {}
        before, self._behind = self._behind, {}
        for plan in plans:
            waited_ms = self._waited_ms(plan, before.get(plan.webhook_id), monotonic)
            step = next_step(plan, self._now_of(plan, now_ms, monotonic), defaults, waited_ms)
            if step is None:
                continue
            known = self._due.get(plan.webhook_id)
            if known is not None and known.step.key == step.key:
                due[plan.webhook_id] = known
            else:
                due[plan.webhook_id] = _Due(step, monotonic + step.wait_ms / 1000)
        self._due = due

    def hold(self, webhook_id: int, until: float) -> None:
        """Do nothing for a webhook before a time: its step could not even be started."""
        self._held[webhook_id] = until

    def ready(self, monotonic: float) -> list[tuple[int, NextStep]]:
        """Return the steps that are due, the longest overdue first."""
        ready = [
            (self._at(webhook_id, due), webhook_id, due.step)
            for webhook_id, due in self._due.items()
            if self._at(webhook_id, due) <= monotonic
        ]
        return [(webhook_id, step) for _, webhook_id, step in sorted(ready, key=lambda r: r[:2])]

    def next_at(self, busy: Iterable[int]) -> float | None:
        """Return the time of the next step of webhooks that are not busy; None if there is none."""
        occupied = set(busy)
        times = [self._at(id_, due) for id_, due in self._due.items() if id_ not in occupied]
        return min(times, default=None)

    def _waited_ms(self, plan: WebhookPlan, before: _Behind | None, monotonic: float) -> int:
        """Return since when the first event behind the webhook's last run is known to wait.

        So the linger of what comes during a run counts from then, not from the end of the run.
        """
        passed = max(plan.cursor, plan.run_until)
        if plan.head <= passed:
            return 0
        is_same = before is not None and before.passed == passed
        behind = before if before is not None and is_same else _Behind(passed, monotonic)
        self._behind[plan.webhook_id] = behind
        return int((monotonic - behind.since) * 1000)

    def _now_of(self, plan: WebhookPlan, now_ms: int, monotonic: float) -> int:
        """Return the wall clock without the jumps since the plan's time was taken from it."""
        pending = plan.pending
        if pending is None:
            moment, since_ms = self._runs.get(plan.webhook_id), plan.last_run_ms
        else:
            moment = self._ends.get(plan.webhook_id)
            since_ms = pending.next_attempt_ms - pending.wait_ms
        if moment is None or moment.wall_ms != since_ms:
            return now_ms
        return moment.wall_ms + int((monotonic - moment.monotonic) * 1000)

    def _at(self, webhook_id: int, due: _Due) -> float:
        return max(due.at, self._held.get(webhook_id, 0.0))
