"""Headers are refused where the HTTP client would refuse them, or Tocsin sets them itself."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldError, FieldErrors
from domain.headers import (
    HEADER_LIMIT,
    TOTAL_LIMIT,
    VALUE_LIMIT,
    check_header,
    check_headers,
    parse_headers,
)
from domain.pairs import pairs_text
from domain.safe import mask_value

DOTS = "\u2022" * 4


def faults(text: str) -> list[str]:
    with pytest.raises(FieldErrors) as caught:
        parse_headers(text)
    return [str(error) for error in caught.value.errors]


def test_headers_are_read_one_a_line_in_order() -> None:
    text = "Authorization: Bearer abc:def==\r\n\n  X-Foo :bar & baz  \nX-Empty:\n"
    assert parse_headers(text) == (
        ("Authorization", "Bearer abc:def=="),
        ("X-Foo", "bar & baz"),
        ("X-Empty", ""),
    )


def test_no_text_is_no_headers() -> None:
    assert parse_headers(" \n\t\r\n") == ()
    assert pairs_text(()) == ""


def test_every_bad_line_is_named_by_its_number() -> None:
    assert faults("X-A: 1\nBearer secret\nHost: a\nX B: 2") == [
        "headers: line 2 has no colon; write it as `X-Foo: bar`",
        "headers: line 3: Host is set by Tocsin itself; leave it out",
        "headers: line 4: a name is 1 to 256 letters, digits or hyphens; "
        "write the header as `X-Foo: bar`",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "CONTENT-LENGTH",
        "Transfer-Encoding",
        "te",
        "Trailer",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "Expect",
        "Accept-Encoding",
        "Proxy-Authorization",
        "proxy-connection",
        "webhook-id",
        "Webhook-Signature",
    ],
)
def test_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(FieldError, match="set by Tocsin itself; leave it out"):
        check_header(name, "x")


@pytest.mark.parametrize(
    "name", ["Content-Type", "User-Agent", "Authorization", "Cookie", "X-Host"]
)
def test_the_admin_may_set_the_rest(name: str) -> None:
    check_header(name, "x")


@pytest.mark.parametrize("name", ["", "X Foo", "some:thing", "X-\u00c4", "X\n", "(x)", "a" * 257])
def test_a_name_is_a_token(name: str) -> None:
    with pytest.raises(FieldError, match="name"):
        check_header(name, "x")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a\rb", "not printable ASCII"),
        ("a\nX-Bad: 1", "not printable ASCII"),
        ("a\0b", "not printable ASCII"),
        ("a\x1b[31m", "not printable ASCII"),
        ("a\tb", "not printable ASCII"),
        ("a\x7f", "not printable ASCII"),
        ("caf\u00e9", "not printable ASCII"),
        ("\u2022\u2022\u2022\u2022", "dots that stand for what is hidden; write the whole value"),
        ("\ud800", "not printable ASCII"),
        (" a", "begins or ends with a blank"),
        ("a\n", "begins or ends with a blank"),
        ("a" * (VALUE_LIMIT + 1), "8193 characters"),
    ],
)
def test_a_value_is_printable_ascii(value: str, reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        check_header("X-Foo", value)


def test_messages_never_show_a_value() -> None:
    secret = "Bearer tok\u00e9n"
    assert all("tok" not in fault for fault in faults(f"Authorization: {secret}\n{secret}"))


def test_one_value_a_name() -> None:
    assert faults("X-A: 1\nX-B: 2\nx-a: 3") == [
        "headers: x-a is there more than once; keep one of them"
    ]


def test_the_number_of_headers_is_limited() -> None:
    headers = [(f"X-{number}", "") for number in range(HEADER_LIMIT)]
    check_headers(headers)
    with pytest.raises(FieldErrors, match="there are 65 headers; keep 64 or fewer"):
        check_headers([*headers, ("X-One-More", "")])


def test_the_size_of_all_headers_is_limited() -> None:
    headers = [(f"X-{number}", "a" * VALUE_LIMIT) for number in range(7)]
    check_headers(headers)
    with pytest.raises(FieldErrors, match=f"shorten them to {TOTAL_LIMIT}"):
        check_headers([*headers, ("X-7", "a" * VALUE_LIMIT)])


NAMES = st.text(max_size=8) | st.from_regex(r"[!-~]{1,3}", fullmatch=True)
VALUES = st.text(st.characters(max_codepoint=300), max_size=8) | st.text(
    st.characters(max_codepoint=128), max_size=2
)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=2))
def test_what_is_taken_is_sent_by_the_http_client_and_reads_back(
    headers: list[tuple[str, str]],
) -> None:
    try:
        check_headers(headers)
    except FieldErrors:
        return
    sent = [("Host", "a"), *headers]
    request = h11.Request(method="POST", target="/", headers=sent)
    h11.Connection(h11.CLIENT).send(request)
    assert parse_headers(pairs_text(headers)) == tuple(headers)


@given(st.from_regex(r"([A-Z][a-z-]{0,9}): ([!-~]([ -~]{0,9}[!-~])?)?", fullmatch=True))
def test_an_ordinary_line_is_taken_and_written_back(line: str) -> None:
    assert pairs_text(parse_headers(f"X-{line}")) == f"X-{line}"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("", DOTS),
        ("short", DOTS),
        ("a" * 11, DOTS),
        ("Bearer abcdefgh", DOTS),
        ("Bearer 0123456789abcdef", f"{DOTS}cdef"),
    ],
)
def test_a_masked_value_shows_four_characters_at_most(value: str, masked: str) -> None:
    assert mask_value(value) == masked
