"""The texts of the form: there and back without loss, every error at its field, three-way merge."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.event_types import EventType
from domain.webhooks import WebhookFields, clean_fields
from tests.support.stores import NOW
from tui.webhook_form.conflicts import merge
from tui.webhook_form.reading import FormReading, read_texts
from tui.webhook_form.secrets import SecretChoice
from tui.webhook_form.texts import FormTexts, texts_of

WORD = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
PAIRS = st.dictionaries(WORD.map("x-{}".format), WORD, max_size=4).map(lambda d: tuple(d.items()))
FIELDS = st.builds(
    WebhookFields,
    type=st.sampled_from(EventType),
    url=WORD.map("https://{}.example/hook".format),
    name=st.none() | WORD,
    active=st.booleans(),
    headers=PAIRS,
    extra_fields=PAIRS,
    max_events=st.none() | st.integers(1, 100_000),
    max_bytes=st.none() | st.integers(1_000, 50_000_000),
    interval_ms=st.none() | st.just(0) | st.integers(1_000, 86_400_000),
    retry_interval_ms=st.none() | st.integers(1_000, 86_400_000),
    ca_file=st.none() | WORD.map("/etc/{}.pem".format),
)
GOOD = FormTexts(url="https://example.com/hook")


def read(**texts: str) -> FormReading:
    return read_texts(replace(GOOD, **texts), NOW)


@given(FIELDS)
def test_fields_come_back_as_they_were(fields: WebhookFields) -> None:
    reading = read_texts(texts_of(fields), NOW)
    assert not reading.errors
    assert reading.fields == clean_fields(fields)


def test_every_error_stands_at_its_field_with_its_cure() -> None:
    wrong = read(
        url="ftp://example.com",
        name="12",
        headers="no colon\nHost: x",
        extra_fields="type: mine",
        max_events="0",
        max_bytes="lots",
        interval="3",
        retry_interval="interval",
        ca_file="own.pem",
        secret=SecretChoice.OWN,
        own_secret="hunter2",
        start="since",
        since="yesterday",
    )
    assert set(wrong.errors) == {
        "url",
        "name",
        "headers",
        "extra_fields",
        "max_events",
        "max_bytes",
        "interval",
        "retry_interval",
        "ca_file",
        "own_secret",
        "since",
    }
    assert wrong.errors["url"] == "ftp is not supported; write https:// or http://"
    assert wrong.errors["headers"].split("\n") == [
        "line 1 has no colon; write it as `X-Foo: bar`",
        "line 2: Host is set by Tocsin itself; leave it out",
    ]
    assert wrong.errors["interval"].endswith("from 1s to 1d, such as 90s, 3m, 1h or 1d")
    assert wrong.errors["retry_interval"].startswith(
        'only the setting retry_interval may be "interval"'
    )
    assert "hunter2" not in wrong.errors["own_secret"]


def test_what_is_right_is_known_beside_what_is_wrong() -> None:
    found = read(name="siem", headers="no colon\nX-Foo: bar", max_events="5", url="").fields
    assert (found.name, found.headers, found.max_events) == ("siem", (("X-Foo", "bar"),), 5)
    assert found.url == ""


def test_where_to_start() -> None:
    assert read().start == "now"
    assert read(start="start").start == "start"
    assert read(start="since", since="1h").start == NOW - 3_600_000


def test_an_own_secret_counts_only_where_it_is_chosen() -> None:
    assert not read(own_secret="whsec_").errors


def test_a_typed_value_that_looks_the_same_behind_its_dots_is_a_change() -> None:
    base = texts_of(WebhookFields(EventType.ALERTS, GOOD.url, headers=(("x-a", "old"),)))
    typed = replace(base, headers="x-a: new")
    hidden = typed.all_masked
    assert (hidden.url, hidden.headers) == (base.url, base.headers)
    assert hidden.changed_from(base) == {"headers"}
    assert read_texts(hidden, NOW).fields.headers == (("x-a", "new"),)


@given(FIELDS, FIELDS)
def test_who_typed_nothing_sees_what_was_saved(before: WebhookFields, after: WebhookFields) -> None:
    base, theirs = texts_of(before), texts_of(after)
    merged, disputed = merge(base, base, theirs)
    assert not merged.changed_from(theirs)
    assert not disputed


@given(FIELDS, FIELDS)
def test_what_was_typed_stays_where_nobody_saved(
    before: WebhookFields, typed: WebhookFields
) -> None:
    base, mine = texts_of(before), texts_of(typed)
    merged, disputed = merge(mine, base, base)
    assert not merged.changed_from(mine)
    assert not disputed


@given(FIELDS, FIELDS, FIELDS)
def test_each_field_is_either_the_typed_or_the_saved_one(
    before: WebhookFields, typed: WebhookFields, saved: WebhookFields
) -> None:
    base, mine, theirs = texts_of(before), texts_of(typed), texts_of(saved)
    merged, disputed = merge(mine, base, theirs)
    for name in ("type", "url", "name", "extra_fields", "max_events", "ca_file"):
        expected = mine if name in mine.changed_from(base) else theirs
        assert getattr(merged, name) == getattr(expected, name)
    both = mine.changed_from(base) & theirs.changed_from(base)
    assert disputed <= both
    assert not read_texts(merged, NOW).errors


def test_a_typed_header_goes_beside_the_one_somebody_else_saved() -> None:
    def with_headers(**values: str) -> FormTexts:
        pairs = tuple(values.items())
        return texts_of(WebhookFields(EventType.ALERTS, GOOD.url, headers=pairs))

    base, theirs = with_headers(a="old", b="old"), with_headers(a="new", b="old")
    mine = replace(base, headers="a: ••••\nb: mine")
    merged, disputed = merge(mine, base, theirs)
    assert merged.plain.headers == "a: new\nb: mine"
    assert disputed == {"headers"}


def test_a_hidden_value_stays_hidden_where_somebody_else_took_its_header_away() -> None:
    pairs = (("a", "secret-of-the-stored"), ("b", "old"))
    base = texts_of(WebhookFields(EventType.ALERTS, GOOD.url, headers=pairs))
    theirs = texts_of(WebhookFields(EventType.ALERTS, GOOD.url, headers=pairs[1:]))
    mine = replace(base, headers=f"{base.headers}\nc: typed")
    merged, _ = merge(mine, base, theirs)
    assert merged.headers == "a: ••••ored\nb: ••••\nc: typed"
    assert merged.plain.headers == "a: secret-of-the-stored\nb: old\nc: typed"


def test_a_hidden_value_typed_before_stays_hidden_where_somebody_else_saved_another() -> None:
    def with_a(value: str) -> FormTexts:
        return texts_of(WebhookFields(EventType.ALERTS, GOOD.url, headers=(("a", value),)))

    base, theirs = with_a("old"), with_a("new")
    mine = replace(base, headers="a: typed").all_masked
    merged, _ = merge(mine, base, theirs)
    assert merged.headers == "a: ••••"
    assert merged.plain.headers == "a: typed"
