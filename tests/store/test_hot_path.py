"""The constant SQL of the worker does what the queries do in whose place it stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict
from peewee import JOIN, IntegrityError, ModelSelect, fn

from store.events.keys import key_of, within
from store.models import (
    MODELS,
    AttemptRow,
    DeliveryRow,
    EventRow,
    FactRow,
    HeadRow,
    WebhookRow,
    database,
    rows,
)
from store.queue import attempts, hot_path, shared_bodies
from store.queue.hot_path import HotPath
from store.queue.shared_bodies import BodyKey, JoinedBody, QueuePosition, SharedBodies
from store.records import AttemptResult, Limits, Work
from tests.support.stores import ALERTS, NOW, Desk, event, fields, new_store, result

MOST_EVENTS = 8
WEBHOOKS = (1, 2, 3)
LIMITS = Limits(max_events=4, max_bytes=300)
Row = dict[str, Any]
EXAMPLES = 100
LATER = NOW + 1_000
"""The time at which an attempt is recorded."""

CHANGES_NO_BYTE = {
    "id": "names the webhook",
    "name": "is shown",
    "revision": "counts edits",
    "target_revision": "counts edits",
    "active": "decides that nothing is sent",
    "url": "says where to",
    "target": "says where to, and which headers",
    "interval_ms": "says when",
    "retry_interval_ms": "says when",
    "ca_file": "says whom to trust",
    "secrets": "sign the body, outside it",
    "last_run_ms": "says when",
    "redo_type": "belongs to a reseal, which is left to the ordinary way",
    "redo_next": "decides that",
    "redo_last": "belongs to a reseal",
    "redo_numbers": "belongs to a reseal",
    "redo_count": "belongs to a reseal",
    "redo_max_events": "belongs to a reseal",
    "released": "decides that the ordinary way is taken",
    "delivered_events": "counts",
    "delivered_ms": "is shown",
    "skipped_events": "counts",
    "last_attempt_ms": "is shown",
    "last_status": "is shown",
    "last_error": "is shown",
    "created_ms": "is shown",
    "updated_ms": "is shown",
    "deleted_ms": "decides that nothing is sent",
    "erased_ms": "decides that nothing is sent",
}
"""Columns of a webhook that no byte of a body from its queue depends on."""


def test_each_column_of_a_webhook_is_in_the_key_of_a_shared_body_or_changes_no_byte() -> None:
    """Whoever adds a column decides which of the two it is."""
    columns = {field.name for field in WebhookRow._meta.sorted_fields}
    in_key = set(QueuePosition._fields)
    assert in_key | CHANGES_NO_BYTE.keys() == columns
    assert not in_key & CHANGES_NO_BYTE.keys()


# Random stores

usually = st.sampled_from([True, True, True, True, False])
numbers = st.integers(0, MOST_EVENTS)
webhook_changes = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["alerts", "log_authn"]),
        "cursor": numbers,
        "run_until": numbers,
        "max_events": st.none() | st.integers(1, 5),
        "max_bytes": st.none() | st.integers(50, 400),
        "extra_fields": st.sampled_from(["[]", '[["a","1"]]', '[["ä","b\\"c"]]']),
        "active": usually,
        "deleted_ms": usually.map(lambda yes: None if yes else NOW),
        "redo": usually.map(lambda yes: None if yes else 2),
        "released": usually.map(lambda yes: int(not yes)),
        "interval_ms": st.none() | st.integers(1, 9),
        "retry_interval_ms": st.none() | st.integers(1, 9),
        "ca_file": st.none() | st.just("/ca.pem"),
        "last_error": st.none() | st.just("Timeout"),
        "delivered_events": numbers,
        "revision": st.integers(1, 3),
    },
)
heads = st.fixed_dictionaries(
    {}, optional={"pruned": st.integers(0, 2), "paused": usually.map(lambda yes: not yes)}
)
losses = st.lists(st.integers(1, MOST_EVENTS), max_size=3)
pendings = st.lists(st.sampled_from(WEBHOOKS), max_size=1, unique=True)


def change(webhook_id: int, changes: Row) -> None:
    """Write columns of a webhook as an edit might; a redo is of one event."""
    changes = dict(changes)
    if "redo" in changes:
        number = changes.pop("redo")
        changes |= {"redo_type": "alerts", "redo_next": number, "redo_last": number}
        changes |= {"redo_count": int(number is not None)}
    if changes:
        WebhookRow.update(**changes).where(WebhookRow.id == webhook_id).execute()


def lose(number: int) -> None:
    """Delete an alert, as only damage does."""
    EventRow.delete().where(within("alerts", number, number)).execute()


def prune(pruned: int) -> None:
    """Delete the first alerts, as is done with what was delivered long ago."""
    for number in range(1, pruned + 1):
        lose(number)
    head = HeadRow.get_by_id("alerts")
    HeadRow.update(pruned=max(pruned, head.pruned)).where(HeadRow.type == "alerts").execute()


def dump() -> list[list[Any]]:
    """All rows of all tables."""
    return [rows(model.select()) for model in MODELS]


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is written inside."""
    with database.atomic() as transaction:
        yield
        transaction.rollback()


class Filled:
    """A store with events of many sizes and three webhooks with headers and secrets."""

    def __init__(self, folder: str) -> None:
        self.desk = Desk(new_store(Path(folder) / "tocsin.db"))
        self.vault = self.desk.store.vault
        for number in WEBHOOKS:
            headers = (("Authorization", f"Bearer {number}"),) if number > 1 else ()
            secret = "whsec_" + "YWJj" * 8 if number > 2 else None
            self.desk.add(fields(headers=headers), secret=secret)
        for type_ in ("alerts", "log_authn"):
            kind = type(ALERTS)(type_)
            batch = [event(n, kind, text="x" * (n * 7 % 40)) for n in range(1, MOST_EVENTS + 1)]
            self.desk.append(*batch)

    def close(self) -> None:
        self.desk.store.close()


@contextmanager
def filled() -> Iterator[Filled]:
    with TemporaryDirectory() as folder:
        store = Filled(folder)
        try:
            yield store
        finally:
            store.close()


# Each text, and the query that it replaces


def _webhook(webhook_id: int) -> Any:
    hook = WebhookRow
    pending = DeliveryRow.select().where(
        DeliveryRow.webhook == hook.id, DeliveryRow.state == "pending"
    )
    paused = FactRow.select().where(FactRow.name == "paused")
    return (
        hook.select(
            hook.type,
            hook.cursor,
            hook.run_until,
            hook.max_events,
            hook.max_bytes,
            hook.extra_fields,
            HeadRow.seq,
            hook.url,
            hook.target,
            hook.secrets,
            hook.ca_file,
            hook.revision,
            hook.interval_ms,
            hook.retry_interval_ms,
        )
        .join(HeadRow, JOIN.INNER, on=(HeadRow.type == hook.type))
        .where(
            hook.id == webhook_id,
            hook.active,
            hook.deleted_ms.is_null(),
            hook.redo_next.is_null(),
            hook.released == 0,
            HeadRow.pruned <= hook.cursor,
            ~fn.EXISTS(paused),
            ~fn.EXISTS(pending),
        )
    )


def _events(first: int, last: int) -> Any:
    query = EventRow.select(EventRow.key, EventRow.body)
    return query.where(EventRow.key.between(first, last)).order_by(EventRow.key)


def _begin_run(cursor: int, run_until: int, now_ms: int, webhook_id: int) -> Any:
    query = WebhookRow.update(cursor=cursor, run_until=run_until, last_run_ms=now_ms)
    return query.where(WebhookRow.id == webhook_id)


def _move(cursor: int, webhook_id: int) -> Any:
    return WebhookRow.update(cursor=cursor).where(WebhookRow.id == webhook_id)


def _seal(
    public_id: str,
    webhook_id: int,
    type_: str,
    first: int,
    last: int,
    count: int,
    size: int,
    sha256: str,
    splice: bytes,
    layout: int,
    sealed_ms: int,
    next_attempt_ms: int,
    sending_since_ms: int,
) -> Any:
    return DeliveryRow.insert(
        public_id=public_id,
        webhook=webhook_id,
        type=type_,
        first_seq=first,
        last_seq=last,
        count=count,
        bytes=size,
        sha256=sha256,
        splice=splice,
        layout=layout,
        sealed_ms=sealed_ms,
        next_attempt_ms=next_attempt_ms,
        reason="attempt 1",
        attempts=1,
        sending_since_ms=sending_since_ms,
    )


def _end(now_ms: int, status: int | None, error: str | None, delivery_id: int) -> Any:
    return DeliveryRow.update(
        state="delivered",
        ended_ms=now_ms,
        asked=None,
        reason="",
        sending_since_ms=None,
        last_status=status,
        last_error=error,
    ).where(DeliveryRow.id == delivery_id, DeliveryRow.state == "pending")


def _attempt(*values: Any) -> Any:
    names = (
        "delivery number url revision started_ms duration_ms status error detail answer_headers "
        "answer_body worker"
    )
    return AttemptRow.insert(**dict(zip(names.split(), values, strict=True)))


def _count(
    count: int,
    now_ms: int,
    at_ms: int,
    status: int | None,
    error: str | None,
    cursor: int | None,
    webhook_id: int,
) -> Any:
    move = {} if cursor is None else {"cursor": cursor}
    return WebhookRow.update(
        delivered_events=WebhookRow.delivered_events + count,
        delivered_ms=now_ms,
        last_attempt_ms=at_ms,
        last_status=status,
        last_error=error,
        **move,
    ).where(WebhookRow.id == webhook_id)


ids = st.sampled_from(WEBHOOKS)
types = st.sampled_from(["alerts", "log_authn"])
event_keys = st.builds(key_of, types, numbers)
statuses = st.none() | st.integers(200, 299)
errors = st.none() | st.just("Timeout")
TEXTS: dict[str, tuple[Callable[..., Any], tuple[st.SearchStrategy[Any], ...]]] = {
    "WEBHOOK": (_webhook, (ids,)),
    "EVENTS": (_events, (event_keys, event_keys)),
    "BEGIN_RUN": (_begin_run, (numbers, numbers, numbers, ids)),
    "MOVE": (_move, (numbers, ids)),
    "SEAL": (
        _seal,
        (
            st.just("msg_9"),
            ids,
            types,
            *[numbers] * 4,
            st.just("0" * 64),
            st.binary(max_size=3),
            *[numbers] * 4,
        ),
    ),
    "END": (_end, (numbers, statuses, errors, st.integers(1, 3))),
    "ATTEMPT": (
        _attempt,
        (
            st.integers(1, 1),
            numbers,
            st.just("http://a/…"),
            *[numbers] * 3,
            statuses,
            errors,
            st.text(max_size=3),
            st.just("[]"),
            st.binary(max_size=3),
            st.just("w1"),
        ),
    ),
    "COUNT": (_count, (*[numbers] * 3, statuses, errors, st.none() | numbers, ids)),
}


def test_every_text_is_compared() -> None:
    texts = {
        name for name, value in vars(hot_path).items() if name.isupper() and value is str(value)
    }
    assert texts - {"SCHEMA"} == TEXTS.keys()


Answer = tuple[list[Any], list[list[Any]]]


def answered(run: Callable[[], Any]) -> Answer:
    """Return the rows of a query, and the store after it; the query is taken back."""
    with undone():
        try:
            found = run()
        except (IntegrityError, sqlite3.IntegrityError):  # it has a pending delivery already
            found = []
        return [] if isinstance(found, int) else list(map(tuple, found)), dump()


def test_a_text_does_what_its_query_does() -> None:
    drawn = st.fixed_dictionaries({name: st.tuples(*parts) for name, (_, parts) in TEXTS.items()})
    changes = st.tuples(*[webhook_changes] * len(WEBHOOKS))
    with filled() as store:

        @settings(max_examples=EXAMPLES, deadline=None)
        @given(values=drawn, changes=changes, lost=losses, pending=pendings, head=heads)
        def it_does(values: Row, changes: list[Row], **before: Any) -> None:
            store.desk.call(compare_texts, store, values, changes, **before)

        it_does()


def compare_texts(store: Filled, drawn: Row, changes: list[Row], **before: Any) -> None:
    with undone():
        prepare(store, **before)
        for webhook_id, changed in zip(WEBHOOKS, changes, strict=True):
            change(webhook_id, changed)
        for name, values in drawn.items():
            query, _ = TEXTS[name]
            found, wanted = both_answers(name, query(*values), values)
            assert found == wanted, name


def both_answers(name: str, query: Any, values: tuple[Any, ...]) -> list[Answer]:
    """Run a text and its query."""
    text = getattr(hot_path, name)
    by_query = partial(rows, query) if isinstance(query, ModelSelect) else query.execute
    return [answered(lambda: database.connection().execute(text, values)), answered(by_query)]


def prepare(store: Filled, pending: list[int], lost: list[int], head: Row) -> None:
    """Deliver something, seal something, lose events, prune some, pause all: as was drawn."""
    WebhookRow.update(run_until=3, cursor=0).execute()
    ordinary(store, 1, new_run=False)
    DeliveryRow.update(state="delivered").execute()
    for webhook_id in pending:
        ordinary(store, webhook_id, new_run=False)
    for number in lost:
        lose(number)
    prune(head.get("pruned", 0))
    if head.get("paused"):
        FactRow.insert(name="paused", value="{}").execute()


# The whole of it


def next_id() -> str:
    """An id that is not in the store yet, the same one for both ways."""
    return f"msg_{DeliveryRow.select().count() + 1}"


def ordinary(store: Filled, webhook_id: int, *, new_run: bool) -> Work | None:
    """The same without the hot path."""
    return attempts._start_next(webhook_id, LIMITS, next_id, store.vault, NOW, new_run)


def hot(store: Filled, shared: SharedBodies, now_ms: int = NOW) -> HotPath:
    return HotPath(LIMITS, next_id, store.vault, now_ms, shared)


def kept(work: Work | None) -> Row | None:
    return None if work is None else asdict(work)


def record_ordinarily(
    store: Filled, work: Work, outcome: AttemptResult, *, new_run: bool
) -> Work | None:
    """Record a 2XX with queries, and go on."""
    delivery = DeliveryRow.get_by_id(work.delivery_id)
    attempts._write_attempt(work, outcome)
    delivery.state, delivery.ended_ms = "delivered", LATER
    delivery.asked, delivery.reason = None, ""
    delivery.sending_since_ms = None
    delivery.last_status, delivery.last_error = outcome.status, outcome.error
    delivery.save()
    row = WebhookRow.get_by_id(work.webhook_id)
    row.last_attempt_ms = outcome.started_ms + outcome.duration_ms
    row.last_status, row.last_error = outcome.status, outcome.error
    row.delivered_events += delivery.count
    row.delivered_ms = LATER
    row.save()
    return go_on_ordinarily(store, row, work, new_run=new_run)


def go_on_ordinarily(store: Filled, row: WebhookRow, work: Work, *, new_run: bool) -> Work | None:
    if not attempts._may_go_on(row):
        return None
    may_begin_run = new_run and row.interval_ms == work.interval_ms
    return attempts._go_on(row, LIMITS, next_id, store.vault, LATER, may_begin_run)


steps = st.tuples(
    ids,
    st.booleans(),
    webhook_changes,
    st.just(0) | st.integers(0, 2),
    st.tuples(st.booleans(), st.just({}) | webhook_changes),
)
Step = tuple[int, bool, Row, int, tuple[bool, Row]]
"""A webhook, if it begins a run, an edit, what is pruned; if a run follows, an edit before that."""


def test_the_hot_path_is_the_ordinary_one_whatever_was_edited_and_shared_before() -> None:
    with filled() as store:

        @settings(max_examples=EXAMPLES, deadline=None)
        @given(lost=losses, story=st.lists(steps, max_size=8))
        def it_is(lost: list[int], story: list[Step]) -> None:
            store.desk.call(compare_paths, store, lost, story)

        it_is()


def compare_paths(store: Filled, lost: list[int], story: list[Step]) -> None:
    """All share the bodies that are kept: none may meet one that is not its own."""
    shared = SharedBodies()
    with undone():
        for number in lost:
            lose(number)
        for step in story:
            change(step[0], step[2])
            prune(step[3])
            compare(store, shared, step)


def compare(store: Filled, shared: SharedBodies, step: Step) -> None:
    webhook_id, new_run, *_, (runs_follow, meanwhile) = step
    before = dump()
    with undone():
        wanted, after_ordinary = ordinary(store, webhook_id, new_run=new_run), dump()
    with undone():
        found = hot(store, shared).start(webhook_id, new_run=new_run)
        if found is None:
            assert dump() == before
        else:
            assert (kept(found), dump()) == (kept(wanted), after_ordinary)
            change(webhook_id, meanwhile)
            ahead = WebhookRow.cursor > WebhookRow.run_until  # no edit leaves a run behind itself
            WebhookRow.update(run_until=WebhookRow.cursor).where(ahead).execute()
            DeliveryRow.update(asked="{}").where(DeliveryRow.id == found.delivery_id).execute()
            compare_records(store, shared, found, runs_follow)


def compare_records(store: Filled, shared: SharedBodies, work: Work, new_run: bool) -> None:
    """Compare what is recorded, and what follows: where that is left open, by the ordinary way."""
    outcome = result(NOW, 204)
    with undone():
        wanted = record_ordinarily(store, work, outcome, new_run=new_run)
        after_ordinary = dump()
    with undone():
        recorded = hot(store, shared, LATER).record(work, outcome, go_on=True, new_run=new_run)
        assert recorded is not None
        following = recorded.following
        if recorded.is_open:
            row = WebhookRow.get_by_id(work.webhook_id)
            following = go_on_ordinarily(store, row, work, new_run=new_run)
        assert (kept(following), dump()) == (kept(wanted), after_ordinary)
    with undone():
        hot_path_of = partial(hot, store, shared, LATER)
        nothing = hot_path_of().record(work, outcome, go_on=False, new_run=new_run)
        assert nothing == (None, False)
        assert hot_path_of().record(work, outcome, go_on=False, new_run=new_run) is None


def test_an_ordinary_queue_goes_the_hot_path_and_its_bodies_are_shared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the comparisons above compare nothing."""
    monkeypatch.delattr(attempts, "_start_next")
    monkeypatch.delattr(attempts, "_seal_and_begin")
    for _ in range(3):
        desk.add()
    desk.append(*(event(number) for number in range(1, 10)))
    first = [desk.started(number, limits=LIMITS) for number in (1, 2, 3)]
    second = [desk.end(work, 200, go_on=True) for work in first]
    bodies = {id(work.body) for work in [*first, *second] if work is not None}
    assert len(bodies) == 2


def test_bodies_that_are_kept_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_bodies, "MOST_BYTES", 3 * (30 + shared_bodies.ENTRY_BYTES))
    shared = SharedBodies()
    keys = [BodyKey("alerts", number, number + 1, 1, b"", 1) for number in range(9)]
    for number, key in enumerate(keys):
        shared.keep(key, JoinedBody(b"x" * 30, "", number))
    assert [key.after for key in keys if shared.find(key)] == [6, 7, 8]
    shared.keep(keys[0], JoinedBody(b"x" * 2_000, "", 1))
    assert not any(map(shared.find, keys))


@pytest.mark.parametrize("texts", [(9, 9, 9), (300, 300), (2_000,), (2_000, 1)])
def test_what_is_too_large_goes_alone_and_nothing_goes_beyond_the_limit(
    desk: Desk, texts: tuple[int, ...]
) -> None:
    desk.add()
    desk.append(*(event(n, text="x" * size) for n, size in enumerate(texts, 1)))
    work = desk.started(1, limits=Limits(1_000, 1_000))
    assert len(work.body) <= 1_000 or work.count == 1
    assert work.count == min(len(texts), 3 if texts[0] == 9 else 2 if texts[0] == 300 else 1)
