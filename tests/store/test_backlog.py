"""Backlog searched for a time: others write meanwhile, and the result is that of the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import dropwhile
from typing import Any

import pytest
from msgspec.structs import replace

from domain.event_types import EventType
from store import webhooks
from store.events import keys
from store.maintenance.prune import Pruning, Retention
from store.models import EventRow, HeadRow, database, rows
from store.queue import backlog, delivery_requests
from store.queue.backlog import OlderEvents, older_events
from store.webhook_rows import live, redo_of
from tests.support.stores import ACTOR, ALERTS, LIMITS, NOW, Desk, event, fields

STEPS = 1_000
"""Instructions of SQLite between two counts; a search takes several for each event."""

MANY = 30_000
TIMES = [1, 2, 3, 9, 4, 5, 6, 7, 8, 2, 11]
"""Times of events in the order of their numbers: the clock jumped, forth and back."""

Change = Callable[[Desk, int], object]


def fill() -> None:
    """Add events whose times after NOW are their numbers."""
    start = keys.key_of(ALERTS.value, 0)
    moment = keys.moment_of(ALERTS.value, keys.NOT_GIVEN)
    with database.atomic():
        database.execute_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO event (key, moment, id, received_ms, body)"
            " SELECT ? + i, ?, i, ? + i, x'7b7d' FROM n",
            (MANY, start, moment, NOW),
        )
        HeadRow.update(seq=MANY).where(HeadRow.type == ALERTS.value).execute()


@contextmanager
def thousands_while_writing(desk: Desk) -> Iterator[list[int]]:
    """Collect an item for each thousand instructions within a transaction."""
    counted: list[int] = []

    def count_in(connection: Any) -> None:
        def count() -> None:
            if connection.in_transaction:
                counted.append(STEPS)

        connection.set_progress_handler(count, STEPS)

    desk.call(lambda: count_in(database.connection()))
    yield counted
    desk.call(lambda: database.connection().set_progress_handler(None, STEPS))


@pytest.mark.parametrize("since", [MANY - 10, MANY + 10])
def test_a_start_at_a_time_is_searched_before_the_transaction(desk: Desk, since: int) -> None:
    desk.call(fill)
    with thousands_while_writing(desk) as counted:
        webhook_id = desk.add(start=NOW + since)
    assert len(counted) < 10
    assert desk.status(webhook_id).queued == MANY - min(since - 1, MANY)


@pytest.mark.parametrize("before", [MANY - 10, MANY + 10])
def test_a_backlog_to_skip_is_searched_before_the_transaction(desk: Desk, before: int) -> None:
    webhook_id = desk.add()
    desk.call(fill)
    with thousands_while_writing(desk) as counted:
        skipped = desk.call(backlog.skip_backlog, webhook_id, NOW + before, ACTOR, NOW)
    assert len(counted) < 10
    assert skipped == min(before - 1, MANY)


def accept(desk: Desk, *times: int, type_: EventType = ALERTS) -> None:
    """Add an event at each of these times after NOW."""
    head = desk.call(backlog.head_of, type_)
    for number, time in enumerate(times, head + 1):
        desk.now_ms = NOW + time
        desk.append(event(number, type_))


def deliver(desk: Desk, webhook_id: int, count: int) -> None:
    """Deliver the next events of a webhook."""
    desk.end(desk.started(webhook_id, limits=replace(LIMITS, max_events=count)), 200)


def reseal(desk: Desk, webhook_id: int) -> None:
    """Seal three events, and put them back to be sealed anew."""
    work = desk.started(webhook_id, limits=replace(LIMITS, max_events=3))
    desk.end(work, 503)
    desk.call(delivery_requests.reseal, work.public_id, ACTOR, NOW, idle=True)


def prune_until(desk: Desk, time: int) -> None:
    """Prune what came before a time after NOW and nobody waits for."""
    assert desk.call(Pruning(Retention(0, 0), NOW + time).step).events


def change_type(desk: Desk, webhook_id: int) -> None:
    """Let a webhook go on with another type, of which some events come."""
    desk.edit(webhook_id, fields(EventType.LOG_AUTHN))
    accept(desk, 1, 3, 99, 2, type_=EventType.LOG_AUTHN)


def change_type_twice(desk: Desk, webhook_id: int) -> None:
    """Let a webhook go on with the type that it had, from the head of now."""
    change_type(desk, webhook_id)
    desk.edit(webhook_id, fields())
    accept(desk, 1, 3, 99, 2)


CHANGES: dict[str, Change] = {
    "nothing": lambda desk, webhook_id: None,
    "older and newer events come": lambda desk, webhook_id: accept(desk, 1, 3, 99, 2),
    "some are delivered": lambda desk, webhook_id: deliver(desk, webhook_id, 2),
    "the first newer one is delivered": lambda desk, webhook_id: deliver(desk, webhook_id, 4),
    "all are delivered": lambda desk, webhook_id: deliver(desk, webhook_id, 99),
    "some are to be sealed anew": reseal,
    "the type is another": change_type,
    "the type is another for a while": change_type_twice,
}


@pytest.fixture
def meanwhile(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Change], None]]:
    """Let another process change something right after the search, also where events are few."""
    other = Desk(desk.store.sibling(), ids=desk.ids)

    def prepare(change: Change) -> None:
        def search(type_: str, after: int, before_ms: int) -> OlderEvents:
            found = older_events(type_, after, before_ms)
            change(other, 1)
            return found

        for module in (backlog, webhooks):
            monkeypatch.setattr(module, "older_events", search)
        monkeypatch.setattr(backlog, "FEW_EVENTS", 0)

    yield prepare
    other.store.close()


def waiting(webhook_id: int) -> list[tuple[int, int]]:
    """Numbers and times after NOW of a webhook's events, as they would be sent."""
    row = live(webhook_id)
    redo = redo_of(row)
    again = (
        [number for first, last in redo.numbers for number in range(first, last + 1)]
        if redo
        else []
    )
    queued = range(row.cursor + 1, backlog.head_of(row.type) + 1)
    event = EventRow
    times = dict(rows(event.select(event.key, event.received_ms - NOW)))
    return [
        (number, times[keys.key_of(type_, number)])
        for type_, numbers in ((redo.type if redo else "", again), (row.type, queued))
        for number in numbers
    ]


@pytest.mark.parametrize("before", [1, 3, 5, 10, 100])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_skip_goes_by_what_waits_at_its_end(
    desk: Desk, meanwhile: Callable[[Change], None], change: Change, before: int
) -> None:
    webhook_id = desk.add()
    accept(desk, *TIMES)
    before_skip: list[tuple[int, int]] = []

    def change_and_note(other: Desk, webhook_id: int) -> None:
        change(other, webhook_id)
        before_skip.extend(other.call(waiting, webhook_id))

    meanwhile(change_and_note)
    skipped = desk.call(backlog.skip_backlog, webhook_id, NOW + before, ACTOR, NOW)
    kept = list(dropwhile(lambda one: one[1] < before, before_skip))
    assert desk.call(waiting, webhook_id) == kept
    assert skipped == len(before_skip) - len(kept)


@pytest.mark.parametrize("since", [1, 3, 5, 10, 100])
@pytest.mark.parametrize(
    "change",
    [
        lambda desk, _: accept(desk, 1, 3, 99, 2),
        lambda desk, _: prune_until(desk, 3),
        lambda desk, _: prune_until(desk, 10),
    ],
    ids=["events come", "some are pruned", "the first newer one is pruned"],
)
def test_a_start_at_a_time_goes_by_what_is_kept_at_its_end(
    desk: Desk, meanwhile: Callable[[Change], None], change: Change, since: int
) -> None:
    accept(desk, *TIMES)
    meanwhile(change)
    webhook_id = desk.add(start=NOW + since)
    row = EventRow
    kept = desk.call(lambda: rows(row.select(row.key, row.received_ms).order_by(row.key)))
    numbers = [keys.seq_of(key) for key, _ in dropwhile(lambda one: one[1] < NOW + since, kept)]
    assert [number for number, _ in desk.call(waiting, webhook_id)] == numbers
