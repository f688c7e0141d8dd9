"""No answer brings a secret of its request into the store."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from delivery.redact import SHORTEST_BEGINNING, SHORTEST_MASKED, Redactor, secrets_of
from domain.safe import mask_value

TOKEN = "s3cret-t0ken-0123456789abcdef"
PRINTABLE = "".join(map(chr, range(32, 127)))
SECRETS = (
    st.text(PRINTABLE, min_size=SHORTEST_MASKED, max_size=40)
    .map(str.strip)
    .filter(lambda text: len(text) >= SHORTEST_MASKED)
)
AROUND = st.text(st.characters(max_codepoint=255), max_size=60)


def as_it_is(text: str) -> str:
    return text


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def in_json_of_php(text: str) -> str:
    return in_json(text).replace("/", "\\/")


def in_json_for_html(text: str) -> str:
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def in_a_path(text: str) -> str:
    return quote(text, safe="")


def in_lower_hex(text: str) -> str:
    return "".join(f"%{ord(one):02x}" if not one.isalnum() else one for one in text)


def wholly_in_hex(text: str) -> str:
    return "".join(f"%{ord(one):02X}" for one in text)


WRITINGS: list[Callable[[str], str]] = [
    as_it_is,
    in_json,
    in_json_of_php,
    in_a_path,
    quote_plus,
    in_lower_hex,
    wholly_in_hex,
    html.escape,
]


@pytest.mark.parametrize("write", WRITINGS)
@given(before=AROUND, secret=SECRETS, after=AROUND)
def test_a_secret_is_masked_however_it_is_written(
    write: Callable[[str], str], before: str, secret: str, after: str
) -> None:
    told = Redactor([secret]).text(f"{before} {write(secret)} {after}")
    assert write(secret) not in told
    assert secret not in told
    assert mask_value("") in told


@pytest.mark.parametrize("write", WRITINGS)
@given(secret=SECRETS)
def test_a_text_that_is_no_longer_than_its_secret_is_read_too(
    write: Callable[[str], str], secret: str
) -> None:
    assert secret not in Redactor([secret]).text(write(secret))
    assert mask_value("") in Redactor([secret]).text(write(secret))


def test_the_angle_brackets_of_json_for_html_are_read() -> None:
    assert Redactor(["<a>&<b>'c"]).text(in_json_for_html("<a>&<b>'c")) == mask_value("<a>&<b>'c")


@given(text=AROUND, secrets=st.lists(SECRETS, max_size=4))
def test_what_holds_no_secret_stays_as_it_is(text: str, secrets: list[str]) -> None:
    writings = [write(secret) for secret in secrets for write in WRITINGS]
    assume(not any(written in text for written in writings))
    assume("\\" not in text and "%" not in text and "&" not in text and "+" not in text)
    assert Redactor(secrets).text(text) == text


@given(pieces=st.lists(st.one_of(SECRETS, AROUND), max_size=8), data=st.data())
def test_no_secret_is_left_wherever_others_overlap_it(
    pieces: list[str], data: st.DataObject
) -> None:
    text = "".join(pieces)
    assume(len(text) >= SHORTEST_MASKED)
    starts = st.integers(0, len(text) - SHORTEST_MASKED)
    secrets = [
        text[start : start + data.draw(st.integers(SHORTEST_MASKED, 30))]
        for start in data.draw(st.lists(starts, min_size=1, max_size=4))
    ]
    told = Redactor(secrets).text(text)
    assert not [secret for secret in secrets if len(secret) >= SHORTEST_MASKED and secret in told]


def test_what_overlaps_is_masked_as_one_by_its_last() -> None:
    one = "abcd01234567abcd"
    assert Redactor([one]).text(f"{one}01234567abcd") == "••••abcd"
    two = ["aaaa00000000bbbb", "bbbb00000000cccc"]
    assert Redactor(two).text("aaaa00000000bbbb00000000cccc") == "••••cccc"


@pytest.mark.parametrize("write", WRITINGS)
@given(secret=SECRETS, data=st.data())
def test_a_secret_that_is_cut_in_two_is_masked(
    write: Callable[[str], str], secret: str, data: st.DataObject
) -> None:
    written = write(secret)
    assume("~" not in secret)
    cut = data.draw(st.integers(0, len(written) - 1))
    told = Redactor([secret]).beginning(f"~~{written[:cut]}".encode())
    assert write(secret[:SHORTEST_BEGINNING]).encode() not in told
    assert told.startswith(b"~~")


def test_every_byte_of_what_is_kept_stays() -> None:
    all_bytes = bytes(range(256))
    told = Redactor([TOKEN]).beginning(all_bytes + TOKEN.encode() + all_bytes)
    assert told == all_bytes + mask_value(TOKEN).encode() + all_bytes


def test_the_mask_shows_no_more_than_anywhere_else() -> None:
    redactor = Redactor([f"Bearer {TOKEN}", TOKEN, "short-one"])
    assert redactor.text(f"got Bearer {TOKEN}!") == "got ••••cdef!"
    assert redactor.text(f"got {TOKEN}{TOKEN}!") == "got ••••cdef••••cdef!"
    assert redactor.text("got short-one!") == "got ••••!"


def test_what_is_too_short_to_be_told_from_other_text_stays() -> None:
    assert Redactor(["abcdefg"]).text("abcdefg") == "abcdefg"


def test_the_secrets_of_a_request() -> None:
    key = "whsec_" + base64.b64encode(b"k" * 24).decode()
    headers = [("Authorization", f"Bearer {TOKEN}"), ("X-Key", "plain"), ("Cookie", "sid=1; a=b")]
    assert secrets_of("https://example.com/hook", headers, [key]) == (
        f"Bearer {TOKEN}",
        TOKEN,
        "plain",
        "sid=1; a=b",
        "1",
        "b",
        key,
        key.removeprefix("whsec_"),
        "",
    )


def basic(text: str, encoding: str = "utf-8") -> str:
    return "Basic " + base64.b64encode(text.encode(encoding)).decode()


URL = "https://example.com/hook"
SLACK = "https://hooks.slack.com/services/T0123ABCD/B0456EFGH/aBcDeFgHiJkLmNoPqRsTuVwX"
NO_HEADER = ("X-Short", "1")


@pytest.mark.parametrize(
    ("url", "header", "answer", "told"),
    [
        (SLACK, NO_HEADER, f"no {SLACK}!", "no https://hooks.slack.com/services/••••uVwX!"),
        (SLACK, NO_HEADER, '{"key":"aBcDeFgHiJkLmNoPqRsTuVwX"}', '{"key":"••••uVwX"}'),
        (SLACK, NO_HEADER, "no such channel: T0123ABCD", "no such channel: T0123ABCD"),
        ("https://a/b%2Fc0123456789abcdef", NO_HEADER, "b/c0123456789abcdef", "••••cdef"),
        (URL, ("Authorization", basic("tocsin:pass:word-1")), "got pass:word-1!", "got ••••!"),
        (URL, ("Authorization", basic("tocsin:12345678")), "tocsin:12345678", "••••"),
        (URL, ("authorization", basic("a:gehörtmir")), "user a, gehörtmir", "user a, ••••"),
        (URL, ("Authorization", basic("a:gehörtmir", "latin-1")), "gehörtmir", "••••"),
        (URL, ("Authorization", basic("me:short")), "me, short", "me, short"),
        (URL, ("Authorization", "Basic of no base64"), "of no base64", "••••"),
        (URL, ("Cookie", f"sid={TOKEN}; theme=dark"), f"{TOKEN}, dark", "••••cdef, dark"),
        (URL, ("Cookie", f'sid="{TOKEN}"'), TOKEN, "••••cdef"),
        (f"{URL}?token={TOKEN}&v=2", ("X-A", "b"), f"token {TOKEN}, v 2", "token ••••cdef, v 2"),
        (f"{URL}?{TOKEN}", ("X-A", "b"), f"you sent {TOKEN}", "you sent ••••cdef"),
        (f"{URL}?a=1;key=to%20ken%2Bone", ("X-A", "b"), "to ken+one, 1", "••••, 1"),
        (f"{URL}?key=to+ken+one", ("X-A", "b"), "to ken one", "••••"),
        (f"{URL}?key=to%20ken%2Bone", ("X-A", "b"), "?key=to%20ken%2Bone", "?key=••••"),
    ],
)
def test_what_an_echo_takes_apart_is_masked_as_well(
    url: str, header: tuple[str, str], answer: str, told: str
) -> None:
    assert Redactor(secrets_of(url, [header], [])).text(answer) == told


@given(url=st.text(max_size=80), value=st.text(max_size=40))
def test_whatever_stands_in_a_request_has_secrets(url: str, value: str) -> None:
    for header in ("Authorization", "Cookie"):
        assert value in secrets_of(url, [(header, value), (header, f"Basic {value}")], [])
