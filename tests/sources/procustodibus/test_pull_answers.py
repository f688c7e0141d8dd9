"""From an answer to events: what is made to fit, and what is refused and kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.procustodibus.pull import AnswerEvents, read_answer
from tests.support.stub_api_client import sample


def test_a_number_of_too_many_digits_loses_no_other_event_of_a_cut_answer() -> None:
    event = json.dumps(sample("alerts", "good"))
    long = '{"type":"alerts","id":"long","attributes":{"number":' + "9" * 5_000 + "}}"
    body = f'{{"data":[{long},{event},{{"type":"al'.encode()
    found = read_answer(body, "the connection ended", "alerts", 0, lambda: 1)
    assert ([event.id for event in found.events], found.count) == (["good"], 2)
    [refused] = found.refused
    assert refused.body == long.encode()
    assert refused.reason.startswith("attributes.number: 9999")


def read(*events: object) -> AnswerEvents:
    body = json.dumps({"data": events}).encode()
    return read_answer(body, "", "alerts", 0, lambda: 1)


def only(found: AnswerEvents) -> Any:
    """The one event, as JSON."""
    assert (len(found.events), found.refused) == (1, ())
    return json.loads(found.events[0].body)


def test_a_member_whose_name_is_taken_in_meta_gets_another() -> None:
    meta = {"tenant": "a", "tenant_": "b"}
    found = only(read(sample("alerts", "x", meta=meta, tenant="c")))
    assert found["meta"] == meta | {"tenant__": "c"}


@pytest.mark.parametrize("member", ["relationships", "links", "meta"])
@pytest.mark.parametrize("value", [None, "text", [1]])
def test_a_known_member_of_an_unknown_form_moves_into_meta(member: str, value: object) -> None:
    found = only(read(sample("alerts", "x", **{member: value})))
    assert found["meta"] == {member: value}
    assert set(found) == {"type", "id", "attributes", "meta"}


def test_numbers_keep_their_spelling_on_the_way_into_meta() -> None:
    text = json.dumps(sample("alerts", "x"))[:-1] + ', "score": 0.50, "big": 12345678901234567890}'
    found = read_answer(f'{{"data":[{text}]}}'.encode(), "", "alerts", 0, lambda: 1)
    assert b'"meta":{"score":0.50,"big":12345678901234567890}' in found.events[0].body


@pytest.mark.parametrize(
    "odd", ["NaN", '{"type":"alerts","id":"x","id":"y","attributes":{}}', "[" * 200 + "]" * 200]
)
def test_json_that_readers_disagree_about_is_refused_as_it_came(odd: str) -> None:
    good = json.dumps(sample("alerts", "good"))
    found = read_answer(f'{{"data":[{odd},{good}]}}'.encode(), "", "alerts", 0, lambda: 1)
    assert [one.id for one in found.events] == ["good"]
    assert [one.body for one in found.refused] == [odd.encode()]


def test_the_rest_of_a_broken_list_is_kept() -> None:
    good = json.dumps(sample("alerts", "good"))
    rest = f'{{"type": alerts}},{good}]}}'
    found = read_answer(f'{{"data":[{good},{rest}'.encode(), "", "alerts", 0, lambda: 1)
    assert [one.id for one in found.events] == ["good"]
    assert [one.body for one in found.refused] == [f",{rest}".encode()]
    assert "after event 1: the answer is broken" in found.broken


@pytest.mark.parametrize("body", [b"<html>we are down</html>", b'{"data":[]', b"[]", b""])
def test_an_answer_without_events_is_told_of_and_not_kept(body: bytes) -> None:
    found = read_answer(body, "", "alerts", 0, lambda: 1)
    assert (found.events, found.refused) == ((), ())
    assert "the answer is broken" in found.broken


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_text_breaks_the_reading(odd: bytes) -> None:
    good = json.dumps(sample("alerts", "good")).encode()
    found = read_answer(b'{"data":[' + good + b"," + odd + b"]}", "", "alerts", 0, lambda: 1)
    assert found.events[0].id == "good"
    assert len(found.events) + len(found.refused) >= 1
