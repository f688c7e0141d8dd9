"""Requests of an admin for a delivery: retry, skip, reseal, and release from quarantine."""

from __future__ import annotations

import asyncio
import json
from threading import Event as Flag

import pytest

from domain.event_types import EventType
from store import webhooks
from store.errors import Conflict, NotFound
from store.queue import attempts, deliveries, delivery_requests
from store.records import Limits, Work
from store.workers import SendingLock
from tests.support.stores import ACTOR, LIMITS, MINUTE, NOW, Desk, carried, event, events, fields
from tests.support.waiting import PATIENCE_S

TWO = Limits(max_events=2, max_bytes=1_000_000)


@pytest.fixture
def webhook_id(desk: Desk) -> int:
    """A webhook with five events in its queue."""
    made = desk.add()
    desk.append(*events(1, 5))
    return made


def failed(desk: Desk, webhook_id: int, limits: Limits = LIMITS) -> Work:
    """A delivery whose attempt failed."""
    work = desk.started(webhook_id, limits=limits)
    desk.end(work, 500)
    return work


def reseal(desk: Desk, work: Work, **how: int) -> delivery_requests.RequestResult:
    return desk.call(delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=False, **how)


def drain(desk: Desk, webhook_id: int, limits: Limits = LIMITS) -> list[list[int]]:
    """Return what each request carries until nothing is left; each gets its 2XX."""
    sent = []
    while work := desk.start(webhook_id, limits=limits):
        sent.append(carried(work.body))
        desk.end(work, 200)
    return sent


# Retry.


def test_a_retry_makes_a_delivery_due_now(desk: Desk, webhook_id: int) -> None:
    work = failed(desk, webhook_id)
    asked = desk.call(delivery_requests.retry, work.public_id, ACTOR, NOW + 5)
    assert asked == delivery_requests.RequestResult(done=True, events=5)
    delivery = desk.delivery(work.public_id)
    assert delivery.next_attempt_ms == NOW + 5
    assert delivery.reason == "attempt 2, asked by alice from 192.0.2.7"


@pytest.mark.usefixtures("sending")
def test_a_retry_asked_for_in_flight_follows_the_attempt(desk: Desk, webhook_id: int) -> None:
    work = desk.started(webhook_id)
    assert not desk.call(delivery_requests.retry, work.public_id, ACTOR, NOW).done
    assert desk.delivery(work.public_id).asked == "retry"
    desk.end(work, 500)
    delivery = desk.delivery(work.public_id)
    assert (delivery.next_attempt_ms, delivery.asked) == (NOW, None)
    desk.end(desk.started(webhook_id), 500)
    assert desk.delivery(work.public_id).next_attempt_ms == NOW + 3 * MINUTE


@pytest.mark.usefixtures("sending")
def test_a_retry_takes_back_no_skip_that_was_asked_before(desk: Desk, webhook_id: int) -> None:
    work = desk.started(webhook_id)
    desk.call(delivery_requests.skip, work.public_id, ACTOR, NOW, idle=False)
    desk.call(delivery_requests.retry, work.public_id, ACTOR, NOW)
    desk.end(work, 500)
    assert desk.delivery(work.public_id).state == "skipped"


# Skip.


def test_a_skip_ends_a_delivery_and_counts_its_events(desk: Desk, webhook_id: int) -> None:
    work = failed(desk, webhook_id, TWO)
    asked = desk.call(delivery_requests.skip, work.public_id, ACTOR, NOW + 1, idle=False)
    assert asked == delivery_requests.RequestResult(done=True, events=2)
    delivery = desk.delivery(work.public_id)
    assert (delivery.state, delivery.ended_ms, delivery.next_attempt_ms) == (
        "skipped",
        NOW + 1,
        None,
    )
    assert delivery.ended_by == "alice from 192.0.2.7"
    assert desk.status(webhook_id).skipped_events == 2
    assert drain(desk, webhook_id) == [[3, 4, 5]]


@pytest.mark.usefixtures("sending")
def test_a_skip_asked_for_in_flight_waits_for_the_outcome(desk: Desk, webhook_id: int) -> None:
    work = desk.started(webhook_id)
    assert not desk.call(delivery_requests.skip, work.public_id, ACTOR, NOW, idle=False).done
    delivery = desk.delivery(work.public_id)
    assert (delivery.state, delivery.asked) == ("pending", "skip")
    assert delivery.sending_since_ms == NOW
    desk.end(work, 500)
    assert desk.delivery(work.public_id).state == "skipped"
    assert desk.status(webhook_id).skipped_events == 5


@pytest.mark.parametrize("ask", [delivery_requests.skip, delivery_requests.reseal])
def test_a_2xx_wins_over_what_was_asked_meanwhile(desk: Desk, webhook_id: int, ask: object) -> None:
    work = desk.started(webhook_id)
    desk.call(ask, work.public_id, ACTOR, NOW, idle=False)  # type: ignore[arg-type]
    desk.end(work, 200)
    delivery = desk.delivery(work.public_id)
    assert (delivery.state, delivery.asked) == ("delivered", None)
    status = desk.status(webhook_id)
    assert (status.delivered_events, status.skipped_events, status.queued) == (5, 0, 0)


def test_without_a_worker_nothing_is_in_flight(desk: Desk, webhook_id: int) -> None:
    work = desk.started(webhook_id)
    assert desk.call(delivery_requests.skip, work.public_id, ACTOR, NOW, idle=True).done
    assert desk.delivery(work.public_id).state == "skipped"


def test_a_retry_of_what_a_killed_worker_left_is_due_at_once(desk: Desk, webhook_id: int) -> None:
    work = desk.started(webhook_id)
    assert desk.call(delivery_requests.retry, work.public_id, ACTOR, NOW + 1).done
    delivery = desk.delivery(work.public_id)
    assert (delivery.next_attempt_ms, delivery.asked) == (NOW + 1, None)


# Reseal.


def test_a_reseal_seals_the_same_events_anew_with_todays_settings(
    desk: Desk, webhook_id: int
) -> None:
    work = failed(desk, webhook_id)
    desk.edit(webhook_id, fields(extra_fields=(("source", "tocsin"),)))
    assert reseal(desk, work) == delivery_requests.RequestResult(done=True, events=5)
    assert desk.delivery(work.public_id).state == "resealed"
    status = desk.status(webhook_id)
    assert (status.queued, status.run_open, status.skipped_events) == (5, True, 0)
    again = desk.started(webhook_id, new_run=False)
    assert again.public_id != work.public_id
    assert [item["source"] for item in json.loads(again.body)] == ["tocsin"] * 5
    assert carried(again.body) == [1, 2, 3, 4, 5]


def test_a_reseal_may_take_fewer_events_a_request_for_these_events_only(
    desk: Desk, webhook_id: int
) -> None:
    work = failed(desk, webhook_id)
    desk.append(*events(6, 9))
    reseal(desk, work, max_events=2)
    assert drain(desk, webhook_id) == [[1, 2], [3, 4], [5], [6, 7, 8, 9]]
    assert desk.status(webhook_id).delivered_events == 9


def test_a_reseal_never_takes_more_than_the_limit_of_the_webhook(
    desk: Desk, webhook_id: int
) -> None:
    work = failed(desk, webhook_id)
    reseal(desk, work, max_events=4)
    assert drain(desk, webhook_id, TWO) == [[1, 2], [3, 4], [5]]


def test_a_reseal_of_a_reseal_keeps_the_order(desk: Desk, webhook_id: int) -> None:
    work = failed(desk, webhook_id)
    reseal(desk, work, max_events=2)
    part = failed(desk, webhook_id)
    assert carried(part.body) == [1, 2]
    reseal(desk, part, max_events=1)
    first = failed(desk, webhook_id)
    assert carried(first.body) == [1]
    reseal(desk, first, max_events=3)
    assert desk.status(webhook_id).queued == 5
    assert drain(desk, webhook_id) == [[1, 2, 3], [4, 5]]


def test_a_reseal_asked_for_in_flight_waits_for_the_failure(desk: Desk, webhook_id: int) -> None:
    work = desk.started(webhook_id)
    assert not reseal(desk, work, without=2, max_events=3).done
    assert desk.call(deliveries.quarantine) == []
    desk.end(work, None)
    assert desk.delivery(work.public_id).state == "resealed"
    assert drain(desk, webhook_id) == [[1, 3, 4], [5]]


@pytest.mark.parametrize("left_out", [1, 3, 5])
def test_an_event_left_out_stays_in_quarantine_and_all_others_go(
    desk: Desk, webhook_id: int, left_out: int
) -> None:
    work = failed(desk, webhook_id)
    reseal(desk, work, without=left_out)
    (held,) = desk.call(deliveries.quarantine, webhook_id)
    assert (held.event_id, held.delivery_id, held.released_ms) == (
        f"e{left_out}",
        work.public_id,
        None,
    )
    rest = [number for number in range(1, 6) if number != left_out]
    assert desk.status(webhook_id).queued == 4
    assert drain(desk, webhook_id, TWO) == [rest[:2], rest[2:]]
    status = desk.status(webhook_id)
    assert (status.delivered_events, status.quarantined_events, status.queued) == (4, 1, 0)
    assert (status.pending, status.run_open, status.waiting_since_ms) == (None, False, None)


def test_one_event_after_the_other_can_be_left_out(desk: Desk, webhook_id: int) -> None:
    work = failed(desk, webhook_id)
    for without in (3, 1, 5):
        reseal(desk, work, without=without)
        work = failed(desk, webhook_id)
    assert carried(work.body) == [2, 4]
    with pytest.raises(NotFound, match="event 3 of type alerts is not in delivery"):
        reseal(desk, work, without=3)
    assert drain(desk, webhook_id) == [[2, 4]]
    assert desk.status(webhook_id).quarantined_events == 3


def test_the_only_event_of_a_delivery_can_be_left_out(desk: Desk, webhook_id: int) -> None:
    work = failed(desk, webhook_id, Limits(1, 1_000))
    reseal(desk, work, without=1)
    assert drain(desk, webhook_id) == [[2, 3, 4, 5]]


def test_a_delivery_frozen_without_an_event_keeps_its_bytes(desk: Desk, webhook_id: int) -> None:
    reseal(desk, failed(desk, webhook_id), without=3)
    first = failed(desk, webhook_id)
    again = desk.started(webhook_id)
    assert (again.public_id, again.body) == (first.public_id, first.body)
    assert carried(again.body) == [1, 2, 4, 5]
    carriers = desk.call(deliveries.carriers, EventType.ALERTS, 3)
    assert [one.state for one in carriers] == ["resealed"]


def test_a_skip_of_a_part_leaves_the_rest_of_a_reseal(desk: Desk, webhook_id: int) -> None:
    reseal(desk, failed(desk, webhook_id), max_events=2)
    part = failed(desk, webhook_id)
    desk.call(delivery_requests.skip, part.public_id, ACTOR, NOW, idle=False)
    assert drain(desk, webhook_id) == [[3, 4], [5]]
    status = desk.status(webhook_id)
    assert (status.delivered_events, status.skipped_events) == (3, 2)


# Quarantine.


def release(desk: Desk, webhook_id: int, seq: int, type_: EventType = EventType.ALERTS) -> None:
    desk.call(delivery_requests.release, webhook_id, type_, seq, ACTOR, NOW)


def test_a_released_event_goes_alone_and_before_what_waits(desk: Desk, webhook_id: int) -> None:
    reseal(desk, failed(desk, webhook_id, TWO), without=2)
    assert drain(desk, webhook_id) == [[1], [3, 4, 5]]
    desk.append(event(6))
    release(desk, webhook_id, 2)
    status = desk.status(webhook_id)
    assert (status.queued, status.run_open) == (2, True)
    assert (status.quarantined_events, status.released_events) == (0, 1)
    (held,) = desk.call(deliveries.quarantine, webhook_id)
    assert held.released_ms == NOW
    assert drain(desk, webhook_id) == [[2], [6]]
    assert desk.call(deliveries.quarantine) == []
    assert desk.status(webhook_id).delivered_events == 6


def test_an_event_is_released_once(desk: Desk, webhook_id: int) -> None:
    reseal(desk, failed(desk, webhook_id), without=2)
    for nothing in (1, 9):
        with pytest.raises(NotFound, match="in quarantine"):
            release(desk, webhook_id, nothing)
    release(desk, webhook_id, 2)
    with pytest.raises(Conflict, match="released already"):
        release(desk, webhook_id, 2)
    drain(desk, webhook_id)
    with pytest.raises(NotFound, match="in quarantine"):
        release(desk, webhook_id, 2)


def test_several_events_are_released_in_the_order_asked(desk: Desk, webhook_id: int) -> None:
    reseal(desk, failed(desk, webhook_id), without=2)
    reseal(desk, failed(desk, webhook_id), without=4)
    drain(desk, webhook_id)
    release(desk, webhook_id, 4)
    desk.call(delivery_requests.release, webhook_id, EventType.ALERTS, 2, ACTOR, NOW + 1)
    assert drain(desk, webhook_id) == [[4], [2]]


def released_and_failed(desk: Desk, webhook_id: int) -> Work:
    reseal(desk, failed(desk, webhook_id), without=2)
    drain(desk, webhook_id)
    release(desk, webhook_id, 2)
    return failed(desk, webhook_id)


def test_a_released_event_can_be_resealed(desk: Desk, webhook_id: int) -> None:
    work = released_and_failed(desk, webhook_id)
    reseal(desk, work)
    assert drain(desk, webhook_id) == [[2]]
    assert desk.status(webhook_id).delivered_events == 5


def test_a_released_event_can_go_back_to_quarantine(desk: Desk, webhook_id: int) -> None:
    work = released_and_failed(desk, webhook_id)
    reseal(desk, work, without=2)
    assert drain(desk, webhook_id) == []
    (held,) = desk.call(deliveries.quarantine, webhook_id)
    assert (held.event_id, held.released_ms) == ("e2", None)
    release(desk, webhook_id, 2)
    assert drain(desk, webhook_id) == [[2]]


def test_a_released_event_can_be_skipped(desk: Desk, webhook_id: int) -> None:
    work = released_and_failed(desk, webhook_id)
    desk.call(delivery_requests.skip, work.public_id, ACTOR, NOW, idle=False)
    status = desk.status(webhook_id)
    assert (status.skipped_events, status.delivered_events) == (1, 4)
    assert (status.quarantined_events, status.queued) == (0, 0)


def test_a_released_event_of_the_old_type_survives_an_edit(desk: Desk, webhook_id: int) -> None:
    reseal(desk, failed(desk, webhook_id), without=2)
    drain(desk, webhook_id)
    release(desk, webhook_id, 2)
    desk.edit(webhook_id, fields(EventType.LOG_AUTHN))
    assert drain(desk, webhook_id) == [[2]]


def test_events_of_two_types_with_one_id_are_released_each_by_its_number(
    desk: Desk, webhook_id: int
) -> None:
    authn = EventType.LOG_AUTHN
    reseal(desk, failed(desk, webhook_id), without=2)
    drain(desk, webhook_id)
    desk.edit(webhook_id, fields(authn))
    desk.append(event(2, authn))
    reseal(desk, failed(desk, webhook_id), without=1)
    release(desk, webhook_id, 1, authn)
    release(desk, webhook_id, 2)
    assert drain(desk, webhook_id) == [[2], [2]]
    assert desk.status(webhook_id).delivered_events == 6


# What is over is over.


@pytest.mark.parametrize("status", [200, "skip", "reseal"])
def test_what_is_not_pending_is_refused(desk: Desk, webhook_id: int, status: int | str) -> None:
    work = desk.started(webhook_id)
    if status == 200:
        desk.end(work, 200)
    else:
        ask = getattr(delivery_requests, str(status))
        desk.call(ask, work.public_id, ACTOR, NOW, idle=True)
    for refused in (
        lambda: delivery_requests.retry(work.public_id, ACTOR, NOW),
        lambda: delivery_requests.skip(work.public_id, ACTOR, NOW, idle=True),
        lambda: delivery_requests.reseal(work.public_id, ACTOR, NOW, idle=True),
    ):
        with pytest.raises(Conflict, match="this is for pending ones"):
            desk.call(refused)


def test_an_unknown_delivery_is_not_found(desk: Desk) -> None:
    for ask in (
        lambda: delivery_requests.retry("msg_0", ACTOR, NOW),
        lambda: delivery_requests.skip("msg_0", ACTOR, NOW, idle=True),
        lambda: deliveries.find("msg_0"),
        lambda: deliveries.body("msg_0"),
    ):
        with pytest.raises(NotFound, match="no delivery msg_0"):
            desk.call(ask)


def test_no_worker_begins_while_it_is_written_though_nobody_waits_for_it(desk: Desk) -> None:
    path, begun, go_on = desk.store.path, Flag(), Flag()

    def slow(*, idle: bool) -> delivery_requests.RequestResult:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return delivery_requests.RequestResult(done=idle, events=0)

    async def scene() -> None:
        asking = asyncio.create_task(desk.store.run(delivery_requests.with_idle, slow, path))
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        asking.cancel()
        await asyncio.wait([asking])
        assert SendingLock(path).is_held()
        go_on.set()

    asyncio.run(scene())
    assert desk.call(lambda: not SendingLock(path).is_held())


def test_a_deleted_webhook_can_still_have_its_delivery_skipped(desk: Desk, webhook_id: int) -> None:
    work = failed(desk, webhook_id)
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    assert desk.call(delivery_requests.skip, work.public_id, ACTOR, NOW, idle=False).done
    assert desk.call(attempts.plans) == []


def test_who_still_has_an_event_before_it_and_where(desk: Desk, webhook_id: int) -> None:
    other = desk.add()
    reseal(desk, failed(desk, webhook_id, TWO), without=2)
    where = [desk.call(deliveries.holders, EventType.ALERTS, seq) for seq in (1, 2, 5)]
    assert where == [
        {webhook_id: "queued"},
        {webhook_id: "in quarantine"},
        {webhook_id: "queued"},
    ]
    assert drain(desk, webhook_id) == [[1], [3, 4, 5]]
    desk.append(event(6))
    release(desk, webhook_id, 2)
    assert desk.call(deliveries.holders, EventType.ALERTS, 2) == {webhook_id: "released"}
    assert desk.call(deliveries.holders, EventType.ALERTS, 6) == {
        webhook_id: "queued",
        other: "queued",
    }
    assert desk.call(deliveries.holders, EventType.LOG_AUTHN, 6) == {}
