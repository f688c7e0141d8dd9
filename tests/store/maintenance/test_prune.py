"""Law 10: nothing undelivered is pruned; and what is long delivered goes, wherever it was held."""

from __future__ import annotations

import json
import re

import pytest

from domain.event_types import EventType
from store import settings, webhooks
from store.errors import NotFound
from store.events import reading
from store.files import free_bytes, store_bytes
from store.maintenance import health, prune
from store.models import QuarantineRow, WebhookRow, database
from store.queue import deliveries, delivery_requests
from tests.support.stores import ACTOR, ALERTS, DAY, NOW, Desk, event, events, fields

RETENTION = prune.Retention(keep_events_ms=7 * DAY, keep_deliveries_ms=400 * DAY)
MONTH = 30 * DAY


def prune_all(desk: Desk, now_ms: int) -> prune.PruneResult:
    """Prune until there is nothing left to prune."""
    total = prune.PruneResult()
    pruning = prune.Pruning(RETENTION, now_ms)
    while pruned := desk.call(pruning.step):
        total += pruned
    assert desk.call(health.problems, desk.store.vault) == []
    return total


def kept(desk: Desk, type_: EventType = ALERTS) -> list[int]:
    return [one.seq for one in desk.call(reading.after, type_, 0, limit=10_000)]


def deliver(desk: Desk, webhook_id: int, status: int = 200) -> str:
    work = desk.started(webhook_id)
    desk.end(work, status)
    return work.public_id


def test_delivered_events_go_after_the_time_of_keeping(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    public_id = deliver(desk, webhook_id)
    assert prune_all(desk, NOW + 7 * DAY - 1) == prune.PruneResult()
    assert kept(desk) == [1, 2, 3]
    assert prune_all(desk, NOW + 7 * DAY).events == 3
    assert kept(desk) == []
    assert desk.delivery(public_id).state == "delivered"
    with pytest.raises(NotFound, match="no longer kept"):
        desk.call(deliveries.body, public_id)


def test_the_time_of_keeping_begins_with_the_delivery(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    desk.now_ms = NOW + MONTH
    deliver(desk, webhook_id)
    prune_all(desk, NOW + MONTH + DAY)
    assert kept(desk) == [1, 2, 3]
    prune_all(desk, NOW + MONTH + 7 * DAY)
    assert kept(desk) == []


def test_events_that_no_webhook_wants_go_too(desk: Desk) -> None:
    desk.append(*events(1, 3))
    prune_all(desk, NOW + 7 * DAY - 1)
    assert kept(desk) == [1, 2, 3]
    prune_all(desk, NOW + MONTH)
    assert kept(desk) == []


def test_sequences_go_on_and_a_pruned_id_is_new_again(desk: Desk) -> None:
    desk.append(*events(1, 3))
    prune_all(desk, NOW + MONTH)
    webhook_id = desk.add()
    assert desk.append(*events(3, 4)).accepted == 2
    assert kept(desk) == [4, 5]
    assert desk.status(webhook_id).queued == 2


def test_a_webhook_from_the_start_begins_after_what_was_pruned(desk: Desk) -> None:
    desk.append(*events(1, 3))
    prune_all(desk, NOW + MONTH)
    desk.append(*events(4, 5))
    webhook_id = desk.call(
        webhooks.add, fields(), None, start="start", vault=desk.store.vault, actor=ACTOR, now_ms=NOW
    )
    assert desk.status(webhook_id).queued == 2


# What is held back, each for a reason of its own, for ever.


def queued(desk: Desk) -> None:
    desk.add()
    desk.append(*events(1, 3))


def paused(desk: Desk) -> None:
    desk.add(fields(active=False))
    desk.append(*events(1, 3))


def all_paused(desk: Desk) -> None:
    queued(desk)
    desk.call(settings.pause, ACTOR, NOW)


def one_of_two_lags(desk: Desk) -> None:
    first = desk.add()
    desk.add()
    desk.append(*events(1, 3))
    deliver(desk, first)


def failing(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    deliver(desk, webhook_id, 500)


def failing_after_an_edit_of_the_type(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    deliver(desk, webhook_id, 500)
    desk.edit(webhook_id, fields(EventType.LOG_AUTHN))


def to_be_resealed(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    public_id = deliver(desk, webhook_id, 500)
    desk.call(delivery_requests.reseal, public_id, ACTOR, NOW, idle=True)


def to_be_resealed_after_an_edit_of_the_type(desk: Desk) -> None:
    to_be_resealed(desk)
    desk.edit(1, fields(EventType.LOG_AUTHN))


@pytest.mark.parametrize(
    "hold",
    [
        queued,
        paused,
        all_paused,
        one_of_two_lags,
        failing,
        failing_after_an_edit_of_the_type,
        to_be_resealed,
        to_be_resealed_after_an_edit_of_the_type,
    ],
    ids=lambda hold: hold.__name__,
)
def test_what_is_undelivered_is_kept_for_years(desk: Desk, hold: object) -> None:
    hold(desk)  # type: ignore[operator]
    prune_all(desk, NOW + 1_000 * DAY)
    assert kept(desk) == [1, 2, 3]


def test_a_deleted_webhook_holds_its_events_while_it_can_be_brought_back(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    late = NOW + MONTH
    desk.call(webhooks.delete, [webhook_id], ACTOR, late)
    prune_all(desk, late + webhooks.UNDELETE_MS - 1)
    assert kept(desk) == [1, 2, 3]
    assert prune_all(desk, late + webhooks.UNDELETE_MS) == prune.PruneResult(3, 0, 1)
    assert kept(desk) == []


def quarantined(desk: Desk) -> int:
    """A webhook that got all but the second of three events."""
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    public_id = deliver(desk, webhook_id, 500)
    desk.call(delivery_requests.reseal, public_id, ACTOR, NOW, idle=True, without=2)
    deliver(desk, webhook_id)
    return webhook_id


def test_an_event_in_quarantine_is_kept_until_it_is_sent_and_a_week_longer(desk: Desk) -> None:
    webhook_id = quarantined(desk)
    prune_all(desk, NOW + MONTH)
    assert kept(desk) == [2]
    desk.call(delivery_requests.release, webhook_id, ALERTS, 2, ACTOR, NOW)
    prune_all(desk, NOW + MONTH)
    desk.now_ms = NOW + MONTH
    deliver(desk, webhook_id, 500)
    prune_all(desk, NOW + 2 * MONTH)
    assert kept(desk) == [2]
    deliver(desk, webhook_id)
    prune_all(desk, NOW + MONTH + 7 * DAY - 1)
    assert kept(desk) == [2]
    prune_all(desk, NOW + MONTH + 7 * DAY)
    assert kept(desk) == []


def test_an_event_in_the_quarantine_of_a_deleted_webhook_goes_with_it(desk: Desk) -> None:
    webhook_id = quarantined(desk)
    prune_all(desk, NOW + MONTH)
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW + MONTH)
    prune_all(desk, NOW + MONTH + webhooks.UNDELETE_MS)
    assert kept(desk) == []
    assert desk.call(lambda: QuarantineRow.select().count()) == 0


def test_an_event_is_kept_while_one_of_two_quarantines_holds_it(desk: Desk) -> None:
    first, second = quarantined(desk), desk.add(start=0)
    public_id = deliver(desk, second, 500)
    desk.call(delivery_requests.reseal, public_id, ACTOR, NOW, idle=True, without=2)
    deliver(desk, second)
    desk.call(delivery_requests.release, first, ALERTS, 2, ACTOR, NOW)
    deliver(desk, first)
    prune_all(desk, NOW + MONTH)
    assert kept(desk) == [2]


# Erasing a webhook.


def test_an_erased_webhook_keeps_its_row_for_the_audit_and_no_secret(desk: Desk) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    webhook_id = desk.add(fields(headers=(("X-A", "1"),)), secret=secret)
    desk.append(*events(1, 3))
    public_id = deliver(desk, webhook_id, 500)
    desk.append(event(4))
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    assert prune_all(desk, NOW + webhooks.UNDELETE_MS).webhooks == 1
    row = desk.call(lambda: WebhookRow.get_by_id(webhook_id))
    assert (row.target, row.secrets, row.skipped_events) == (None, None, 3)
    delivery = desk.delivery(public_id)
    assert (delivery.state, delivery.ended_by) == ("skipped", "the webhook was deleted")
    assert len(desk.call(deliveries.attempts, public_id)) == 1
    with pytest.raises(NotFound):
        desk.call(webhooks.undelete, [webhook_id], ACTOR, NOW)
    assert desk.call(webhooks.restorable, desk.store.vault, NOW) == []


def test_an_attempt_in_flight_when_its_webhook_is_erased_is_recorded(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    work = desk.started(webhook_id)
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    prune_all(desk, NOW + webhooks.UNDELETE_MS)
    assert desk.end(work, 200, go_on=True) is None
    assert desk.delivery(work.public_id).state == "skipped"
    assert len(desk.call(deliveries.attempts, work.public_id)) == 1


# Deliveries and space.


def test_deliveries_and_their_attempts_go_after_400_days(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(event(1))
    old = deliver(desk, webhook_id)
    desk.append(event(2))
    pending = deliver(desk, webhook_id, 500)
    prune_all(desk, NOW + 400 * DAY)
    assert desk.delivery(old).state == "delivered"
    assert prune_all(desk, NOW + 400 * DAY + 1) == prune.PruneResult(0, 1, 0)
    with pytest.raises(NotFound):
        desk.delivery(old)
    assert desk.delivery(pending).state == "pending"
    assert len(desk.call(deliveries.last_results, webhook_id)) == 1


def test_pruning_goes_in_small_steps(desk: Desk) -> None:
    desk.append(*events(1, 2 * prune.SLICE + 1))
    pruning = prune.Pruning(RETENTION, NOW + MONTH)
    steps = []
    while pruned := desk.call(pruning.step):
        steps.append(pruned.events)
    assert steps == [prune.SLICE, prune.SLICE, 1]


def test_no_step_reads_all_deliveries(desk: Desk) -> None:
    statements: list[str] = []
    desk.call(lambda: database.connection().set_trace_callback(statements.append))
    quarantined(desk)
    prune_all(desk, NOW + MONTH)
    prune_all(desk, NOW + 500 * DAY)
    desk.call(lambda: database.connection().set_trace_callback(None))

    def plans() -> list[str]:
        explained = [
            database.connection().execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            for statement in statements
            if re.match(r"SELECT .* FROM \"?delivery\"? ", statement)
        ]
        return [detail for plan in explained for *_, detail in plan]

    found = desk.call(plans)
    assert any("delivery_type_ended" in detail for detail in found)
    assert not [detail for detail in found if re.match(r"SCAN (t1|delivery)(?!.*pending)", detail)]


def test_what_is_sealed_between_two_steps_is_kept(desk: Desk) -> None:
    count = prune.SLICE + 10
    desk.append(*events(1, prune.SLICE))
    webhook_id = desk.add(fields(max_events=5))
    desk.append(*events(prune.SLICE + 1, count))
    pruning = prune.Pruning(RETENTION, NOW + MONTH)
    assert desk.call(pruning.step).events == prune.SLICE
    first = desk.started(webhook_id)
    desk.now_ms = NOW + MONTH
    assert not desk.call(pruning.step)
    assert desk.end(first, 200, go_on=True) is not None
    assert not desk.call(pruning.step)
    assert kept(desk) == list(range(prune.SLICE + 1, count + 1))


def test_what_a_webhook_from_the_start_got_between_two_steps_is_kept(desk: Desk) -> None:
    desk.append(*events(1, 3 * prune.SLICE))
    pruning = prune.Pruning(RETENTION, NOW + MONTH)
    assert desk.call(pruning.step).events == prune.SLICE
    webhook_id = desk.add(fields(max_events=3 * prune.SLICE, max_bytes=9_000_000), start=0)
    desk.now_ms = NOW + MONTH
    public_id = deliver(desk, webhook_id)
    assert not desk.call(pruning.step)
    assert len(json.loads(desk.call(deliveries.body, public_id))) == 2 * prune.SLICE


def test_what_was_released_and_sent_between_two_steps_is_kept(desk: Desk) -> None:
    webhook_id = quarantined(desk)
    desk.append(*events(4, prune.SLICE + 10))
    webhooks_cursor = desk.add(start=0)
    pruning = prune.Pruning(RETENTION, NOW + MONTH)
    desk.now_ms = NOW + MONTH
    assert not desk.call(pruning.step)
    desk.call(webhooks.delete, [webhooks_cursor], ACTOR, NOW)
    desk.call(delivery_requests.release, webhook_id, ALERTS, 2, ACTOR, NOW)
    deliver(desk, webhook_id)
    prune_all(desk, NOW + MONTH)
    assert 2 in kept(desk)


def test_events_that_are_all_held_do_not_end_a_pass(desk: Desk) -> None:
    count = prune.SLICE + 5
    desk.append(*events(1, count))
    webhook_id = desk.add()

    def hold_a_slice() -> None:
        for seq in range(1, prune.SLICE + 1):
            QuarantineRow.insert(
                webhook=webhook_id,
                type=ALERTS,
                seq=seq,
                event_id=f"e{seq}",
                delivery_public_id="msg_1",
                at_ms=NOW,
            ).execute()

    desk.call(hold_a_slice)
    assert prune_all(desk, NOW + MONTH).events == 5
    assert kept(desk) == list(range(1, prune.SLICE + 1))


def test_space_is_given_back_to_the_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.append(*(event(number, text="x" * 2_000) for number in range(1, 1_001)))

    def pages() -> int:
        return int(desk.call(lambda: database.execute_sql("PRAGMA page_count").fetchone()[0]))

    full = pages()
    prune_all(desk, NOW + MONTH)
    assert pages() == full
    monkeypatch.setattr(prune, "PAGES", 100)
    steps = 1
    while desk.call(prune.give_back):
        steps += 1
    assert steps > 3
    assert pages() < full / 4
    assert store_bytes(desk.store.path) > 0
    assert free_bytes(desk.store.path) > 0
