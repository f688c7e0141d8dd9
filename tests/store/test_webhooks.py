"""Adding, editing, pausing, deleting and bringing back webhooks, and where each one starts."""

from __future__ import annotations

import pytest

from domain.event_types import EventType
from store import webhook_status, webhooks
from store.errors import Conflict, NotFound
from store.events.keys import within
from store.models import EventRow
from store.queue import backlog as queue
from store.queue import delivery_requests
from store.records import Limits, Secrets, Webhook
from store.webhook_edits import RetireSecret, RotateSecret, SecretChange, SetSecret
from tests.support.stores import ACTOR, ALERTS, DAY, MINUTE, NOW, Desk, carried, events, fields
from tests.support.stores import event as make_event

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
EVERYTHING = fields(
    name="siem",
    active=False,
    headers=(("X-B", "2"), ("X-A", "1")),
    extra_fields=(("source", "Zürich: tocsin"), ("b", "")),
    max_events=7,
    max_bytes=5_000,
    interval_ms=MINUTE,
    ca_file="/etc/ca.pem",
)


def found(desk: Desk, webhook_id: int) -> Webhook:
    return desk.call(webhooks.find, webhook_id, desk.store.vault)


def test_every_field_is_kept_as_it_was_given(desk: Desk) -> None:
    webhook_id = desk.add(EVERYTHING, secret=SECRET)
    kept = found(desk, webhook_id)
    assert (kept.fields, kept.secrets) == (EVERYTHING, Secrets(SECRET))
    assert (kept.revision, kept.created_ms, kept.updated_ms, kept.deleted_ms) == (1, NOW, NOW, None)
    assert desk.call(webhooks.load_all, desk.store.vault) == [kept]


def test_a_status_has_every_field_as_it_was_given(desk: Desk) -> None:
    webhook_id = desk.add(EVERYTHING, secret=SECRET)
    other_id = desk.add()
    kept = found(desk, webhook_id)
    assert desk.status(webhook_id).webhook == kept
    assert desk.status(webhook_id).webhook.fields.active is False
    assert desk.status(other_id).webhook.fields.active is True


def test_every_field_can_be_edited(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.now_ms += 1
    assert desk.edit(webhook_id, EVERYTHING, SetSecret(SECRET), revision=1).dropped == 0
    kept = found(desk, webhook_id)
    assert (kept.fields, kept.secrets, kept.revision) == (EVERYTHING, Secrets(SECRET), 2)
    assert (kept.created_ms, kept.updated_ms) == (NOW, NOW + 1)
    desk.edit(webhook_id, fields(), SetSecret(None))
    assert (found(desk, webhook_id).fields, found(desk, webhook_id).secrets) == (fields(), None)


def test_an_edit_of_what_somebody_else_changed_meanwhile_is_refused(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.edit(webhook_id, fields(name="a"), revision=1)
    with pytest.raises(Conflict, match=r"revision 1 is now 2, last by alice from 192\.0\.2\.7"):
        desk.edit(webhook_id, fields(name="b"), revision=1)
    assert found(desk, webhook_id).fields.name == "a"


# Where a webhook starts.


def first_sent(desk: Desk, start: int | str) -> list[int]:
    webhook_id = desk.call(
        webhooks.add,
        fields(),
        None,
        start=start,  # type: ignore[arg-type]
        vault=desk.store.vault,
        actor=ACTOR,
        now_ms=desk.now_ms,
    )
    work = desk.start(webhook_id)
    return carried(work.body) if work else []


def test_a_webhook_starts_now_at_the_start_or_at_a_time(desk: Desk) -> None:
    for number in range(1, 5):
        desk.append(make_event(number))
        desk.now_ms += 1_000
    assert first_sent(desk, "now") == []
    assert first_sent(desk, "start") == [1, 2, 3, 4]
    assert first_sent(desk, NOW + 1_000) == [2, 3, 4]
    assert first_sent(desk, NOW + 1_001) == [3, 4]
    assert first_sent(desk, 0) == [1, 2, 3, 4]
    assert first_sent(desk, NOW + DAY) == []


def test_a_new_webhook_gets_what_comes_after_it_and_of_its_type_only(desk: Desk) -> None:
    desk.append(*events(1, 3))
    webhook_id = desk.add()
    desk.append(*events(4, 5), *events(1, 9, EventType.LOG_AUTHN))
    assert desk.status(webhook_id).queued == 2
    assert carried(desk.started(webhook_id).body) == [4, 5]


# By name.


def test_a_name_or_an_id_finds_a_webhook(desk: Desk) -> None:
    first, second = desk.add(fields(name="siem")), desk.add(fields(name="soc"))
    assert desk.call(webhooks.resolve, "siem") == first
    assert desk.call(webhooks.resolve, str(second)) == second


@pytest.mark.parametrize(
    "reference", ["", "7", "9" * 30, "9" * 5_000, "SIEM", "\udcff", "x\0", "\u0667"]
)
def test_what_names_no_webhook_is_not_found(desk: Desk, reference: str) -> None:
    desk.add(fields(name="siem"))
    with pytest.raises(NotFound, match="no webhook"):
        desk.call(webhooks.resolve, reference)


def test_a_name_is_taken_by_one_webhook_at_a_time(desk: Desk) -> None:
    first, second = desk.add(fields(name="siem")), desk.add()
    with pytest.raises(Conflict, match="the name siem is taken by webhook 1"):
        desk.add(fields(name="siem"))
    with pytest.raises(Conflict, match="taken"):
        desk.edit(second, fields(name="siem"))
    desk.edit(first, fields(name="siem", max_events=3))
    desk.call(webhooks.delete, [first], ACTOR, NOW)
    third = desk.add(fields(name="siem"))
    assert desk.call(webhooks.resolve, "siem", deleted=True) == third
    with pytest.raises(Conflict, match="taken"):
        desk.call(webhooks.undelete, [first], ACTOR, NOW)
    desk.call(webhooks.delete, [third], ACTOR, NOW + 1)
    assert desk.call(webhooks.resolve, "siem", deleted=True) == third
    with pytest.raises(NotFound):
        desk.call(webhooks.resolve, "siem")


# Pausing: nothing is sent, the queue goes on collecting.


def test_a_paused_webhook_keeps_its_queue_and_sends_it_when_unpaused(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    assert desk.call(webhooks.set_active, [webhook_id], False, ACTOR, NOW) == [webhook_id]
    assert desk.call(webhooks.set_active, [webhook_id], False, ACTOR, NOW) == []
    desk.append(*events(3, 4))
    assert desk.start(webhook_id) is None
    assert desk.status(webhook_id).queued == 4
    assert desk.call(webhooks.set_active, [webhook_id], True, ACTOR, NOW) == [webhook_id]
    assert carried(desk.started(webhook_id).body) == [1, 2, 3, 4]


def test_a_pause_cuts_no_attempt_and_starts_none(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    desk.call(webhooks.set_active, [webhook_id], False, ACTOR, NOW)
    desk.append(make_event(2))
    assert desk.end(work, 200, go_on=True) is None
    assert desk.status(webhook_id).delivered_events == 1
    assert desk.start(webhook_id) is None


def test_pausing_several_webhooks_is_all_or_nothing(desk: Desk) -> None:
    webhook_id = desk.add()
    with pytest.raises(NotFound):
        desk.call(webhooks.set_active, [webhook_id, 99], False, ACTOR, NOW)
    assert found(desk, webhook_id).fields.active


# Deleting.


def test_a_deleted_webhook_sends_nothing_and_comes_back_as_it_was(desk: Desk) -> None:
    webhook_id = desk.add(EVERYTHING, secret=SECRET)
    desk.call(webhooks.set_active, [webhook_id], True, ACTOR, NOW)
    desk.append(*events(1, 2))
    work = desk.started(webhook_id)
    desk.end(work, 500)
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    desk.append(make_event(3))
    assert desk.start(webhook_id) is None
    assert desk.call(webhook_status.statuses, desk.store.vault) == []
    assert desk.call(webhooks.load_all, desk.store.vault) == []
    late = NOW + webhooks.UNDELETE_MS - 1
    assert len(desk.call(webhooks.restorable, desk.store.vault, late)) == 1
    assert desk.call(webhooks.restorable, desk.store.vault, late + 1) == []
    with pytest.raises(NotFound, match="undelete"):
        desk.edit(webhook_id, fields())
    desk.call(webhooks.undelete, [webhook_id], ACTOR, late)
    again = desk.started(webhook_id)
    assert (again.public_id, again.body, again.number) == (work.public_id, work.body, 2)
    assert desk.status(webhook_id).queued == 1
    assert found(desk, webhook_id).secrets == Secrets(SECRET)


def test_a_2xx_of_an_attempt_in_flight_counts_after_a_delete(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    work = desk.started(webhook_id)
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    assert desk.end(work, 200, go_on=True) is None
    assert desk.delivery(work.public_id).state == "delivered"


def test_ten_minutes_later_or_without_a_delete_nothing_is_brought_back(desk: Desk) -> None:
    webhook_id = desk.add()
    with pytest.raises(Conflict, match="is not deleted"):
        desk.call(webhooks.undelete, [webhook_id], ACTOR, NOW)
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    with pytest.raises(Conflict, match="more than ten minutes ago"):
        desk.call(webhooks.undelete, [webhook_id], ACTOR, NOW + webhooks.UNDELETE_MS)
    with pytest.raises(NotFound):
        desk.call(webhooks.undelete, [99], ACTOR, NOW)


# Editing the type.


def test_an_edit_of_the_type_drops_the_unsealed_and_keeps_the_pending(desk: Desk) -> None:
    authn = EventType.LOG_AUTHN
    webhook_id = desk.add()
    desk.append(*events(1, 2), *events(1, 4, authn))
    work = desk.started(webhook_id)
    desk.end(work, 500)
    desk.append(*events(3, 5))
    assert desk.call(webhooks.droppable, webhook_id) == 3
    assert desk.edit(webhook_id, fields(authn)).dropped == 3
    desk.append(*events(5, 6, authn), make_event(6))
    again = desk.started(webhook_id)
    assert (again.public_id, again.body) == (work.public_id, work.body)
    assert desk.delivery(work.public_id).type is ALERTS
    assert desk.end(again, 200, go_on=True) is None
    assert desk.start(webhook_id, new_run=False) is None
    assert carried(desk.started(webhook_id).body) == [5, 6]
    status = desk.status(webhook_id)
    assert (status.skipped_events, status.queued) == (3, 0)


def test_no_more_events_are_dropped_than_were_agreed_to(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    agreed = desk.call(webhooks.droppable, webhook_id)
    desk.append(make_event(4))
    with pytest.raises(Conflict, match="has 4 queued events by now, not 3: nothing was saved"):
        desk.edit(webhook_id, fields(EventType.LOG_AUTHN), dropping=agreed)
    status = desk.status(webhook_id)
    assert (status.webhook.fields.type, status.webhook.revision) == (ALERTS, 1)
    assert (status.queued, status.skipped_events) == (4, 0)
    assert desk.edit(webhook_id, fields(name="x"), dropping=0).dropped == 0
    desk.end(desk.started(webhook_id, limits=Limits(2, 1_000_000)), 200)
    assert desk.edit(webhook_id, fields(EventType.LOG_AUTHN), dropping=4).dropped == 2


def test_a_run_ends_with_the_type_that_it_was_begun_for(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 9))
    desk.end(desk.started(webhook_id, limits=Limits(max_events=2, max_bytes=1_000_000)), 200)
    desk.edit(webhook_id, fields(EventType.LOG_AUTHN))
    desk.append(*events(1, 3, EventType.LOG_AUTHN))
    assert desk.start(webhook_id, new_run=False) is None
    assert desk.status(webhook_id).queued == 3


def test_events_to_be_sealed_anew_survive_an_edit_of_the_type(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    work = desk.started(webhook_id)
    desk.end(work, 500)
    desk.call(delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=False, max_events=2)
    assert desk.edit(webhook_id, fields(EventType.LOG_AUTHN)).dropped == 0
    sent = []
    for _ in range(2):
        work = desk.started(webhook_id)
        sent += carried(work.body)
        desk.end(work, 200)
    assert sent == [1, 2, 3]


# What makes a failing delivery due now.


def failing(desk: Desk, webhook_id: int) -> str:
    desk.append(*events(1, 1))
    work = desk.started(webhook_id)
    desk.end(work, 503)
    assert desk.delivery(work.public_id).next_attempt_ms == NOW + 3 * MINUTE
    return work.public_id


@pytest.mark.parametrize(
    ("change", "secret", "now"),
    [
        ({"headers": (("X-A", "1"),)}, None, True),
        ({"ca_file": "/etc/ca.pem"}, None, True),
        ({}, SetSecret(SECRET), True),
        ({"name": "siem"}, None, False),
        ({"interval_ms": MINUTE}, None, False),
        ({"extra_fields": (("a", "b"),)}, None, False),
        ({}, None, False),
    ],
)
def test_a_change_of_the_target_makes_a_failing_delivery_due_now(
    desk: Desk, change: dict[str, object], secret: SecretChange | None, now: bool
) -> None:
    webhook_id = desk.add()
    public_id = failing(desk, webhook_id)
    desk.edit(webhook_id, fields(**change), secret)  # type: ignore[arg-type]
    delivery = desk.delivery(public_id)
    assert delivery.next_attempt_ms == (NOW if now else NOW + 3 * MINUTE)
    assert delivery.reason == f"attempt 2, {'its settings were changed' if now else 'interval 3m'}"


@pytest.mark.usefixtures("sending")
def test_settings_changed_during_a_failing_attempt_make_the_next_one_due_now(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    desk.edit(webhook_id, fields(headers=(("X-A", "1"),)))
    desk.edit(webhook_id, fields(name="siem", headers=(("X-A", "1"),)))
    assert desk.delivery(work.public_id).sending_since_ms == NOW
    desk.end(work, 503)
    delivery = desk.delivery(work.public_id)
    assert (delivery.next_attempt_ms, delivery.reason) == (
        NOW,
        "attempt 2, its settings were changed",
    )
    again = desk.started(webhook_id)
    assert (again.headers, again.body) == ((("X-A", "1"),), work.body)
    desk.end(again, 503)
    assert desk.delivery(work.public_id).next_attempt_ms == NOW + 3 * MINUTE


def test_another_name_during_a_failing_attempt_changes_no_time(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(make_event(1))
    work = desk.started(webhook_id)
    desk.edit(webhook_id, fields(name="siem"))
    desk.end(work, 503)
    assert desk.delivery(work.public_id).next_attempt_ms == NOW + 3 * MINUTE


# Secrets.


def test_a_rotation_signs_with_both_for_a_day_and_a_retirement_ends_it(desk: Desk) -> None:
    webhook_id = desk.add(secret=SECRET)
    rotated = desk.edit(webhook_id, fields(), RotateSecret(OTHER_SECRET))
    secrets = rotated.webhook.secrets
    assert secrets is not None
    assert secrets.in_force(NOW + DAY - 1) == (OTHER_SECRET, SECRET)
    assert secrets.in_force(NOW + DAY) == (OTHER_SECRET,)
    retired = desk.edit(webhook_id, fields(), RetireSecret())
    assert retired.webhook.secrets == Secrets(OTHER_SECRET)
    with pytest.raises(Conflict, match="webhook 1 has nothing to retire"):
        desk.edit(webhook_id, fields(), RetireSecret())


def test_no_secret_that_still_signs_is_lost_by_a_second_rotation(desk: Desk) -> None:
    webhook_id = desk.add(secret=SECRET)
    third = f"whsec_{'A' * 32}"
    desk.edit(webhook_id, fields(), RotateSecret(OTHER_SECRET))
    with pytest.raises(Conflict, match=r"signs until .*Z; retire it first"):
        desk.edit(webhook_id, fields(), RotateSecret(third))
    desk.now_ms += DAY
    rotated = desk.edit(webhook_id, fields(), RotateSecret(third)).webhook.secrets
    assert rotated is not None
    assert rotated.in_force(desk.now_ms) == (third, OTHER_SECRET)


@pytest.mark.parametrize("change", [RotateSecret(SECRET), RetireSecret()])
def test_without_a_secret_there_is_none_to_rotate_or_retire(
    desk: Desk, change: SecretChange
) -> None:
    webhook_id = desk.add()
    with pytest.raises(Conflict, match="no secret to rotate or retire"):
        desk.edit(webhook_id, fields(), change)


# Sending now, skipping a backlog.


def test_send_now_starts_a_run_up_to_the_head_and_retries_what_is_pending(desk: Desk) -> None:
    webhook_id = desk.add()
    public_id = failing(desk, webhook_id)
    desk.append(*events(2, 4))
    assert desk.call(queue.send_now, [webhook_id], ACTOR, NOW + 5)[webhook_id].queued == 3
    delivery = desk.delivery(public_id)
    assert delivery.next_attempt_ms == NOW + 5
    assert delivery.reason == "attempt 2, asked by alice from 192.0.2.7"
    desk.append(make_event(5))
    work = desk.end(desk.started(webhook_id, new_run=False), 200, go_on=True)
    assert work is not None
    assert carried(work.body) == [2, 3, 4]
    assert desk.end(work, 200, go_on=True) is None
    assert desk.status(webhook_id).last_run_ms == NOW + 5


def backlog(desk: Desk) -> int:
    """A webhook with five events that came a second apart."""
    webhook_id = desk.add()
    for number in range(1, 6):
        desk.append(make_event(number))
        desk.now_ms += 1_000
    return webhook_id


def skip_before(desk: Desk, webhook_id: int, before_ms: int) -> int:
    foretold = desk.call(queue.backlog_before, webhook_id, before_ms)
    skipped = desk.call(queue.skip_backlog, webhook_id, before_ms, ACTOR, desk.now_ms)
    assert foretold == skipped
    return skipped


def test_a_backlog_is_skipped_up_to_a_time_and_counted(desk: Desk) -> None:
    webhook_id = backlog(desk)
    assert skip_before(desk, webhook_id, NOW) == 0
    assert skip_before(desk, webhook_id, NOW + 2_000) == 2
    status = desk.status(webhook_id)
    assert (status.queued, status.skipped_events) == (3, 2)
    assert carried(desk.started(webhook_id).body) == [3, 4, 5]


def test_a_skip_of_everything_leaves_what_comes_later(desk: Desk) -> None:
    webhook_id = backlog(desk)
    assert skip_before(desk, webhook_id, NOW + DAY) == 5
    assert desk.start(webhook_id) is None
    desk.append(make_event(6))
    assert carried(desk.started(webhook_id).body) == [6]


def test_a_skip_of_the_backlog_leaves_the_pending_delivery(desk: Desk) -> None:
    webhook_id = backlog(desk)
    limits = Limits(max_events=2, max_bytes=1_000_000)
    work = desk.started(webhook_id, limits=limits)
    assert skip_before(desk, webhook_id, NOW + DAY) == 3
    desk.end(work, 200)
    assert desk.status(webhook_id).delivered_events == 2
    assert desk.start(webhook_id) is None


def test_a_clock_that_jumped_back_drops_no_newer_event(desk: Desk) -> None:
    webhook_id = desk.add()
    for number, received_ms in enumerate((NOW, NOW + DAY, NOW - DAY), 1):
        desk.now_ms = received_ms
        desk.append(make_event(number))
    assert skip_before(desk, webhook_id, NOW + 1) == 1
    assert carried(desk.started(webhook_id).body) == [2, 3]


@pytest.mark.parametrize(
    ("before_ms", "skipped", "left"),
    [
        (NOW + 1_000, 1, [3, 4, 5, 6]),
        (NOW + 3_000, 2, [4, 5, 6]),
        (NOW + 5_000, 4, [6]),
        (NOW + DAY, 5, []),
    ],
)
def test_a_skip_cuts_into_events_that_are_to_be_sealed_anew(
    desk: Desk, before_ms: int, skipped: int, left: list[int]
) -> None:
    webhook_id = backlog(desk)
    work = desk.started(webhook_id)
    desk.append(make_event(6))
    desk.end(work, 500)
    desk.call(delivery_requests.reseal, work.public_id, ACTOR, desk.now_ms, idle=False, without=2)
    assert skip_before(desk, webhook_id, before_ms) == skipped
    sent = []
    while work_left := desk.start(webhook_id):
        sent += carried(work_left.body)
        desk.end(work_left, 200)
    assert sent == left
    status = desk.status(webhook_id)
    assert (status.queued, status.quarantined_events) == (0, 1)
    assert status.delivered_events + status.skipped_events == 5


def test_the_oldest_undelivered_event_says_since_when_a_webhook_waits(desk: Desk) -> None:
    webhook_id = backlog(desk)
    assert desk.status(webhook_id).waiting_since_ms == NOW
    work = desk.started(webhook_id, limits=Limits(2, 1_000_000))
    assert desk.status(webhook_id).waiting_since_ms == NOW
    desk.end(work, 200)
    assert desk.status(webhook_id).waiting_since_ms == NOW + 2_000
    desk.end(desk.started(webhook_id), 200)
    assert desk.status(webhook_id).waiting_since_ms is None


def test_a_webhook_waits_since_its_released_event_was_accepted(desk: Desk) -> None:
    webhook_id = backlog(desk)
    work = desk.started(webhook_id)
    desk.end(work, 500)
    desk.call(delivery_requests.reseal, work.public_id, ACTOR, desk.now_ms, idle=False, without=3)
    desk.end(desk.started(webhook_id), 200)
    assert desk.status(webhook_id).waiting_since_ms is None
    desk.call(delivery_requests.release, webhook_id, ALERTS, 3, ACTOR, desk.now_ms)
    assert desk.status(webhook_id).waiting_since_ms == NOW + 2_000
    desk.append(make_event(9))
    assert desk.status(webhook_id).waiting_since_ms == NOW + 2_000
    desk.end(desk.started(webhook_id), 200)
    assert desk.status(webhook_id).waiting_since_ms == desk.now_ms


def test_a_webhook_waits_since_the_first_event_that_is_still_there(desk: Desk) -> None:
    webhook_id = backlog(desk)
    desk.call(lambda: EventRow.delete().where(within(ALERTS, last=2)).execute())
    assert desk.status(webhook_id).waiting_since_ms == NOW + 2_000
