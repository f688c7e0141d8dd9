"""Requests that are read out of bytes, however these come, and what they may hold meanwhile."""

from __future__ import annotations

from http import HTTPStatus
from itertools import pairwise

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sources.http.heads import MOST_BYTES, RequestReader
from sources.http.messages import Head, RequestRefused

Found = list[tuple[Head, bytes]]
GET = b"GET /a?b HTTP/1.1\r\nhost: a\r\n\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
CONNECT = b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"


def read_all(pieces: list[bytes]) -> tuple[Found, HTTPStatus | None]:
    """The requests that are whole, and the status of the refusal, if it comes to one."""
    reader = RequestReader()
    found: Found = []
    head: Head | None = None
    body = b""
    for piece in pieces:
        reader.feed(piece)
        try:
            while True:
                if head is None:
                    head, body = reader.head(), b""
                if head is None:
                    break
                body += reader.part()
                if not reader.body_ended:
                    break
                found.append((head, body))
                if not head.body_has_length:
                    return found, None  # its connection ends with it
                head = None
        except RequestRefused as refused:
            return found, HTTPStatus(refused.answer.status)
    return found, None


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces, which end at these places."""
    ends = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


BODIES = st.binary(max_size=40)
LINES = st.sampled_from(
    [
        b"x: y",
        b"X:  z \t ",
        b"connection: close",
        b"expect: 100-continue",
        b"host: b",
        b"content-length: 3",
        b"transfer-encoding: chunked",
        b"transfer-encoding: chunked ",
        b"transfer-encoding: gzip",
        b"upgrade: h2c",
        b" folded",
        b"no colon",
        b"a b: c",
        b"",
        b"x: \0",
        b"x: \xff",
        b": y",
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that is good for the most part."""
    body = draw(BODIES)
    method = draw(st.sampled_from([b"POST", b"GET", b"HEAD", b"PUT", b"post", b"CONNECT"]))
    target = draw(st.sampled_from([b"/", b"/events?a=b", b"/a%2Fb", b"*", b"/\xff", b"http://a/b"]))
    version = draw(st.sampled_from([b"1.1"] * 5 + [b"1.0", b"0.9", b"2.0", b"1.2"]))
    lines = [b"%b %b HTTP/%b" % (method, target, version), b"Host: a"]
    if draw(st.booleans()):
        lines += [b"Content-Length: %d" % len(body)]
    else:
        lines += [b"Transfer-Encoding: chunked"]
        cuts = cut(body, draw(st.lists(st.integers(0, 40), max_size=3)))
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in cuts) + b"0\r\n\r\n"
    lines[2:2] = draw(st.lists(LINES, max_size=2))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


STREAMS = st.lists(st.one_of(requests(), st.just(GET), st.binary(max_size=30)), max_size=4).map(
    b"".join
)


@given(STREAMS, st.lists(st.integers(0, 600), max_size=12))
@example(CHUNKED + b"0\r\n\r\n" + CONNECT, [])
@example(CHUNKED + b"0\r\n\r\n" + UPGRADE, [])
def test_where_the_bytes_are_cut_makes_no_difference(data: bytes, places: list[int]) -> None:
    assert read_all(cut(data, places)) == read_all([data])


@given(requests(), st.lists(st.integers(0, 600), max_size=5))
def test_what_is_taken_is_what_another_parser_reads(data: bytes, places: list[int]) -> None:
    """h11 is less strict: whatever it refuses is refused here too."""
    found, _ = read_all(cut(data, places))
    other = h11.Connection(h11.SERVER)
    other.receive_data(data)
    try:
        request = other.next_event()
        body = b""
        while isinstance(event := other.next_event(), h11.Data):
            body += event.data
    except h11.RemoteProtocolError:
        assert found == []
        return
    if not found:
        return
    [(head, own_body), *_] = found
    assert isinstance(request, h11.Request)
    assert isinstance(event, h11.EndOfMessage)
    assert head.method.encode() == request.method
    assert head.path.encode() == request.target.partition(b"?")[0]
    assert own_body == body
    values: dict[str, list[str]] = {}
    for name, value in request.headers:
        values.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    assert head.headers == {name: ", ".join(found) for name, found in values.items()}


@given(st.binary(max_size=200))
def test_no_bytes_are_a_bug(data: bytes) -> None:
    read_all([data])
    read_all([CHUNKED + data])
    read_all([GET + data])


@pytest.mark.parametrize(
    ("start", "endless"),
    [
        (b"", b"x"),
        (b"", b"\r\n"),
        (b"GET / HTTP/1.1\r\n", b"x: y\r\n"),
        (b"GET / HTTP/1.1\r\nx: ", b"y"),
        (CHUNKED, b"0"),
        (CHUNKED + b"1;", b"x"),
        (CHUNKED + b"0\r\nx: ", b"y"),
        (CHUNKED + b"0\r\n", b"x: y\r\n"),
    ],
    ids=["line", "blanks", "headers", "header", "size", "extension", "trailer", "trailers"],
)
def test_what_never_ends_is_refused_before_it_is_large(start: bytes, endless: bytes) -> None:
    size = 1000 * len(endless)
    found, status = read_all([start, *[endless * 1000] * 100])
    assert found == []
    assert status in (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, HTTPStatus.BAD_REQUEST)
    within = MOST_BYTES // size + 2
    assert read_all([start, *[endless * 1000] * within])[1] == status


def test_parts_of_a_body_need_not_be_large() -> None:
    """Only what is no body is counted: a megabyte may come byte by byte."""
    chunks = [b"1\r\nx\r\n"] * (2 * MOST_BYTES)
    [(_, body)], status = read_all([CHUNKED, *chunks, b"0\r\n\r\n"])
    assert (len(body), status) == (len(chunks), None)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nhost: a\n\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
        (CHUNKED.replace(b"host", b"content-length: 1\r\nhost"), 400),
        (b"GET / HTTP/2.0\r\nhost: a\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"\r\n\r\n", 400),
    ],
    ids=["no host", "two hosts", "bare ends", "proxy", "packed", "both", "2.0", "0.9", "blank"],
)
def test_what_could_be_read_in_two_ways_is_refused(head: bytes, status: int) -> None:
    assert read_all([head]) == ([], status)


@pytest.mark.parametrize(
    ("version", "more", "keeps"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"connection: close\r\n", False),
        (b"1.1", b"connection: x, Close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"connection: keep-alive\r\n", False),
    ],
)
def test_how_long_a_client_wants_its_connection(version: bytes, more: bytes, keeps: bool) -> None:
    [(head, _)], _ = read_all([b"GET / HTTP/%b\r\nhost: a\r\n%b\r\n" % (version, more)])
    assert head.keeps_connection is keeps
