"""When the next step of a webhook is due, whatever the clocks do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from delivery.schedule import RunDefaults, Schedule, next_step
from domain.event_types import EventType
from store.records import PendingPlan, WebhookPlan

NOW = 1_790_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
YEAR = 365 * DAY
DEFAULTS = RunDefaults(interval_ms=180_000, linger_ms=1_000)
JUMPS = (HOUR, -HOUR, DAY, -DAY, 10 * YEAR, -10 * YEAR)

IDLE = WebhookPlan(
    webhook_id=1,
    type=EventType.ALERTS.value,
    interval_ms=None,
    head=0,
    cursor=0,
    run_until=0,
    last_run_ms=None,
    redo_count=0,
    released=0,
    pending=None,
)
QUEUED = replace(IDLE, head=5)
FAILED = replace(
    QUEUED, cursor=5, run_until=5, last_run_ms=NOW, pending=PendingPlan(7, 1, NOW + 500, 500, False)
)


def wait_of(plan: WebhookPlan, now_ms: int = NOW, defaults: RunDefaults = DEFAULTS) -> int:
    step = next_step(plan, now_ms, defaults)
    assert step is not None
    return step.wait_ms


# The next step


def test_nothing_queued_is_nothing_to_do() -> None:
    assert next_step(IDLE, NOW, DEFAULTS) is None


def test_a_first_event_waits_for_its_neighbours_only() -> None:
    step = next_step(QUEUED, NOW, DEFAULTS)
    assert step is not None
    assert (step.wait_ms, step.new_run) == (1_000, True)


def test_a_run_is_due_one_interval_after_the_start_of_the_last() -> None:
    plan = replace(QUEUED, last_run_ms=NOW - 100_000)
    assert wait_of(plan) == 80_000
    assert wait_of(replace(plan, interval_ms=120_000)) == 20_000


def test_an_event_that_finds_its_run_past_due_lingers_only() -> None:
    assert wait_of(replace(QUEUED, last_run_ms=NOW - DAY)) == 1_000
    assert wait_of(replace(QUEUED, last_run_ms=NOW - 179_900)) == 1_000


def test_an_open_run_goes_on_without_waiting_and_begins_no_new_one() -> None:
    step = next_step(replace(QUEUED, cursor=2, run_until=4, last_run_ms=NOW), NOW, DEFAULTS)
    assert step is not None
    assert (step.wait_ms, step.new_run) == (0, False)


@pytest.mark.parametrize("plan", [replace(IDLE, redo_count=2), replace(IDLE, released=1)])
def test_what_was_put_back_goes_at_once(plan: WebhookPlan) -> None:
    step = next_step(plan, NOW, DEFAULTS)
    assert step is not None
    assert (step.wait_ms, step.new_run) == (0, False)


def test_a_failed_delivery_comes_before_everything_else() -> None:
    plan = replace(FAILED, head=50, run_until=40, redo_count=3, released=1)
    step = next_step(plan, NOW, DEFAULTS)
    assert step is not None
    assert (step.wait_ms, step.new_run) == (500, False)


def test_a_retry_past_due_goes_at_once() -> None:
    assert wait_of(FAILED, NOW + HOUR) == 0


def test_a_blocked_delivery_waits_for_the_admin() -> None:
    blocked = PendingPlan(7, 1, NOW, 0, True)
    assert next_step(replace(FAILED, head=50, pending=blocked), NOW, DEFAULTS) is None


def test_a_worker_that_ends_by_itself_waits_for_no_run_but_for_retries() -> None:
    defaults = replace(DEFAULTS, at_once=True)
    assert wait_of(replace(QUEUED, last_run_ms=NOW), defaults=defaults) == 0
    assert wait_of(FAILED, defaults=defaults) == 500


@given(next_attempt_ms=st.integers(NOW - 20 * YEAR, NOW + 20 * YEAR), wait_ms=st.integers(0, DAY))
def test_a_retry_is_never_later_than_its_wait_from_now(next_attempt_ms: int, wait_ms: int) -> None:
    pending = PendingPlan(7, 3, next_attempt_ms, wait_ms, False)
    assert 0 <= wait_of(replace(FAILED, pending=pending)) <= wait_ms


@given(last_run_ms=st.integers(NOW - 20 * YEAR, NOW + 20 * YEAR))
def test_a_run_is_never_later_than_an_interval_from_now(last_run_ms: int) -> None:
    wait_ms = wait_of(replace(QUEUED, last_run_ms=last_run_ms))
    assert DEFAULTS.linger_ms <= wait_ms <= DEFAULTS.interval_ms


# An interval of 0

AT_ONCE = RunDefaults(interval_ms=0, linger_ms=0)
GATHERING = RunDefaults(interval_ms=0, linger_ms=2_000)


def test_with_an_interval_of_0_the_next_run_waits_for_the_linger_alone() -> None:
    plan = replace(QUEUED, last_run_ms=NOW)
    assert wait_of(plan, defaults=AT_ONCE) == 0
    assert wait_of(plan, defaults=GATHERING) == 2_000
    assert wait_of(replace(QUEUED, last_run_ms=None), defaults=GATHERING) == 2_000


def test_a_webhooks_own_interval_of_0_is_not_taken_for_none() -> None:
    plan = replace(QUEUED, last_run_ms=NOW, interval_ms=0)
    assert wait_of(plan) == DEFAULTS.linger_ms
    assert wait_of(replace(plan, interval_ms=None)) == DEFAULTS.interval_ms


def test_an_interval_of_0_hastens_no_retry() -> None:
    assert wait_of(replace(FAILED, interval_ms=0), defaults=AT_ONCE) == 500


@given(
    last_run_ms=st.none() | st.integers(NOW - 20 * YEAR, NOW + 20 * YEAR),
    linger_ms=st.integers(0, 60_000),
    waited_ms=st.integers(0, 120_000),
)
def test_with_an_interval_of_0_no_clock_puts_a_run_off(
    last_run_ms: int | None, linger_ms: int, waited_ms: int
) -> None:
    plan = replace(QUEUED, last_run_ms=last_run_ms)
    step = next_step(plan, NOW, RunDefaults(interval_ms=0, linger_ms=linger_ms), waited_ms)
    assert step is not None
    assert step.wait_ms == max(0, linger_ms - waited_ms)


# The schedule


def scheduled(*plans: WebhookPlan, now_ms: int = NOW, monotonic: float = 100.0) -> Schedule:
    schedule = Schedule()
    schedule.update(plans, DEFAULTS, now_ms, monotonic)
    return schedule


def ready_at(schedule: Schedule, monotonic: float) -> list[int]:
    return [webhook_id for webhook_id, _ in schedule.ready(monotonic)]


def test_a_step_is_ready_when_its_wait_is_over() -> None:
    schedule = scheduled(FAILED)
    assert ready_at(schedule, 100.49) == []
    assert ready_at(schedule, 100.5) == [1]
    assert schedule.next_at(()) == 100.5


@pytest.mark.parametrize("jump_ms", JUMPS)
@pytest.mark.parametrize("plan", [FAILED, replace(QUEUED, last_run_ms=NOW)])
def test_a_wall_clock_that_jumps_moves_no_known_step(plan: WebhookPlan, jump_ms: int) -> None:
    schedule = scheduled(plan)
    due = schedule.next_at(())
    schedule.update([plan], DEFAULTS, NOW + jump_ms, 100.1)
    assert schedule.next_at(()) == due


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_after_a_restart_under_another_clock_a_step_is_at_most_its_wait_away(jump_ms: int) -> None:
    schedule = scheduled(FAILED, now_ms=NOW + jump_ms)
    assert schedule.next_at(()) in (100.0, 100.5)


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_after_a_jump_the_next_runs_keep_their_interval(jump_ms: int) -> None:
    """The first run after a jump may come early, once; those after it go by the new clock."""
    schedule = scheduled(replace(QUEUED, last_run_ms=NOW), now_ms=NOW + jump_ms)
    first = schedule.next_at(())
    assert first is not None
    assert 1.0 <= first - 100.0 <= 180.0
    later = replace(QUEUED, head=9, cursor=5, run_until=5, last_run_ms=NOW + jump_ms)
    schedule.update([later], DEFAULTS, NOW + jump_ms, first)
    assert schedule.next_at(()) == first + 180.0


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_a_retry_whose_failure_was_noted_waits_as_decided_under_any_clock(jump_ms: int) -> None:
    schedule = Schedule()
    schedule.note_end(1, NOW, 99.75)
    schedule.update([FAILED], DEFAULTS, NOW + jump_ms, 100.0)
    assert schedule.next_at(()) == 100.25


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_a_run_whose_last_was_noted_waits_its_interval_under_any_clock(jump_ms: int) -> None:
    schedule = Schedule()
    schedule.note_run(1, NOW, 90.0)
    schedule.update([replace(QUEUED, last_run_ms=NOW)], DEFAULTS, NOW + jump_ms, 100.0)
    assert schedule.next_at(()) == 270.0


@pytest.mark.parametrize("jump_ms", JUMPS)
def test_a_pause_under_a_clock_that_jumps_brings_no_retry_early(jump_ms: int) -> None:
    schedule = Schedule()
    schedule.note_end(1, NOW, 100.0)
    schedule.update([FAILED], DEFAULTS, NOW, 100.0)
    schedule.update([], DEFAULTS, NOW, 100.1)
    schedule.update([FAILED], DEFAULTS, NOW + jump_ms, 100.2)
    assert schedule.next_at(()) == 100.5


def test_what_was_noted_of_another_time_counts_for_nothing() -> None:
    schedule = Schedule()
    schedule.note_end(1, NOW - HOUR, 1.0)
    schedule.note_run(1, NOW - HOUR, 1.0)
    schedule.update([FAILED], DEFAULTS, NOW + 100, 100.1)
    assert schedule.next_at(()) == 100.5


def test_more_events_do_not_put_a_step_off() -> None:
    schedule = scheduled(QUEUED)
    schedule.update([replace(QUEUED, head=6)], DEFAULTS, NOW + 900, 100.9)
    assert schedule.next_at(()) == 101.0


@pytest.mark.parametrize(
    "pending",
    [
        PendingPlan(7, 2, NOW + 9_000, 9_000, False),
        PendingPlan(7, 1, NOW + 100, 0, False),
        PendingPlan(8, 1, NOW + 500, 500, False),
    ],
    ids=["failed again", "asked for now", "another delivery"],
)
def test_another_step_gets_a_time_of_its_own(pending: PendingPlan) -> None:
    schedule = scheduled(FAILED)
    schedule.update([replace(FAILED, pending=pending)], DEFAULTS, NOW + 100, 100.1)
    wait_s = min(pending.next_attempt_ms - NOW - 100, pending.wait_ms) / 1000
    assert schedule.next_at(()) == 100.1 + wait_s


def test_a_shorter_interval_counts_at_once() -> None:
    plan = replace(QUEUED, last_run_ms=NOW)
    schedule = scheduled(plan)
    schedule.update([replace(plan, interval_ms=10_000)], DEFAULTS, NOW + 5_000, 105.0)
    assert schedule.next_at(()) == 110.0


def test_the_linger_of_what_comes_during_a_run_counts_from_then() -> None:
    schedule = Schedule()
    under_way = replace(FAILED, head=6)
    schedule.update([under_way], GATHERING, NOW, 100.0)
    schedule.update([replace(under_way, head=9)], GATHERING, NOW + 500, 100.5)
    over = replace(QUEUED, head=9, cursor=5, run_until=5, last_run_ms=NOW)
    schedule.update([over], GATHERING, NOW + 1_500, 101.5)
    assert schedule.next_at(()) == 102.0


def test_what_the_next_run_takes_along_makes_nothing_after_it_older() -> None:
    schedule = scheduled(replace(QUEUED, last_run_ms=NOW))
    later = replace(QUEUED, head=6, cursor=5, run_until=5, last_run_ms=NOW + 10_000)
    schedule.update([later], GATHERING, NOW + 20_000, 120.0)
    assert schedule.next_at(()) == 122.0


def test_a_shorter_linger_counts_at_once() -> None:
    schedule = Schedule()
    schedule.update([QUEUED], GATHERING, NOW, 100.0)
    schedule.update([QUEUED], replace(GATHERING, linger_ms=1_500), NOW + 1_000, 101.0)
    assert schedule.next_at(()) == 101.5
    schedule.update([QUEUED], AT_ONCE, NOW + 1_200, 101.2)
    assert schedule.next_at(()) == 101.2


def test_a_step_that_is_gone_is_forgotten() -> None:
    schedule = scheduled(FAILED)
    schedule.update([], DEFAULTS, NOW, 100.0)
    assert (ready_at(schedule, 1e9), schedule.next_at(())) == ([], None)


def test_the_longest_overdue_comes_first() -> None:
    late = replace(FAILED, webhook_id=2, pending=PendingPlan(8, 1, NOW + 400, 400, False))
    schedule = scheduled(FAILED, late)
    assert ready_at(schedule, 101.0) == [2, 1]


def test_the_next_time_leaves_out_those_at_work() -> None:
    other = replace(QUEUED, webhook_id=2)
    schedule = scheduled(FAILED, other)
    assert schedule.next_at({1}) == 101.0
    assert schedule.next_at({1, 2}) is None


def test_a_held_webhook_waits_and_the_others_do_not() -> None:
    schedule = scheduled(FAILED, replace(FAILED, webhook_id=2))
    schedule.hold(1, 105.0)
    assert ready_at(schedule, 104.9) == [2]
    assert ready_at(schedule, 105.0) == [2, 1]
    assert schedule.next_at({2}) == 105.0
