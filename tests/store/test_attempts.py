"""Sealing, starting and recording: laws 2, 3, 4, 5 and 9."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event_types import EventType
from store import migrations, settings, webhooks
from store.database import open_store
from store.errors import StoreOvertaken, StoreUnavailable
from store.maintenance import health
from store.models import DeliveryRow, EventRow
from store.queue import attempts, backlog, deliveries, delivery_requests
from store.queue.hot_path import HotPath
from store.records import Limits, Work
from tests.support.stores import ACTOR, LIMITS, MINUTE, NOW, WORKER, Desk, carried, events, fields
from tests.support.stores import event as make_event

TWO = Limits(max_events=2, max_bytes=1_000_000)


def tamper(desk: Desk, id_: str) -> None:
    """Change the body of an event behind the store's back, keeping its length."""
    other = make_event(int(id_[1:])).body.replace(b"text", b"tExt")
    desk.call(EventRow.update(body=other).where(EventRow.id == id_).execute)


# What one request carries.


def test_a_body_is_the_stored_bytes_joined_and_its_hash_is_kept(desk: Desk) -> None:
    webhook_id = desk.add()
    batch = events(1, 3)
    desk.append(*batch)
    work = desk.started(webhook_id)
    assert work.body == b"[" + b",".join(one.body for one in batch) + b"]"
    delivery = desk.delivery(work.public_id)
    assert delivery.sha256 == hashlib.sha256(work.body).hexdigest()
    assert (delivery.bytes, delivery.events, delivery.state) == (len(work.body), 3, "pending")
    assert desk.call(deliveries.body, work.public_id) == work.body


def test_extra_fields_are_spliced_into_every_event(desk: Desk) -> None:
    webhook_id = desk.add(fields(extra_fields=(("source", "Zürich"),)))
    desk.append(*events(1, 2))
    sent = json.loads(desk.started(webhook_id).body)
    assert sent == [json.loads(one.body) | {"source": "Zürich"} for one in events(1, 2)]


def drained(desk: Desk, webhook_id: int, limits: Limits = LIMITS) -> list[list[int]]:
    """The events of each request of one run, in which every attempt gets a 2XX."""
    requests_made = []
    work = desk.start(webhook_id, limits=limits)
    while work is not None:
        requests_made.append(carried(work.body))
        desk.end(work, 204)
        work = desk.start(webhook_id, limits=limits, new_run=False)
    return requests_made


def test_a_request_carries_no_more_events_than_its_limit(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 5))
    assert drained(desk, webhook_id, TWO) == [[1, 2], [3, 4], [5]]


def test_the_limits_of_a_webhook_win_over_the_general_ones(desk: Desk) -> None:
    webhook_id = desk.add(fields(max_events=3))
    desk.append(*events(1, 5))
    assert drained(desk, webhook_id, TWO) == [[1, 2, 3], [4, 5]]


@pytest.mark.parametrize("splice", [(), (("source", "tocsin"),)])
def test_bytes_are_counted_to_the_last_one_before_an_event_is_added(
    desk: Desk, splice: tuple[tuple[str, str], ...]
) -> None:
    whole = desk.add(fields(extra_fields=splice))
    desk.append(*events(1, 3))
    size = len(desk.started(whole).body)
    for max_bytes, wanted in ((size, [[1, 2, 3]]), (size - 1, [[1, 2], [3]])):
        webhook_id = desk.add(fields(extra_fields=splice, max_bytes=max_bytes), start=0)
        assert drained(desk, webhook_id) == wanted


def test_an_event_larger_than_the_limit_goes_alone(desk: Desk) -> None:
    webhook_id = desk.add(fields(max_bytes=1_000))
    sizes = ["", "x" * 2_000, "x" * 3_000, "", ""]
    desk.append(*(make_event(n, text=text) for n, text in enumerate(sizes, 1)))
    assert drained(desk, webhook_id) == [[1], [2], [3], [4, 5]]


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=12),
    st.integers(1, 6),
    st.integers(100, 1_200),
    st.sampled_from(((), (("source", "tocsin"),))),
)
def test_requests_are_as_full_as_the_limits_allow_and_no_fuller(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    max_events: int,
    max_bytes: int,
    splice: tuple[tuple[str, str], ...],
) -> None:
    store = open_store(tmp_path_factory.mktemp("limits") / "tocsin.db")
    try:
        desk = Desk(store)
        webhook_id = desk.add(fields(extra_fields=splice))
        desk.append(*(make_event(n, text="x" * size) for n, size in enumerate(sizes, 1)))
        limits = Limits(max_events, max_bytes)
        bodies: list[bytes] = []
        while work := desk.start(webhook_id, limits=limits):
            bodies.append(work.body)
            desk.end(work, 200)
    finally:
        store.close()
    assert [n for body in bodies for n in carried(body)] == list(range(1, len(sizes) + 1))
    for body in bodies:
        count = len(carried(body))
        assert count <= max_events
        assert len(body) <= max_bytes or count == 1
    for body, following in pairwise(bodies):
        first = json.dumps(json.loads(following)[0], ensure_ascii=False, separators=(",", ":"))
        grown = len(body) + 1 + len(first.encode())
        assert len(carried(body)) == max_events or grown > max_bytes


# Runs.


def test_a_run_ends_at_the_head_that_was_noted_when_it_began(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    work = desk.started(webhook_id, limits=TWO)
    desk.append(*events(4, 5))
    following = desk.end(work, 200, go_on=True)
    assert following is not None
    assert carried(following.body) == [3]
    assert desk.end(following, 200, go_on=True) is None
    assert desk.start(webhook_id, new_run=False) is None
    assert desk.status(webhook_id).queued == 2
    assert carried(desk.started(webhook_id).body) == [4, 5]


def test_a_new_run_is_noted_also_when_there_is_nothing_to_send(desk: Desk) -> None:
    webhook_id = desk.add()
    assert desk.start(webhook_id) is None
    assert desk.status(webhook_id).last_run_ms == NOW


def test_the_next_run_may_follow_in_the_same_transaction(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    work = desk.started(webhook_id, limits=TWO)
    desk.append(*events(4, 5))
    desk.now_ms += 1_000
    following = desk.end(work, 200, go_on=True, new_run=True)
    assert following is not None
    assert carried(following.body) == [3, 4, 5]
    assert desk.status(webhook_id).last_run_ms == NOW + 1_000


@pytest.mark.parametrize("is_hot", [True, False])
def test_no_run_follows_an_edit_of_the_interval(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, is_hot: bool
) -> None:
    """When the next one begins is for the plan to say; this one goes on to its end."""
    if not is_hot:
        monkeypatch.setattr(HotPath, "_read", lambda *_: None)
    webhook_id = desk.add(fields(interval_ms=0))
    desk.append(*events(1, 3))
    work = desk.started(webhook_id, limits=TWO)
    desk.append(*events(4, 5))
    desk.edit(webhook_id, fields(interval_ms=60 * MINUTE))
    desk.now_ms += 1_000
    following = desk.end(work, 200, go_on=True, new_run=True)
    assert following is not None
    assert carried(following.body) == [3]
    assert desk.end(following, 200, go_on=True) is None
    assert (desk.status(webhook_id).queued, desk.status(webhook_id).last_run_ms) == (2, NOW)


def test_no_run_follows_where_nothing_waits(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    desk.now_ms += 1_000
    assert desk.end(work, 200, go_on=True, new_run=True) is None
    assert desk.status(webhook_id).last_run_ms == NOW


def test_no_run_follows_a_failure(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    desk.append(make_event(2))
    assert desk.end(work, 503, go_on=True, new_run=True) is None
    assert desk.status(webhook_id).queued == 1


def test_the_plan_of_a_webhook_says_what_waits(desk: Desk) -> None:
    webhook_id = desk.add(fields(interval_ms=MINUTE))
    desk.append(*events(1, 3))
    work = desk.started(webhook_id, limits=TWO)
    desk.end(work, 503)
    (plan,) = desk.call(attempts.plans)
    assert (plan.webhook_id, plan.interval_ms, plan.head, plan.cursor) == (webhook_id, MINUTE, 3, 2)
    assert (plan.run_until, plan.last_run_ms, plan.failing) == (3, NOW, True)
    assert plan.pending is not None
    assert (plan.pending.attempts, plan.pending.wait_ms) == (1, 3 * MINUTE)
    assert plan.pending.next_attempt_ms == NOW + 3 * MINUTE


def test_webhooks_that_may_not_send_are_not_planned(desk: Desk) -> None:
    kept, inactive, deleted = desk.add(), desk.add(fields(active=False)), desk.add()
    desk.call(webhooks.delete, [deleted], ACTOR, NOW)
    assert [plan.webhook_id for plan in desk.call(attempts.plans)] == [kept]
    desk.append(make_event(1))
    desk.call(settings.pause, ACTOR, NOW)
    assert desk.call(attempts.plans) == []
    for webhook_id in (kept, inactive, deleted):
        assert desk.start(webhook_id) is None
    assert desk.call(settings.unpause, ACTOR, NOW)
    assert desk.start(kept) is not None


def test_a_pause_of_all_sending_ends_a_drain(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    work = desk.started(webhook_id, limits=TWO)
    desk.call(settings.pause, ACTOR, NOW)
    assert desk.end(work, 200, go_on=True) is None
    assert desk.delivery(work.public_id).state == "delivered"


def test_who_has_something_undelivered_is_counted(desk: Desk) -> None:
    first = desk.add()
    desk.add(fields(active=False))
    desk.add(fields(EventType.LOG_AUTHN))
    assert desk.call(attempts.undelivered) == 0
    desk.append(make_event(1))
    assert desk.call(attempts.undelivered) == 1
    work = desk.started(first)
    assert desk.call(attempts.undelivered) == 1
    desk.end(work, 200)
    assert desk.call(attempts.undelivered) == 0


def test_what_came_after_noted_heads_does_not_count(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.add(fields(EventType.LOG_AUTHN))
    desk.append(*events(1, 2))
    heads = desk.call(backlog.heads)
    assert heads == dict.fromkeys(EventType, 0) | {EventType.ALERTS: 2}
    assert desk.call(attempts.undelivered, heads) == 1
    work = desk.started(webhook_id)
    desk.append(*events(3, 4))
    assert desk.call(attempts.undelivered, heads) == 1
    desk.end(work, 200)
    assert desk.call(attempts.undelivered, heads) == 0
    assert desk.call(attempts.undelivered) == 1
    desk.end(desk.started(webhook_id), 503)
    assert desk.call(attempts.undelivered, heads) == 1


# Law 3: the same POST; law 5: a 2XX and nothing else.


def change_nothing(desk: Desk, webhook_id: int) -> None:
    pass


def change_everything(desk: Desk, webhook_id: int) -> None:
    changed = fields(extra_fields=(("a", "b"),), headers=(("X-A", "1"),), max_events=1, max_bytes=9)
    desk.edit(webhook_id, changed)


@pytest.mark.parametrize("change", [change_nothing, change_everything])
def test_every_attempt_sends_the_same_bytes_under_the_same_id(
    desk: Desk, change: Callable[[Desk, int], None]
) -> None:
    webhook_id = desk.add(fields(extra_fields=(("source", "tocsin"),)))
    desk.append(*events(1, 3))
    first = desk.started(webhook_id)
    for number, status in enumerate((500, 503, None, 301, 199, 404, 200), 1):
        work = first if number == 1 else desk.started(webhook_id)
        assert (work.number, work.public_id, work.body) == (number, first.public_id, first.body)
        desk.append(make_event(3 + number))
        change(desk, webhook_id)
        desk.end(work, status)
    delivery = desk.delivery(first.public_id)
    assert (delivery.state, delivery.attempts, delivery.ended_ms) == ("delivered", 7, NOW)
    assert desk.call(deliveries.body, first.public_id) == first.body
    tries = desk.call(deliveries.attempts, first.public_id)
    assert [one.status for one in tries] == [200, 404, 199, 301, None, 503, 500]
    assert [one.number for one in tries] == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.usefixtures("sending")
def test_an_attempt_is_kept_as_it_was_and_counted_before_it_is_made(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    delivery = desk.delivery(work.public_id)
    assert (delivery.attempts, delivery.sending_since_ms) == (1, NOW)
    desk.end(work, None)
    (attempt,) = desk.call(deliveries.attempts, work.public_id)
    assert (attempt.url, attempt.revision, attempt.worker) == (work.url, 1, WORKER)
    assert (attempt.started_ms, attempt.duration_ms) == (NOW - 40, 40)
    assert (attempt.error, attempt.detail) == ("ConnectionRefusedError", "connection refused")
    status = desk.status(webhook_id)
    assert (status.last_attempt_ms, status.last_status) == (NOW, None)
    assert status.last_error == "ConnectionRefusedError"
    assert status.pending is not None
    assert status.pending.sending_since_ms is None
    assert status.pending.reason == "attempt 2, interval 3m"


def test_a_body_that_changed_since_it_was_sealed_is_not_sent(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    work = desk.started(webhook_id)
    desk.end(work, 500)
    tamper(desk, "e2")
    assert desk.start(webhook_id) is None
    delivery = desk.delivery(work.public_id)
    assert "SHA-256 differs" in str(delivery.blocked)
    assert (delivery.attempts, delivery.sending_since_ms) == (1, None)
    (plan,) = desk.call(attempts.plans)
    assert plan.pending is not None
    assert plan.pending.blocked
    assert any("bytes" in text for text in desk.call(health.problems, desk.store.vault))
    desk.append(make_event(3))
    assert desk.start(webhook_id) is None


def test_a_blocked_delivery_is_checked_once_more_when_it_is_asked_for(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    desk.end(work, 500)
    tamper(desk, "e1")
    assert desk.start(webhook_id) is None
    desk.call(delivery_requests.retry, work.public_id, ACTOR, NOW)
    assert desk.start(webhook_id) is None
    assert desk.delivery(work.public_id).blocked is not None
    mended = make_event(1).body
    desk.call(EventRow.update(body=mended).execute)
    desk.call(delivery_requests.retry, work.public_id, ACTOR, NOW)
    assert desk.started(webhook_id).body == work.body


def test_a_blocked_delivery_can_be_resealed_with_what_is_there_now(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    desk.end(work, 500)
    tamper(desk, "e1")
    assert desk.start(webhook_id) is None
    assert desk.call(delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=False).done
    again = desk.started(webhook_id)
    assert b"tExt" in again.body
    assert again.public_id != work.public_id


def test_an_event_that_is_gone_blocks_its_delivery(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    work = desk.started(webhook_id)
    desk.end(work, 500)
    desk.call(EventRow.delete().where(EventRow.id == "e1").execute)
    assert desk.start(webhook_id) is None
    assert desk.delivery(work.public_id).blocked is not None
    assert len(desk.call(health.problems, desk.store.vault)) == 2


# Law 4: one at a time.


def test_nothing_else_is_sealed_before_the_pending_delivery_is_through(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    work = desk.started(webhook_id)
    desk.append(*events(3, 4))
    desk.end(work, 500)
    assert desk.started(webhook_id).public_id == work.public_id
    pending = desk.call(deliveries.newest, deliveries.DeliveryFilter(state="pending"))
    assert [one.id for one in pending] == [work.public_id]


def test_the_database_itself_refuses_a_second_pending_delivery(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    desk.end(desk.started(webhook_id, limits=TWO), 200)
    desk.started(webhook_id)
    with pytest.raises(StoreUnavailable, match="UNIQUE constraint failed"):
        desk.call(DeliveryRow.update(state="pending").execute)


def test_webhooks_of_a_type_get_the_same_events_in_deliveries_of_their_own(desk: Desk) -> None:
    first, second = desk.add(), desk.add()
    desk.append(*events(1, 3))
    one, other = desk.started(first), desk.started(second)
    assert (one.body, one.public_id) != (other.body, other.public_id)
    assert one.body == other.body
    desk.end(one, 200)
    desk.end(other, 500)
    assert (desk.status(first).delivered_events, desk.status(second).delivered_events) == (3, 0)


# Law 9: after a crash.


def test_what_was_in_flight_when_a_worker_died_is_due_now_and_the_same(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    work = desk.started(webhook_id)
    desk.now_ms += 700
    assert desk.call(attempts.recover, "worker-2", desk.now_ms) == 1
    assert desk.call(attempts.recover, "worker-2", desk.now_ms) == 0
    delivery = desk.delivery(work.public_id)
    assert (delivery.next_attempt_ms, delivery.sending_since_ms) == (desk.now_ms, None)
    assert delivery.reason == "attempt 2, the last one was cut off"
    (lost,) = desk.call(deliveries.attempts, work.public_id)
    assert (lost.number, lost.error, lost.duration_ms, lost.worker) == (
        1,
        "CutOff",
        700,
        "worker-2",
    )
    again = desk.started(webhook_id)
    assert (again.public_id, again.body, again.number) == (work.public_id, work.body, 2)


def test_a_clock_that_jumped_back_gives_no_negative_duration(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    desk.call(attempts.recover, WORKER, NOW - MINUTE)
    (lost,) = desk.call(deliveries.attempts, work.public_id)
    assert lost.duration_ms == 0


@pytest.mark.parametrize(("ask", "state"), [("skip", "skipped"), ("reseal", "resealed")])
def test_what_was_asked_before_a_crash_is_done_by_the_next_worker(
    desk: Desk, ask: str, state: str
) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    work = desk.started(webhook_id)
    asked = desk.call(getattr(delivery_requests, ask), work.public_id, ACTOR, NOW, idle=False)
    assert not asked.done
    desk.call(attempts.recover, WORKER, NOW)
    assert desk.delivery(work.public_id).state == state
    assert desk.status(webhook_id).queued == (0 if ask == "skip" else 2)


def test_an_outcome_that_comes_after_the_end_is_kept_and_changes_nothing(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    work = desk.started(webhook_id)
    desk.call(delivery_requests.skip, work.public_id, ACTOR, NOW, idle=True)
    assert desk.end(work, 200, go_on=True) is None
    assert desk.delivery(work.public_id).state == "skipped"
    status = desk.status(webhook_id)
    assert (status.delivered_events, status.skipped_events) == (0, 2)
    assert len(desk.call(deliveries.attempts, work.public_id)) == 1


def test_what_was_recorded_stands_when_the_key_is_lost_meanwhile(desk: Desk) -> None:
    webhook_id = desk.add(fields(headers=(("X-A", "1"),)))
    desk.append(*events(1, 3))
    work = desk.started(webhook_id, limits=TWO)
    key = desk.store.path.with_name("tocsin.key")
    key.unlink()
    vault = type(desk.store.vault)(key, desk.store.path)
    desk.store.vault = vault
    assert desk.end(work, 200, go_on=True) is None
    assert desk.delivery(work.public_id).state == "delivered"
    status = desk.status(webhook_id)
    assert (status.delivered_events, status.queued, status.pending) == (2, 1, None)


def test_pages_of_deliveries(desk: Desk) -> None:
    webhook_id = desk.add()
    made: list[Work] = []
    for number in range(1, 5):
        desk.append(make_event(number))
        made.append(desk.started(webhook_id))
        desk.end(made[-1], 200)
        desk.now_ms += 1_000

    def ids(**which: int | str) -> list[str]:
        chosen = deliveries.DeliveryFilter(**which)  # type: ignore[arg-type]
        return [one.id for one in desk.call(deliveries.newest, chosen, limit=2)]

    newest = [work.public_id for work in reversed(made)]
    assert ids() == newest[:2]
    everything = deliveries.DeliveryFilter()
    page = desk.call(deliveries.newest, everything, limit=9, before=newest[1])
    assert [one.id for one in page] == newest[2:]
    following = desk.call(deliveries.after, everything, newest[2], limit=9)
    assert [one.id for one in following] == [newest[1], newest[0]]
    assert ids(webhook_id=99) == ids(state="pending") == []
    assert ids(until_ms=NOW + 1_000) == newest[3:]
    assert ids(since_ms=NOW + 3_000) == newest[:1]
    carriers = desk.call(deliveries.carriers, EventType.ALERTS, 2)
    assert [one.id for one in carriers] == [newest[2]]
    assert desk.call(deliveries.last_results, webhook_id, limit=3) == [200, 200, 200]


# A worker that comes late.


def test_a_failure_that_is_recorded_late_leaves_the_next_attempt_in_flight(desk: Desk) -> None:
    """A process may be stopped for long; meanwhile another one has taken over."""
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    first = desk.started(webhook_id)
    assert desk.call(attempts.recover, "worker-2", NOW) == 1
    second = desk.started(webhook_id)
    desk.call(delivery_requests.skip, second.public_id, ACTOR, NOW, idle=False)
    assert desk.end(first, 503) is None
    assert desk.delivery(first.public_id).state == "pending"
    assert desk.end(second, 200) is None
    assert desk.delivery(first.public_id).state == "delivered"
    assert desk.status(webhook_id).skipped_events == 0
    tries = desk.call(deliveries.attempts, first.public_id)
    assert sorted((one.number, one.status) for one in tries if one.status) == [(1, 503), (2, 200)]


def test_a_2xx_that_is_recorded_late_counts(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    first = desk.started(webhook_id)
    assert desk.call(attempts.recover, "worker-2", NOW) == 1
    second = desk.started(webhook_id)
    assert desk.end(first, 200) is None
    assert desk.end(second, 503) is None
    assert desk.delivery(first.public_id).state == "delivered"
    assert desk.status(webhook_id).delivered_events == 3


# A newer Tocsin.


def test_what_a_newer_tocsin_left_in_flight_is_recorded_and_no_more_is_begun(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    work = desk.started(webhook_id, limits=TWO)
    with closing(sqlite3.connect(desk.store.path)) as newer:
        newer.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")
    assert desk.end(work, 204, go_on=True) is None
    assert desk.status(webhook_id).delivered_events == 2
    with pytest.raises(StoreOvertaken, match="a newer Tocsin has changed the store"):
        desk.start(webhook_id)
