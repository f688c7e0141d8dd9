"""Events that another Tocsin refuses, read from its answer, whole or cut."""

from __future__ import annotations

import shlex

import msgspec
import pytest

from delivery.outcome import (
    MAX_ANSWER_BODY,
    RefusalEntry,
    refusal,
    refused_events,
    refused_member,
)
from delivery.report import reseal_command
from sources.intake import Receipt, RefusedEvent
from store.records import StoredEvent
from tests.support.stores import ALERTS, NOW, compact


def answer(count: int, sanitized: int = 0) -> bytes:
    refused = (RefusedEvent(f"event {n + 1} of 500", f"e{n}") for n in range(count))
    return msgspec.json.encode(Receipt(500 - count, 0, sanitized, tuple(refused)).answer())


def entries(count: int) -> tuple[RefusalEntry, ...]:
    return tuple(RefusalEntry(f"e{n}", n + 1) for n in range(count))


def members(*ids: str, created: str = "2026-11-24T08:00:0{}Z") -> list[StoredEvent]:
    """Events of a delivery with these ids, numbered from 11 on, created a second apart."""
    return [
        StoredEvent(
            ALERTS,
            11 + place,
            id_,
            NOW,
            compact({"id": id_, "attributes": {"created": created.format(place)}}),
        )
        for place, id_ in enumerate(ids)
    ]


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("sanitized", [0, 7])
def test_the_events_are_named_that_the_answer_names(count: int, sanitized: int) -> None:
    body = answer(count, sanitized)
    assert refused_events(409, body) == entries(count)
    assert refused_events(200, body) == refused_events(None, body) == ()
    assert refused_events(409, msgspec.json.format(body)) == refused_events(409, body)


def test_of_an_answer_that_was_cut_those_before_the_cut_are_named() -> None:
    body = answer(400)
    assert len(body) > MAX_ANSWER_BODY
    named = refused_events(409, body[:MAX_ANSWER_BODY])
    assert 20 < len(named) < 400
    assert named == entries(len(named))
    assert all(refused_events(409, body[:cut]) == named[: len(refused_events(409, body[:cut]))]
               for cut in range(MAX_ANSWER_BODY))  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"conflict",
        b"\xff\xfe",
        b'{"error":"its id is known","place":"event 2 of 3"}',
        b'{"refused":[{"id":"a"}]}',
        b'{"accepted":1,"repeated":0,"refused":"a"}',
        b'{"accepted":1,"repeated":0,"refused":[{"id":""},{"id":"a\\u001b[31m"},{"id":"\xc3\xa9"}]}',
        b'{"accepted":1,"repeated":0,"refused":[{"id":"' + b"a" * 65 + b'"}]}',
        b'{"accepted":1,"repeated":0,"refused":[1,{"id":2},"a",null]}',
        b'{"accepted":1,"repeated":0,"refused":[' + b"[" * 5_000,
        b'{"accepted":1,"repeated":0,"refused":[' + b"9" * 5_000,
    ],
)
def test_no_other_answer_names_any(body: bytes) -> None:
    assert refused_events(409, body) == ()


def test_what_is_said_and_the_command_for_it() -> None:
    a, b, c = (RefusalEntry(id_) for id_ in "abc")
    assert refusal((a,)) == "it refuses event a and has taken all others: reseal without it"
    assert refusal((a, b, c)).startswith("it refuses event a and 2 more and has taken")
    odd = reseal_command("msg_1", [RefusalEntry("it's $HOME `x`")], [])
    assert shlex.split(odd) == [
        *("tocsin", "delivery", "reseal", "msg_1", "--without", "it's $HOME `x`")
    ]


def test_of_events_with_one_id_the_place_says_which_was_refused() -> None:
    events = members("a", "b", "a")
    assert refused_member([RefusalEntry("a", 3)], events) == events[2]
    assert refused_member([RefusalEntry("b", 3)], events) == events[1]
    assert refused_member([RefusalEntry("gone", 1), RefusalEntry("b")], events) == events[1]
    assert refused_member([RefusalEntry("a")], events) is None
    assert refused_member([RefusalEntry("a", 99), RefusalEntry("b", 2)], events) is None


def test_the_command_tells_events_with_one_id_apart() -> None:
    command, entry = "tocsin delivery reseal msg_1 --without a", RefusalEntry("a", 3)
    assert reseal_command("msg_1", [RefusalEntry("a")], members("a", "b")) == command
    assert reseal_command("msg_1", [RefusalEntry("a")], members("a", "a")) == command
    apart = reseal_command("msg_1", [entry], members("a", "b", "a"))
    assert apart == f"{command} --created 2026-11-24T08:00:02Z"
    same = members("a", "b", "a", created="2026-11-24T08:00:00Z")
    assert reseal_command("msg_1", [entry], same) == f"{command} --number 13"
