from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import domain.events as events_module
from domain.event_input import same_event
from domain.event_types import EventType
from domain.events import (
    MAX_EVENT_BYTES,
    MAX_TEXT_BYTES,
    Event,
    EventError,
    SanitizedEvent,
    TooManyEvents,
    read_array,
    read_document,
    read_event,
)
from domain.ids import base58
from domain.times import parse_rfc3339

NOW_MS = 1_795_507_200_000
NOW = "2026-11-24T08:00:00Z"
CREATED = "2021-10-24T02:05:58Z"
DICE = 0x0100000000000000
TYPES = "alerts, endpoint_stats, log_authn, log_changes"

SAMPLES: list[dict[str, Any]] = [
    {
        "attributes": {
            "created": "2021-10-25T18:35:22Z",
            "danger": 7,
            "params": {"country": "US", "country_name": "United States", "days": 45},
            "suppress_until": "2021-10-26T18:35:21Z",
            "type": "endpoint_ip_first_use_country",
            "updated": "2021-10-25T18:35:22Z",
        },
        "id": "PXT2iiA88At",
        "type": "alerts",
    },
    {
        "attributes": {
            "created": "2021-10-24T02:05:58Z",
            "handshake": "2021-10-24T02:05:07Z",
            "ip": "45.62.209.2",
            "port": 51824,
            "rx_delta": 748,
            "rx_total": 31591436,
            "tx_delta": 772,
            "tx_total": 70276620,
        },
        "id": "GH468jtejFr",
        "relationships": {"endpoint": {"data": [{"id": "CtfsGB3cABY", "type": "endpoints"}]}},
        "type": "endpoint_stats",
    },
    {
        "attributes": {
            "created": "2021-10-24T05:53:11Z",
            "errors": [],
            "ip": "203.33.186.18",
            "status": "ok",
            "type": "X-Custos",
            "url": "/sessions",
            "verifications": ["password", "user"],
        },
        "id": "6nRLYcXc4KV",
        "relationships": {"user": {"data": [{"id": "3tjDGN2gXpT", "type": "users"}]}},
        "type": "log_authn",
    },
    {
        "attributes": {
            "created": "2021-10-25T19:13:55Z",
            "field": "ip",
            "id": "PykHtrVmLHs",
            "new_value": "52.33.87.203",
            "old_value": "34.219.61.181",
            "type": "endpoints",
        },
        "id": "WKVdbyruaVr",
        "relationships": {"user": {"data": [{"id": "NZ1Gq4fs3sp", "type": "users"}]}},
        "type": "log_changes",
    },
]


def read(data: bytes | str) -> Event:
    given_data = data.encode() if isinstance(data, str) else data
    return read_event(given_data, now_ms=NOW_MS, random64=lambda: DICE)


def read_all(data: bytes) -> list[Event]:
    return read_array(data, now_ms=NOW_MS, random64=lambda: DICE)


def accepted(data: bytes) -> Event | None:
    try:
        return read(data)
    except EventError:
        return None


def refused(data: bytes | str) -> str:
    with pytest.raises(EventError) as caught:
        read(data)
    assert caught.value.place
    assert caught.value.reason
    assert str(caught.value) == f"{caught.value.place}: {caught.value.reason}"
    return str(caught.value)


def event_text(attributes: str = "", **members: str) -> str:
    """Write an event whose attributes hold the given JSON members beside `created`."""
    inner = f'"created":"{CREATED}"' + (f",{attributes}" if attributes else "")
    others = "".join(f',"{name}":{value}' for name, value in members.items())
    return f'{{"type":"alerts","id":"1","attributes":{{{inner}}}{others}}}'


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def with_attributes(attributes: object, **members: object) -> bytes:
    return compact({"type": "alerts", "attributes": attributes, **members})


# What is accepted


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["type"] for sample in SAMPLES])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_samples_of_the_contract_go_through(sample: dict[str, Any], indent: int | None) -> None:
    event = read(json.dumps(sample, indent=indent))
    created_s = parse_rfc3339(sample["attributes"]["created"]) // 1000
    assert event == Event(EventType(sample["type"]), sample["id"], compact(sample), created_s)


def test_a_complete_compact_event_is_kept_to_the_byte() -> None:
    data = compact(SAMPLES[1])
    assert read(data).body is data


@pytest.mark.parametrize("ms", [0, 1, 987], ids=["whole second", "just behind", "far behind"])
def test_a_missing_time_in_whole_seconds_and_a_missing_id_are_filled_in(ms: int) -> None:
    text = b'{"type":"log_authn","attributes":{"status":"ok"}}'
    event = read_event(text, now_ms=NOW_MS + ms, random64=lambda: DICE)
    assert event.id == base58(DICE)
    assert event.created_s is None
    assert json.loads(event.body) == {
        "type": "log_authn",
        "id": base58(DICE),
        "attributes": {"created": NOW, "status": "ok"},
    }


def test_a_missing_id_is_hashed_from_the_facts_when_the_time_was_given() -> None:
    event = read(with_attributes({"created": CREATED, "ip": "192.0.2.1", "n": 1}))
    reordered = read(
        f'{{"attributes": {{"n": 1, "ip": "192.0.2.1", "created": "{CREATED}"}}, "type": "alerts"}}'
    )
    other = read(with_attributes({"created": CREATED, "ip": "192.0.2.2", "n": 1}))
    other_type = read(
        compact(
            {"type": "log_authn", "attributes": {"created": CREATED, "ip": "192.0.2.1", "n": 1}}
        )
    )
    assert event.created_s == parse_rfc3339(CREATED) // 1000
    assert event.id == reordered.id
    assert len({event.id, other.id, other_type.id, base58(DICE)}) == 4


def test_a_given_id_is_kept_when_the_time_is_filled_in() -> None:
    event = read(with_attributes({}, id="mine"))
    assert (event.id, event.created_s) == ("mine", None)
    assert json.loads(event.body)["attributes"] == {"created": NOW}


@pytest.mark.parametrize("event_id", ["a", "x" * 64, "a b/c:~!\"'\\", " "])
def test_any_short_printable_ascii_is_an_id(event_id: str) -> None:
    event = read(with_attributes({"created": CREATED}, id=event_id))
    assert event.id == json.loads(event.body)["id"] == event_id


@pytest.mark.parametrize("name", ["relationships", "meta", "links"])
def test_other_members_of_json_api_are_kept(name: str) -> None:
    data = event_text(**{name: '{"a":[1]}'})
    assert read(data).body == data.encode()


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("10.10", "10.10"),
        ("1.0e2", "1.0e2"),
        ("1E+2", "1E+2"),
        (
            "0.1234567890123456789012345678901234567890",
            "0.1234567890123456789012345678901234567890",
        ),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("1e-999", "1e-999"),
        pytest.param("-" + "9" * 4300, "-" + "9" * 4300, id="4300 digits"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("1.7976931348623157e308", "1.7976931348623157e308"),
        ('"\\u00e9\\ud83d\\udd14"', '"é🔔"'),
        ('"\\/\\u0041"', '"/A"'),
        ('"\\\\u0000"', '"\\\\u0000"'),
        ('"\\\\ud800"', '"\\\\ud800"'),
        ('"\\u001f\\n"', '"\\u001f\\n"'),
        ("[ true , false , null ]", "[true,false,null]"),
    ],
)
def test_values_keep_their_meaning_and_numbers_every_digit(given_text: str, kept: str) -> None:
    body = read(event_text(f'"value": {given_text}')).body
    assert body == event_text(f'"value":{kept}').encode()
    assert read(body).body == body


def test_nesting_of_64_levels_is_taken_and_brackets_in_texts_do_not_count() -> None:
    nested = "[" * 62 + "]" * 62
    data = event_text(f'"deep":{nested},"text":"\\"{"[" * 70}"')
    assert read(data).body == data.encode()


def test_an_event_of_exactly_256_kib_as_stored_is_taken() -> None:
    empty = len(event_text('"note":""'))
    data = event_text(f'"note":"{"x" * (MAX_EVENT_BYTES - empty)}"')
    spaced = data.replace('"note":', '"note":   ')
    assert len(read(data).body) == MAX_EVENT_BYTES
    assert read(spaced).body == data.encode()
    one_more = data.replace("x", "xx", 1)
    assert (
        refused(one_more) == "event: 262,145 bytes as compact JSON, more than the limit of 262,144"
    )


# What is refused


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: not JSON: expected a value here"),
        (b"   ", "byte 3: not JSON: expected a value here"),
        (b"{", "byte 1: not JSON: a name in double quotes is missing here"),
        (b"{'type': 1}", "byte 1: not JSON: a name in double quotes is missing here"),
        ('{"ä":"ö"'.encode(), "byte 10: not JSON: a comma or a closing bracket is missing here"),
        (b'{"a":"\n"}', "byte 6: not JSON: a control character in a text"),
        (b'{"a":1 , }', "byte 7: not JSON: nothing follows this comma"),
        (b'{"a" 1}', "byte 5: not JSON: a colon is missing here"),
        (b'{"a":"\\q"}', "byte 6: not JSON: this backslash begins no valid escape"),
        (b'{"a":01}', "byte 6: not JSON: a comma or a closing bracket is missing here"),
        (b"{}\n{}", "byte 3: more than one JSON document: expected its end here"),
        (b"\xef\xbb\xbf{}", "byte 0: starts with a byte order mark: save it as plain UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "byte 1: contains a NUL byte"),
        (b'{"a":"\xff"}', "byte 6: is not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "byte 6: is not UTF-8"),
        (b'{"a":"\x00"}', "byte 6: contains a NUL byte"),
        (b"[]", "event: expected a JSON object, not an array"),
        (b"null", "event: expected a JSON object, not null"),
        (b"true", "event: expected a JSON object, not true or false"),
        (b"5", "event: expected a JSON object, not a number"),
        (b'"x"', "event: expected a JSON object, not text"),
        (b'{"a":1,"a":2}', 'event: the key "a" stands twice in one object'),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place(data: bytes, message: str) -> None:
    assert refused(data) == message


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ('"a":NaN', "attributes.a: NaN is not JSON"),
        ('"a":[1,-Infinity]', "attributes.a[1]: -Infinity is not JSON"),
        ('"a":1e999', "attributes.a: 1e999 is too large for a number"),
        ('"a":{"b":1,"c":2,"b":1}', 'attributes.a: the key "b" stands twice in one object'),
        ('"b":{"x\\u0079":1,"xy":1}', 'attributes.b: the key "xy" stands twice in one object'),
        ('"a\\u0000":1', "attributes.a\\x00: contains the character NUL (\\u0000)"),
        ('"\\udfff":1', "attributes.\\udfff: contains half a surrogate pair, which is no text"),
    ],
)
def test_what_readers_disagree_about_is_refused_with_its_place(
    attributes: str, message: str
) -> None:
    assert refused(event_text(attributes)) == message


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ('"x\\u0000y"', '"x\ufffdy"'),
        ('["\\ud800",{"b":"\\udfff\\u0000"}]', '["\ufffd",{"b":"\ufffd\ufffd"}]'),
        ('"\\udd14\\ud83d"', '"\ufffd\ufffd"'),
        ('"\\ud83d\\udd14\\u0000\\\\u0000"', '"\N{BELL}\ufffd\\\\u0000"'),
    ],
)
@pytest.mark.parametrize("inside", ["attributes", "relationships"])
def test_what_is_no_text_becomes_the_replacement_character_in_texts(
    given_text: str, kept: str, inside: str
) -> None:
    def text(value: str) -> str:
        if inside == "attributes":
            return event_text(f'"a":{value}')
        return event_text(relationships=f'{{"a":{value}}}')

    event = read(text(given_text))
    created_s = parse_rfc3339(CREATED) // 1000
    assert event == SanitizedEvent(EventType.ALERTS, "1", text(kept).encode(), created_s)
    assert same_event(event.body, event)
    assert not isinstance(read(event.body), SanitizedEvent)
    [good, other] = read_all(f"[{event_text()},{text(given_text)}]".encode())
    assert (type(good), other) == (Event, event)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ('{"type":"alerts","id":"a\\u0000","attributes":{}}', "id"),
        ('{"type":"alerts\\ud800","attributes":{}}', "type"),
        ('{"type":"alerts","attributes":{"created":"\\u0000"}}', "attributes.created"),
        ('{"type":"alerts","attributes":{"a":"\\u0000","b\\udc00":1}}', "attributes.b\\udc00"),
        ('{"type":"alerts","meta":{"a":{"\\u0000":1}},"attributes":{}}', "meta.a.\\x00"),
        ('"\\u0000"', "event"),
    ],
)
def test_what_is_no_text_is_refused_in_what_an_event_is_known_by(data: str, place: str) -> None:
    message = refused(data)
    assert message.startswith(f"{place}: contains ")


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    message = refused(event_text(f'"ok":1.5,"a":{"9" * 5000}'))
    assert re.fullmatch(r"attributes\.a: 9{39}… is too large for a number", message)


@pytest.mark.parametrize("fault", [ValueError("x"), RecursionError(), MemoryError()])
def test_a_fault_of_the_reader_is_the_refusal_of_one_event(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fails(*_: object) -> Event:
        raise fault

    monkeypatch.setattr(events_module, "_checked_event", fails)
    with pytest.raises(EventError) as caught:
        read_all(b'[{"type":"alerts","attributes":{}}]')
    assert str(caught.value).startswith(f"event 1 of 1: {type(fault).__name__} while it was read")


@pytest.mark.parametrize("levels", [63, 1000, 100_000])
def test_nesting_deeper_than_64_levels_is_refused(levels: int) -> None:
    data = event_text(f'"deep":{"[" * levels}{"]" * levels}')
    place = data.index("[") + 62
    assert refused(data) == f"byte {place}: nested deeper than 64 levels"


def test_an_unclosed_text_full_of_quotes_is_refused_quickly() -> None:
    assert refused('{"a":"' + '\\"[' * 100_000).startswith(
        "byte 5: not JSON: the text that begins here has no end"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"attributes": {}}, f"type: missing: use one of {TYPES}"),
        ({"type": 1, "attributes": {}}, f"type: expected text, not a number: use one of {TYPES}"),
        ({"type": [], "attributes": {}}, f"type: expected text, not an array: use one of {TYPES}"),
        (
            {"type": "\x1b[1malert", "attributes": {}},
            f'type: unknown type "\\x1b[1malert": use one of {TYPES}',
        ),
        ({"type": "alerts"}, "attributes: missing: expected a JSON object"),
        (
            {"type": "alerts", "attributes": []},
            "attributes: expected a JSON object, not an array",
        ),
        (
            {"type": "alerts", "attributes": {}, "relationships": None},
            "relationships: expected a JSON object, not null",
        ),
        (
            {"type": "alerts", "attributes": {}, "meta": 1.5},
            "meta: expected a JSON object, not a number",
        ),
        (
            {"type": "alerts", "attributes": {}, "links": "x"},
            "links: expected a JSON object, not text",
        ),
        (
            {"type": "alerts", "attributes": {}, "severity": 3},
            "severity: no member of an event: move it into attributes "
            "(known: type, id, attributes, relationships, meta, links)",
        ),
    ],
)
def test_what_is_no_event_is_refused_with_place_and_cure(data: object, message: str) -> None:
    assert refused(compact(data)) == message


def test_a_foreign_member_without_a_name_has_a_place_too() -> None:
    assert refused(with_attributes({})[:-1] + b',"":1}').startswith('"": no member of an event')


@pytest.mark.parametrize("event_id", ["", "x" * 65, "ü", "a\nb", "\x7f"])
def test_a_bad_id_is_refused(event_id: str) -> None:
    message = refused(with_attributes({"created": CREATED}, id=event_id))
    assert message.startswith('id: "')
    assert message.endswith(
        " is no id: use 1 to 64 printable ASCII characters, or leave it out to get one"
    )


@pytest.mark.parametrize("created", [None, CREATED])
def test_an_id_that_is_no_text_is_refused(created: str | None) -> None:
    attributes = {} if created is None else {"created": created}
    assert refused(with_attributes(attributes, id=5)).startswith("id: expected text, not a number")


@pytest.mark.parametrize(
    ("created", "reason"),
    [
        (None, "null is no time: write it like 2026-11-24T08:00:00Z, or leave it out"),
        (1_700_000_000, "a number is no time: write it like"),
        (["x"], "an array is no time: write it like"),
        ("yesterday", '"yesterday" is not an RFC 3339 time with its zone: write it like'),
        (
            "2026-02-30T00:00:00Z",
            '"2026-02-30T00:00:00Z" is not a time that exists (there is no such day or hour)',
        ),
        ("2026-11-24T08:00:00", '"2026-11-24T08:00:00" is not an RFC 3339 time with its zone'),
    ],
)
def test_a_bad_time_is_refused(created: object, reason: str) -> None:
    message = refused(with_attributes({"created": created}, id="1"))
    assert message.startswith(f"attributes.created: {reason}")
    assert message.endswith("or leave it out")


@pytest.mark.parametrize("created", ["2026-11-24T08:00:00.123456+01:00", "2016-12-31T23:59:60Z"])
def test_unusual_times_are_kept_as_given(created: str) -> None:
    assert json.loads(read(with_attributes({"created": created})).body)["attributes"] == {
        "created": created
    }


# Arrays and documents


def test_an_array_gives_its_events_in_order() -> None:
    data = json.dumps(SAMPLES, indent=1).encode()
    assert [event.body for event in read_all(data)] == [compact(sample) for sample in SAMPLES]
    assert read_all(b" [ ] ") == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{}", "event 2 of 3, attributes: missing: expected a JSON object"),
        ("5", "event 2 of 3: expected a JSON object, not a number"),
        (event_text('"a":NaN'), "event 2 of 3, attributes.a: NaN is not JSON"),
        (event_text('"a\\u0000":1'), "event 2 of 3, attributes.a\\x00: contains the character NUL"),
        (event_text('"a":1,"a":1'), 'event 2 of 3, attributes: the key "a" stands twice'),
    ],
)
def test_one_bad_event_refuses_the_array_and_is_named(bad: str, message: str) -> None:
    good = event_text()
    with pytest.raises(EventError) as caught:
        read_all(f"[{good},{bad},{good}]".encode())
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", "event: expected a JSON array of events"),
        (b"[", "byte 1: not JSON: expected a value here"),
        (b"[1,]", "event 1: expected a JSON object, not a number"),
        (b"[] []", "byte 3: more than one JSON document: expected its end here"),
        (b"[" * 70 + b"]" * 70, "event 1 of 1, byte 64: nested deeper than 64 levels"),
        (b"[" * 100_000, "event 1, byte 64: nested deeper than 64 levels"),
        (b"[5 ", "event 1: expected a JSON object, not a number"),
        (b"[,5]", "byte 1: not JSON: expected a value here"),
        (b"[}", "byte 1: not JSON: a comma or a closing bracket is missing here"),
    ],
)
def test_what_is_no_array_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(EventError) as caught:
        read_all(data)
    assert str(caught.value) == message


def test_what_is_wrong_behind_the_last_event_is_told() -> None:
    good = event_text()
    end = len(good) + 1
    for behind, place, message in (
        ("", end, "not JSON: a comma or a closing bracket is missing here"),
        (",", end + 1, "not JSON: expected a value here"),
        (",]", end, "not JSON: nothing follows this comma"),
        (",,]", end + 1, "not JSON: expected a value here"),
        ("}", end, "not JSON: a comma or a closing bracket is missing here"),
        (f"] {good}", end + 2, "more than one JSON document: expected its end here"),
    ):
        with pytest.raises(EventError) as caught:
            read_all(f"[{good}{behind}".encode())
        assert str(caught.value) == f"byte {place}: {message}"


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("cut", [0, 1])
def test_a_large_array_is_read_event_by_event(
    monkeypatch: pytest.MonkeyPatch, blank: str, cut: int
) -> None:
    """As one is whose items would take too much memory before they are looked at."""
    monkeypatch.setattr(events_module, "_FEW_BYTES", 0)
    monkeypatch.setattr(events_module, "_FEW_COMMAS", 0)
    odd = event_text(f'"a":"],{{[\\"","b":[[],{{}}]{blank}')
    texts = [odd, event_text()] * 3
    data = f"{blank}[{blank}{f'{blank},{blank}'.join(texts)}{blank}]{blank}".encode()
    assert read_array(data, now_ms=NOW_MS, random64=lambda: DICE, most=6) == read_all(data)
    with pytest.raises(TooManyEvents, match="event 6: one text holds at most 5 events"):
        read_array(data[: len(data) - cut], now_ms=NOW_MS, random64=lambda: DICE, most=5)


@pytest.mark.parametrize(
    "garbage",
    ['""' * 1_100_000, f"[{'[],' * 800_000}[]]"],
    ids=["quotes", "brackets"],
)
def test_of_an_item_that_cannot_be_an_event_no_more_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, garbage: str
) -> None:
    monkeypatch.setattr(events_module, "_FEW_BYTES", 0)
    monkeypatch.setattr(events_module, "_FEW_COMMAS", 0)
    blanks = " " * MAX_TEXT_BYTES
    data = f"[{blanks}{event_text()}{blanks},{garbage},{event_text()}]".encode()
    with pytest.raises(EventError) as caught:
        read_array(data, now_ms=NOW_MS, random64=lambda: DICE, most=5)
    message = "event 2: its text has more than the limit of 2,097,152 bytes"
    assert str(caught.value) == message, "nothing behind it was counted"


def test_more_events_than_are_taken_are_refused() -> None:
    data = f"[{','.join([event_text()] * 4)}]".encode()
    assert len(read_array(data, now_ms=NOW_MS, random64=lambda: DICE, most=4)) == 4
    with pytest.raises(TooManyEvents):
        read_array(data, now_ms=NOW_MS, random64=lambda: DICE, most=3)


def test_of_a_text_that_cannot_be_an_event_no_more_is_read_than_one_may_have() -> None:
    for garbage in ("{}," * 800_000, " " * 3_000_000):
        message = refused(event_text(f'"a":[{garbage}1]'))
        assert message == "event: its text has more than the limit of 2,097,152 bytes"


def test_an_event_may_be_as_deep_in_an_array_as_alone() -> None:
    deepest = event_text(f'"deep":{"[" * 62}{"]" * 62}')
    strictly = event_text(f'"deep":{"[" * 62}{"]" * 62},"half":"\\ud83d\\udd14"')
    assert len(read_all(f"[{deepest},{strictly}]".encode())) == 2
    with pytest.raises(EventError, match=r"event 1 of 1, byte \d+: nested deeper than 64 levels"):
        read_all(f"[{deepest.replace('[', '[[', 1).replace(']', ']]', 1)}]".encode())


def test_a_document_is_an_event_or_an_array() -> None:
    def documents(data: bytes) -> list[Event]:
        return read_document(data, now_ms=NOW_MS, random64=lambda: DICE)

    one = event_text().encode()
    assert documents(one) == documents(b"\n [" + one + b"]") == [read(one)]


# Repeats


def test_the_same_event_is_recognised_whatever_its_spelling() -> None:
    stored = read(event_text('"a":1,"b":[10.10,{"c":2,"d":3}]')).body
    for text in (
        event_text('"a":1,"b":[10.10,{"c":2,"d":3}]'),
        event_text('"b": [10.1, {"d": 3.0, "c": 2e0}], "a": 1'),
    ):
        assert same_event(stored, read(text))


@pytest.mark.parametrize("other", ["2", "true", '"1"', "null", "[1]", "1.0000000000000000000001"])
def test_another_value_is_another_event(other: str) -> None:
    assert not same_event(read(event_text('"a":1')).body, read(event_text(f'"a":{other}')))


@pytest.mark.parametrize("number", ["1e-999", "1e-99999999999999999999999999"])
def test_numbers_without_bounds_compare(number: str) -> None:
    stored = read(event_text(f'"a":{number}')).body
    assert same_event(stored, read(event_text(f'"a": {number}, "b": 1').replace(', "b": 1', "")))
    assert not same_event(stored, read(event_text(f'"a":{number[:-1]}8')))


def test_a_time_of_ours_does_not_make_another_event() -> None:
    data = with_attributes({"a": 1}, id="1")
    first = read_event(data, now_ms=NOW_MS, random64=lambda: DICE)
    later = read_event(data, now_ms=NOW_MS + 5000, random64=lambda: DICE)
    assert first.body != later.body
    assert same_event(first.body, later)
    assert not same_event(first.body, read(with_attributes({"a": 2}, id="1")))
    assert not same_event(first.body, read(with_attributes({"a": 1, "created": CREATED}, id="1")))


# Laws


def spelled(value: Any, blank: str, ascii_only: bool) -> str:
    """Write a value as JSON in one of its many spellings."""
    if isinstance(value, dict):
        members = [
            f"{spelled(key, blank, ascii_only)}{blank}:{spelled(member, blank, ascii_only)}"
            for key, member in value.items()
        ]
        return f"{{{blank}{f',{blank}'.join(members)}{blank}}}"
    if isinstance(value, list):
        items = [spelled(item, blank, ascii_only) for item in value]
        return f"[{blank}{f'{blank},'.join(items)}]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=ascii_only)


def without_blanks(data: bytes) -> bytes:
    return re.sub(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]', rb"\1", data)


def meaning(data: bytes) -> Any:
    return json.loads(data, parse_int=Decimal, parse_float=Decimal)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.one_of(
    st.integers(),
    st.decimals(-(10**40), 10**40, allow_nan=False, places=20),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), texts, numbers),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(texts.filter(lambda key: key != "created"), values, max_size=5)
events = st.fixed_dictionaries(
    {
        "type": st.sampled_from([str(event_type) for event_type in EventType]),
        "attributes": st.builds(
            dict.__or__, objects, st.sampled_from([{}, {"created": CREATED}, {"created": NOW}])
        ),
    },
    optional={
        "id": st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64),
        "relationships": objects,
        "meta": objects,
        "links": objects,
    },
)
spellings = st.builds(
    lambda event, blank, ascii_only: spelled(event, blank, ascii_only).encode(),
    events,
    st.sampled_from(["", " ", "\n\t"]),
    st.booleans(),
)


def replaced(value: Any) -> Any:
    """The value with the replacement character for what is no text."""
    if isinstance(value, str):
        return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, list):
        return [replaced(item) for item in value]
    if isinstance(value, dict):
        return {name: replaced(member) for name, member in value.items()}
    return value


def check_accepted(data: bytes, event: Event) -> None:
    """The law of what is accepted: nothing changes but what was missing, and only once."""
    expected = meaning(data)
    assert isinstance(event, SanitizedEvent) == (replaced(expected) != expected)
    expected = replaced(expected)
    expected.setdefault("id", event.id)
    expected["attributes"].setdefault("created", NOW)
    assert meaning(event.body) == expected
    assert event.body == without_blanks(event.body)
    assert (event.created_s is not None) == ("created" in meaning(data)["attributes"])
    again = read(event.body)
    assert (again.type, again.id, again.body) == (event.type, event.id, event.body)
    assert same_event(event.body, again)


@given(spellings)
def test_every_event_is_kept_in_meaning_and_read_again_as_itself(data: bytes) -> None:
    check_accepted(data, read(data))


@given(st.lists(spellings, max_size=4))
def test_an_array_is_its_events(texts_of_events: list[bytes]) -> None:
    assert read_all(b"[" + b" ,".join(texts_of_events) + b"]") == [
        read(text) for text in texts_of_events
    ]


@given(spellings, st.data())
def test_a_damaged_event_is_taken_by_the_law_or_refused_with_place_and_reason(
    data: bytes, draw: st.DataObject
) -> None:
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(start, min(len(data), start + 3)))
    inserted = draw.draw(
        st.one_of(
            st.binary(max_size=3),
            st.sampled_from(
                [b'"', b"\\u0000", b"\\ud83d", b"NaN", b"1e999", b"[" * 70, b"{", b","]
            ),
        )
    )
    damaged = data[:start] + inserted + data[end:]
    event = accepted(damaged)
    if event is None:
        refused(damaged)
    else:
        check_accepted(damaged, event)


@given(st.binary(max_size=100))
def test_noise_is_refused_with_place_and_reason(data: bytes) -> None:
    assert ": " in refused(data)
    with pytest.raises(EventError):
        read_all(b"[[" + data)
