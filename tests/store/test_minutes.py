"""The table of minutes: its sums are what happened, whoever ends when."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from itertools import count as count_up

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.event_types import EventType
from domain.times import MINUTE_MS
from store import minutes, webhooks
from store.errors import StoreUnavailable
from store.maintenance import prune
from store.models import AttemptRow, TypeMinuteRow, WebhookMinuteRow, database, rows
from store.queue import attempts, delivery_requests
from store.records import TypeMinute, Verdict, WebhookMinute, Work
from tests.store.queue_both import RETENTION
from tests.support.stores import (
    ACTOR,
    ALERTS,
    DAY,
    LIMITS,
    MINUTE,
    NOW,
    Desk,
    event,
    events,
    fields,
    new_store,
    result,
)

START = NOW // MINUTE_MS * MINUTE_MS
"""The first moment of a minute."""

MINUTE_0 = START // MINUTE_MS
FOREVER = (0, 2**40)
NOTHING = (0,) * 12


def count(desk: Desk) -> int:
    """Count all that is new, as the worker does; the number of steps that it took."""
    steps = 1
    while desk.call(minutes.count_some, desk.now_ms):
        steps += 1
    return steps


def webhook_rows(desk: Desk) -> list[WebhookMinute]:
    return desk.call(minutes.of_webhooks, *FOREVER)


def one_in(bucket: int) -> tuple[int, ...]:
    """The counts of one delivery."""
    return tuple(int(place == bucket) for place in range(12))


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A store at the first moment of a minute."""
    desk.now_ms = START
    return desk


def test_a_minute_has_what_was_accepted_delivered_and_failed_in_it_and_what_waits_at_its_end(
    desk: Desk,
) -> None:
    busy, idle, other = desk.add(), desk.add(fields(EventType.LOG_AUTHN)), desk.add()
    desk.append(*events(1, 5))
    desk.now_ms += 1_000
    desk.end(desk.started(busy), 200)
    desk.end(desk.started(other), 503)
    desk.now_ms += MINUTE
    desk.append(*events(6, 7))
    count(desk)
    assert webhook_rows(desk) == [
        WebhookMinute(busy, MINUTE_0, 5, 0, 2, one_in(2)),
        WebhookMinute(other, MINUTE_0, 0, 1, 7, NOTHING),
    ]
    assert desk.call(minutes.of_types, *FOREVER) == [
        TypeMinute(ALERTS, MINUTE_0, 5),
        TypeMinute(ALERTS, MINUTE_0 + 1, 2),
    ]
    assert idle not in {row.webhook_id for row in webhook_rows(desk)}


def test_a_minute_counts_once_however_often_it_is_looked_at(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 5))
    desk.end(desk.started(webhook_id), 200)
    for _ in range(3):
        desk.now_ms += 1_000
        count(desk)
    assert sum(row.delivered for row in webhook_rows(desk)) == 5
    assert sum(row.accepted for row in desk.call(minutes.of_types, *FOREVER)) == 5


def test_a_transaction_that_does_not_commit_counts_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 5))
    desk.end(desk.started(webhook_id), 200)

    def fail(*_: object) -> None:
        raise StoreUnavailable("no more room")

    with monkeypatch.context() as patch:
        patch.setattr(minutes, "_note", fail)
        with pytest.raises(StoreUnavailable):
            count(desk)
    assert webhook_rows(desk) == []
    count(desk)
    assert sum(row.delivered for row in webhook_rows(desk)) == 5


def test_many_attempts_are_counted_in_slices(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minutes, "SLICE", 2)
    monkeypatch.setattr(minutes, "MOST_SPANS", 2)
    webhook_id = desk.add()
    for number in range(1, 8):
        desk.append(event(number))
        desk.end(desk.started(webhook_id), 200 if number % 2 else 500)
        desk.now_ms += MINUTE
        if number % 2 == 0:
            desk.end(desk.started(webhook_id), 200)
    assert count(desk) >= 5
    found = webhook_rows(desk)
    assert sum(row.delivered for row in found) == 7
    assert sum(row.failed for row in found) == 3
    accepted = desk.call(minutes.of_types, *FOREVER)
    assert [row.accepted for row in accepted] == [1] * 7
    assert [row.minute for row in accepted] == [MINUTE_0 + passed for passed in range(7)]


def test_the_time_that_a_delivery_took_is_in_its_bucket(desk: Desk) -> None:
    webhook_id = desk.add()
    took = {10: 0, 11: 1, 25: 1, 26: 2, 30_000: 10, 30_001: 11, 4_000_000: 11}
    for number, duration_ms in enumerate(took, 1):
        desk.append(event(number))
        work = desk.started(webhook_id)
        desk.call(
            attempts.record,
            work,
            replace(result(desk.now_ms, 204), duration_ms=duration_ms),
            Verdict(delivered=True),
            limits=LIMITS,
            new_id=desk.ids,
            vault=desk.store.vault,
            now_ms=desk.now_ms,
            shared=desk.shared,
            may_begin=lambda: True,
            go_on=False,
        )
    count(desk)
    total = Counter[int]()
    for row in webhook_rows(desk):
        total.update(dict(enumerate(row.latency)))
    assert +total == Counter(took.values())


def test_an_attempt_of_a_worker_that_lost_the_lock_delivers_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minutes, "SLICE", 1)  # the attempt that counts as nothing is alone
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    lost = desk.started(webhook_id)
    desk.call(attempts.recover, "w2", desk.now_ms)
    desk.end(desk.started(webhook_id), 200)
    desk.end(lost, 200)
    count(desk)
    [row] = webhook_rows(desk)
    assert (row.delivered, row.failed, sum(row.latency)) == (3, 1, 1)


def test_a_2xx_that_comes_after_a_skip_is_neither_delivered_nor_failed(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    work = desk.started(webhook_id)
    desk.call(delivery_requests.skip, work.public_id, ACTOR, NOW, idle=True)
    desk.end(work, 200)
    count(desk)
    assert [(row.delivered, row.failed) for row in webhook_rows(desk)] in ([], [(0, 0)])


def test_what_waits_is_not_said_of_minutes_at_whose_end_no_worker_looked(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    desk.end(desk.started(webhook_id), 503)
    desk.now_ms += minutes.TIMELY_MS + 1
    count(desk)
    assert webhook_rows(desk) == [WebhookMinute(webhook_id, MINUTE_0, 0, 1, None, NOTHING)]
    desk.now_ms = START + MINUTE
    count(desk)
    desk.now_ms += MINUTE
    count(desk)
    desk.now_ms += 60 * MINUTE
    count(desk)
    assert [(row.minute - MINUTE_0, row.waiting) for row in webhook_rows(desk)] == [
        (0, 3),
        (1, 3),
        (61, 3),
    ]
    counted = desk.call(minutes.read_counted)
    assert counted.minute == MINUTE_0 + 61
    assert counted.gaps == [(0, MINUTE_0 - 1), (MINUTE_0 + 2, MINUTE_0 + 60)]


def test_of_many_spans_in_which_no_worker_looked_none_is_forgotten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that end at once, as cron starts them; with few spans, since each takes a look."""
    monkeypatch.setattr(minutes, "MOST_GAPS", 20)
    desk.add()
    desk.append(event(1))
    looks = range(MINUTE_0, MINUTE_0 + 500, 10)
    for minute in looks:
        desk.now_ms = (minute + 1) * MINUTE_MS
        count(desk)
    gaps = desk.call(minutes.read_counted).gaps
    assert gaps[-19:] == [(minute - 9, minute - 1) for minute in looks[-19:]]
    assert gaps[:-19] == [(0, looks[-20] - 1)]
    desk.now_ms += minutes.KEPT_MINUTES * MINUTE_MS
    count(desk)
    assert desk.call(minutes.read_counted).gaps == [(looks[-1] + 1, desk.now_ms // MINUTE_MS - 2)]


def test_what_waits_counts_what_is_sealed_put_back_released_and_queued(desk: Desk) -> None:
    webhook_id, paused, deleted = desk.add(), desk.add(fields(active=False)), desk.add()
    desk.append(*events(1, 5))
    work = desk.started(webhook_id)
    desk.end(work, 503)
    desk.call(
        delivery_requests.reseal,
        work.public_id,
        ACTOR,
        desk.now_ms,
        idle=True,
        max_events=2,
        without=2,
    )
    desk.call(delivery_requests.release, webhook_id, ALERTS, 2, ACTOR, desk.now_ms)
    desk.started(webhook_id)
    desk.append(event(6))
    desk.call(webhooks.delete, [deleted], ACTOR, desk.now_ms)
    desk.now_ms += MINUTE
    count(desk)
    assert {row.webhook_id: row.waiting for row in webhook_rows(desk)} == {
        webhook_id: 6,
        paused: 6,
    }


@pytest.mark.parametrize("jump_ms", [-400 * DAY, -DAY, -MINUTE, DAY, 400 * DAY])
def test_a_clock_that_jumps_loses_nothing_that_comes_after(desk: Desk, jump_ms: int) -> None:
    webhook_id = desk.add()
    for number in range(1, 4):
        desk.append(event(number))
        desk.end(desk.started(webhook_id), 200)
        count(desk)
        desk.now_ms += jump_ms if number == 2 else MINUTE
    assert sum(row.delivered for row in webhook_rows(desk)) == 3
    assert sum(row.accepted for row in desk.call(minutes.of_types, *FOREVER)) == 3
    desk.append(event(4))
    desk.now_ms += MINUTE
    count(desk)
    waiting = {row.minute: row.waiting for row in webhook_rows(desk)}
    assert waiting[desk.now_ms // MINUTE - 1] == 1


def test_a_store_that_was_never_counted_begins_with_the_minutes_that_are_kept(desk: Desk) -> None:
    webhook_id = desk.add()
    for number in range(1, 21):
        desk.append(event(number))
        desk.end(desk.started(webhook_id), 200)
        desk.now_ms += DAY
    count(desk)
    first = desk.now_ms // MINUTE - minutes.KEPT_MINUTES
    assert [row.minute for row in webhook_rows(desk)] == [
        first + passed * 24 * 60 for passed in range(7)
    ]
    assert sum(row.accepted for row in desk.call(minutes.of_types, *FOREVER)) == 7


def test_minutes_go_after_seven_days_also_of_erased_webhooks(desk: Desk) -> None:
    kept, deleted = desk.add(), desk.add()
    for number in range(1, 4):
        desk.append(event(number))
        for webhook_id in (kept, deleted):
            desk.end(desk.started(webhook_id), 200)
        desk.now_ms += MINUTE
    count(desk)
    desk.call(webhooks.delete, [deleted], ACTOR, desk.now_ms)
    desk.now_ms = START + minutes.KEPT_MINUTES * MINUTE
    prune_all(desk)
    assert len(webhook_rows(desk)) == 6
    desk.now_ms += 2 * MINUTE
    prune_all(desk)
    assert [(row.webhook_id, row.minute - MINUTE_0) for row in webhook_rows(desk)] == [
        (kept, 2),
        (deleted, 2),
    ]
    assert desk.call(lambda: rows(TypeMinuteRow.select())) == [("alerts", MINUTE_0 + 2, 1)]
    desk.now_ms += DAY
    prune_all(desk)
    assert desk.call(WebhookMinuteRow.select().count) == 0


def test_attempts_that_get_the_ids_of_pruned_ones_are_counted(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(event(1))
    desk.end(desk.started(webhook_id), 200)
    count(desk)
    desk.now_ms += 400 * DAY
    prune_all(desk)
    assert desk.call(AttemptRow.select().count) == 0
    desk.append(event(2))
    desk.end(desk.started(webhook_id), 200)
    count(desk)
    assert [row.delivered for row in webhook_rows(desk)] == [1]


def test_rows_of_all_webhooks_are_sought_and_not_scanned(desk: Desk) -> None:
    desk.add()
    plans: list[str] = []

    def read() -> None:
        connection = database.connection()
        connection.set_trace_callback(plans.append)
        minutes.of_webhooks(MINUTE_0, MINUTE_0 + 60)
        connection.set_trace_callback(None)
        [text] = [text for text in plans if "webhook_minute" in text]
        plans[:] = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]

    desk.call(read)
    assert any("PRIMARY KEY (webhook_id=? AND minute>? AND minute<?)" in step for step in plans)


def prune_all(desk: Desk) -> None:
    while desk.call(prune.Pruning(RETENTION, desk.now_ms).step):
        pass


class Scene:
    """Two webhooks, and what happens to them; `failed` counts by webhook."""

    def __init__(self, desk: Desk) -> None:
        self.access = desk
        self.webhooks = [desk.add(), desk.add()]
        self.numbers = count_up(1)
        self.failed: Counter[int] = Counter()
        self.in_flight: dict[int, Work] = {}

    def move(self, name: str, pick: int) -> None:
        desk, webhook_id = self.access, self.webhooks[pick % 2]
        match name:
            case "emit":
                desk.append(*(event(next(self.numbers)) for _ in range(pick + 1)))
            case "start":
                self.start(webhook_id)
            case "200" | "503":
                self.end(webhook_id, int(name))
            case "lost":
                for lost_id in self.in_flight:
                    self.failed[lost_id] += 1
                self.in_flight.clear()
                desk.call(attempts.recover, "w2", desk.now_ms)
            case "skip" | "reseal":
                self.ask(webhook_id, name)
            case "step":
                desk.call(minutes.count_some, desk.now_ms)
            case "prune":
                count(desk)
                prune_all(desk)

    def start(self, webhook_id: int) -> None:
        if webhook_id not in self.in_flight:
            work = self.access.start(webhook_id)
            if work is not None:
                self.in_flight[webhook_id] = work

    def end(self, webhook_id: int, status: int) -> None:
        self.start(webhook_id)
        work = self.in_flight.pop(webhook_id, None)
        if work is not None:
            self.access.end(work, status)
            self.failed[webhook_id] += status == 503

    def ask(self, webhook_id: int, name: str) -> None:
        pending = self.access.status(webhook_id).pending
        if pending is not None:
            request = getattr(delivery_requests, name)
            self.access.call(request, pending.id, ACTOR, self.access.now_ms, idle=False)


moves = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "emit",
                "emit",
                "start",
                "200",
                "200",
                "503",
                "lost",
                "skip",
                "reseal",
                "step",
                "prune",
            ]
        ),
        st.integers(0, 3),
        st.sampled_from([0, 0, 1, 20_000, MINUTE, 90_000, -MINUTE, -DAY, 3 * 60 * MINUTE]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(moves=moves, slice_=st.integers(1, 4))
def test_the_sums_are_what_was_accepted_delivered_and_failed(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int, int]], slice_: int
) -> None:
    """All of it is within seven days, so that no minute is forgotten."""
    store = new_store(tmp_path_factory.mktemp("minutes") / "home" / "tocsin.db")
    desk = Desk(store)
    scene = Scene(desk)
    with pytest.MonkeyPatch.context() as patch, closing(store):
        patch.setattr(minutes, "SLICE", slice_)
        patch.setattr(minutes, "MOST_SPANS", slice_)
        for name, pick, later_ms in moves:
            scene.move(name, pick)
            desk.now_ms += later_ms
        count(desk)
        found = webhook_rows(desk)
        for webhook_id in scene.webhooks:
            own = [row for row in found if row.webhook_id == webhook_id]
            assert sum(row.delivered for row in own) == desk.status(webhook_id).delivered_events
            assert sum(row.failed for row in own) == scene.failed[webhook_id]
        accepted = sum(row.accepted for row in desk.call(minutes.of_types, *FOREVER))
        assert accepted == next(scene.numbers) - 1
