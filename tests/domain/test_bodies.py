from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from domain.bodies import LAYOUT, body_length, join_body, splice

texts = st.text(st.characters(exclude_categories=["Cs"]))
extra_fields = st.lists(st.tuples(texts.map("x-".__add__), texts), unique_by=lambda field: field[0])
events = st.lists(
    st.fixed_dictionaries({"type": st.just("alerts"), "id": texts, "attributes": st.just({})})
)


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_layout_1_is_frozen_to_the_byte() -> None:
    fields = [("source", "tocsin"), ('quote "', "Zürich\n\\")]
    bodies = [b'{"type":"alerts","id":"1"}', b'{"type":"alerts","id":"2"}']
    assert LAYOUT == 1
    assert splice(fields) == ',"source":"tocsin","quote \\"":"Zürich\\n\\\\"'.encode()
    assert join_body(bodies, splice([("source", "tocsin")])) == (
        b'[{"type":"alerts","id":"1","source":"tocsin"},'
        b'{"type":"alerts","id":"2","source":"tocsin"}]'
    )


def test_without_extra_fields_the_stored_bytes_are_sent_as_they_are() -> None:
    assert splice([]) == b""
    assert join_body([b'{"type":"alerts","n":10.10}'], b"") == b'[{"type":"alerts","n":10.10}]'
    assert join_body([], b"") == b"[]"


@given(events, extra_fields)
def test_a_joined_body_reads_back_and_has_the_foretold_length(
    given_events: list[dict[str, object]], fields: list[tuple[str, str]]
) -> None:
    bodies = [compact(event) for event in given_events]
    spliced = splice(fields)
    body = join_body(iter(bodies), spliced)
    assert json.loads(body) == [event | dict(fields) for event in given_events]
    assert len(body) == body_length(sum(map(len, bodies)), len(bodies), len(spliced))
