"""Deliveries for windowed lists: every search against the plain list, and looks at what is new."""

from __future__ import annotations

import pytest

from domain.event_types import EventType
from domain.filters import (
    Answered,
    Criterion,
    HasState,
    HasText,
    OfType,
    OfWebhook,
    Since,
    Term,
    Unanswered,
)
from domain.wording import ERROR_WORDS, OTHER_ERROR, error_word
from store.errors import NotFound
from store.models import database
from store.queue import delivery_list, delivery_requests
from store.queue.delivery_list import Search, SearchResult
from store.workers import SendingLock
from tests.support.stores import ACTOR, MINUTE, NOW, Desk, event, events, fields

NOTHING: frozenset[int] = frozenset()
LATER_MS = NOW + MINUTE


def everything(desk: Desk, search: Search | None = None) -> SearchResult:
    return desk.call(delivery_list.run_search, search or Search(), 0, NOTHING)


def found(desk: Desk, test: Criterion, *, inverse: bool = False) -> list[str]:
    """The public ids that a test finds, oldest first."""
    look = everything(desk, Search(terms=(Term(test, inverse),)))
    rows = desk.call(delivery_list.listed, look.found)
    return [rows[key].delivery.id for key in look.found]


@pytest.fixture
def filled(desk: Desk, sending: SendingLock) -> Desk:
    """Four deliveries: msg_1 delivered, msg_2 skipped, msg_3 failing, msg_4 being sent."""
    siem, pager = desk.add(fields(name="siem")), desk.add(fields(EventType.LOG_AUTHN))
    desk.append(*events(1, 3))
    desk.end(desk.started(siem), 200)
    desk.append(*events(4, 6))
    desk.end(desk.started(siem), 400)
    desk.call(delivery_requests.skip, "msg_2", ACTOR, NOW, idle=True)
    desk.now_ms = LATER_MS
    desk.append(*events(7, 9), event(1, EventType.LOG_AUTHN))
    desk.end(desk.started(siem), 503)
    desk.started(pager)
    assert sending.is_kept()
    return desk


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (HasState("pending"), ["msg_3", "msg_4"]),
        (HasState("sending"), ["msg_4"]),
        (HasState("failing"), ["msg_3"]),
        (HasState("blocked"), []),
        (HasState("delivered"), ["msg_1"]),
        (HasState("skipped"), ["msg_2"]),
        (HasState("resealed"), []),
        (OfWebhook(2), ["msg_4"]),
        (OfType(EventType.ALERTS), ["msg_1", "msg_2", "msg_3"]),
        (Since(LATER_MS), ["msg_3", "msg_4"]),
        (Answered(500, 599), ["msg_3"]),
        (Answered(200, 200), ["msg_1"]),
        (Unanswered("refused"), []),
        (HasText("ALICE"), ["msg_2"]),
        (HasText("msg_"), ["msg_1", "msg_2", "msg_3", "msg_4"]),
        (HasText("%"), []),
        (HasText("no such", (2,)), ["msg_4"]),
        (HasText("unavailable"), ["msg_3"]),
        (HasText("503"), ["msg_3"]),
        (HasText("skipped by"), []),
        (HasText("skipped"), ["msg_2"]),
    ],
)
def test_a_search_and_its_inverse(filled: Desk, test: Criterion, expected: list[str]) -> None:
    assert found(filled, test) == expected
    every = ["msg_1", "msg_2", "msg_3", "msg_4"]
    assert found(filled, test, inverse=True) == [one for one in every if one not in expected]


def test_nothing_is_being_sent_where_nobody_holds_the_lock(
    filled: Desk, sending: SendingLock
) -> None:
    sending.release()
    assert found(filled, HasState("sending")) == []
    one = filled.delivery("msg_4")
    assert (one.sending_since_ms, one.cut_off, one.attempts) == (None, True, 1)


ERRORS = [
    "ConnectionRefusedError",
    "ReadTimeout",
    "KeyError",
    *(part for part, _ in ERROR_WORDS if part != "Refused"),
]


@pytest.mark.parametrize("error", ERRORS)
def test_a_failure_is_found_by_the_word_that_is_shown_for_it(desk: Desk, error: str) -> None:
    siem = desk.add(fields(name="siem"))
    desk.append(*events(1, 3))
    desk.end(desk.started(siem), None, failure=(error, "what it was, at length"))
    for word in {word for _, word in ERROR_WORDS} | {OTHER_ERROR}:
        expected = word in error_word(error) or word.lower() in error.lower()
        assert bool(found(desk, HasText(word.upper()))) is expected
        assert bool(found(desk, Unanswered(word))) is (word == error_word(error))
    assert found(desk, HasText("at length")) == ["msg_1"]


def test_the_words_of_an_attempt_before_the_last_find_nothing(desk: Desk) -> None:
    siem = desk.add(fields(name="siem"))
    desk.append(*events(1, 3))
    desk.end(desk.started(siem), None, failure=("gaierror", "name not found"))
    desk.now_ms = LATER_MS + 9 * MINUTE
    desk.end(desk.started(siem), None)
    assert found(desk, HasText("name not found")) == []
    desk.now_ms += 9 * MINUTE
    desk.started(siem)
    assert found(desk, HasText("connection refused")) == ["msg_1"]


def test_all_terms_must_hold(filled: Desk) -> None:
    search = Search(1, (Term(HasState("pending"), inverse=True), Term(Answered(400, 499))))
    look = everything(filled, search)
    assert [row.delivery.id for row in filled.call(delivery_list.listed, look.found).values()] == [
        "msg_2"
    ]


def test_a_look_tells_what_is_open_and_how_many_there_are(filled: Desk) -> None:
    assert everything(filled) == SearchResult(4, frozenset({3, 4}), [1, 2, 3, 4], 4)
    assert everything(filled, Search(1)) == SearchResult(4, frozenset({3}), [1, 2, 3], 3)


def test_a_later_look_is_only_at_what_is_new_or_was_open(filled: Desk) -> None:
    first = everything(filled)
    filled.end(filled.started(1), 200)
    filled.append(event(10))
    filled.end(filled.started(1), 503)
    second = filled.call(delivery_list.run_search, Search(), first.last_id, first.open_ids)
    assert second == SearchResult(5, frozenset({4, 5}), [3, 4, 5], 5)


def test_found_are_those_over_as_they_ended_then_those_that_wait(desk: Desk) -> None:
    slow, fast = desk.add(), desk.add()
    desk.append(event(1))
    first, second = desk.started(slow), desk.started(fast)
    desk.end(second, 200)
    desk.now_ms += 1
    desk.end(first, 200)
    desk.append(event(2))
    desk.started(slow)
    assert everything(desk).found == [2, 1, 3]


def test_what_is_pending_no_more_is_not_found_again(filled: Desk) -> None:
    search = Search(terms=(Term(HasState("failing")),))
    first = everything(filled, search)
    assert first.found == [3]
    filled.end(filled.started(1), 200)
    second = filled.call(delivery_list.run_search, search, first.last_id, first.open_ids)
    assert second.found == []


def test_an_empty_store(desk: Desk) -> None:
    assert everything(desk) == SearchResult(0, NOTHING, [], 0)


def test_rows_tell_of_the_last_finished_attempt(filled: Desk) -> None:
    filled.end(filled.started(1), None)
    rows = filled.call(delivery_list.listed, [1, 3, 4, 99])
    assert {key: (row.took_ms, row.words) for key, row in rows.items()} == {
        1: (40, "answered 200"),
        3: (40, "connection refused"),
        4: (None, ""),
    }
    filled.started(1)
    assert filled.call(delivery_list.listed, [3])[3].words == "connection refused"


def test_row_ids_of_public_ids(filled: Desk) -> None:
    assert sorted(filled.call(delivery_list.row_ids, ["msg_4", "msg_1", "msg_9"])) == [1, 4]


def test_attempts_newest_first(filled: Desk) -> None:
    filled.end(filled.started(1), None)
    ids = filled.call(delivery_list.attempt_ids, "msg_3")
    attempts = filled.call(delivery_list.attempts, ids)
    assert [attempts[key].number for key in ids] == [2, 1]
    assert filled.call(delivery_list.attempt_ids, "msg_9") == []


def test_members_are_the_events_in_order_without_what_was_left_out(desk: Desk) -> None:
    webhook = desk.add()
    desk.append(*events(1, 3))
    desk.end(desk.started(webhook), 400)
    desk.call(delivery_requests.reseal, "msg_1", ACTOR, NOW, idle=True, without=2)
    desk.started(webhook)
    members = desk.call(delivery_list.members, "msg_2")
    assert [(one.id, one.seq) for one in members] == [("e1", 1), ("e3", 3)]
    assert members[0].body == event(1).body
    with pytest.raises(NotFound, match="msg_9"):
        desk.call(delivery_list.members, "msg_9")


@pytest.mark.parametrize("open_ids", [NOTHING, frozenset({1, 3})], ids=["none", "some"])
def test_a_search_of_what_is_new_reads_that_alone(desk: Desk, open_ids: frozenset[int]) -> None:
    """It is made whenever something changes, also where nothing is pending."""
    statements: list[str] = []

    def plans() -> list[str]:
        connection = database.connection()
        connection.set_trace_callback(statements.append)
        delivery_list.run_search(Search(), 5, open_ids)
        connection.set_trace_callback(None)
        [search] = [text for text in statements if "ORDER BY" in text]
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {search}")]

    steps = desk.call(plans)
    assert "SEARCH t1 USING INTEGER PRIMARY KEY (rowid>?)" in steps
    assert not [step for step in steps if step.startswith("SCAN t1")]
